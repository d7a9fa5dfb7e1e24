"""`hwsim rtl` and `hwsim verify`: what they write and say, and with which exit code."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hwsim.cli import main
from hwsim.engine.carried.items import Column
from hwsim.spec.load import load_machine
from hwsim.twin import job
from hwsim.twin.compare import Comparison, Difference
from hwsim.twin.traces import pack
from tests.harness.programs import tiled_program

TINY4 = load_machine("tiny4")


def test_rtl_writes_verilog_rtlil_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "build"
    assert main(["rtl", "-m", "tiny4", "-o", str(folder)]) == 0
    names = ["tiny4.il", "tiny4.json", "tiny4.v"]
    assert sorted(capsys.readouterr().out.split()) == [str(folder / n) for n in names] == sorted(map(str, folder.iterdir()))
    facts = json.loads((folder / "tiny4.json").read_text())
    verilog = (folder / "tiny4.v").read_text()
    top = re.search(r"^module tiny4\((.*?)\);", verilog, re.M)
    assert top is not None and {p["name"] for p in facts["ports"]} == set(top[1].split(", "))
    assert facts["digest"] == TINY4.digest and "module \\tiny4" in (folder / "tiny4.il").read_text()
    request = {f["name"]: f for f in facts["memory_request"]["fields"]}
    assert request["data"]["bits"] == TINY4.memory.width_bits and request["address"]["bits"] == 32
    load = {f["name"]: (f["from_bit"], f["bits"]) for f in facts["commands"]["load"]["fields"]}
    assert load["op"] == (0, 4) and load["mem"] == (17, 40) and facts["word_bits"] == 512


def test_rtl_behind_axi_has_a_register_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "build"
    assert main(["rtl", "-m", "tiny4", "--axi", "-o", str(folder)]) == 0
    facts, verilog = json.loads((folder / "tiny4.json").read_text()), (folder / "tiny4.v").read_text()
    top = re.search(r"^module tiny4\((.*?)\);", verilog, re.M | re.S)
    assert top is not None and {p["name"] for p in facts["ports"]} == set(re.findall(r"\w+", top[1])) > {"m_axi_awaddr", "s_axi_rdata"}
    registers = {r["name"]: r for r in facts["registers"]}
    assert [r["address"] for r in facts["registers"]] == list(range(0, 40, 4)) and registers["control"]["access"] == "rw"
    assert registers["digest_high"]["reads"][2:] + registers["digest_low"]["reads"][2:] == TINY4.digest
    assert registers["identity"]["reads"] == "0x6877736d" and facts["memory"]["bits"] == TINY4.memory.width_bits


def fake(difference: Difference | None) -> Any:
    """Gates that need no compiler: the comparison is given, the rest of the job is real."""

    def compare(spec: Any, program: Any, inputs: Any = None, machine: Any = None) -> Comparison:
        return Comparison(100, len(program.words), {}, {}, difference)

    return compare


class NoGates:
    probes, counts, signed = {"array.i_batch.taken": 1}, ("pe.mac",), frozenset[str]()

    def run(self, memory: Any, base: int, words: int) -> Any:
        return SimpleNamespace(record=lambda cycles: pack({"array.i_batch.taken": Column(np.zeros(cycles))}, self.probes)[0])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(job, "machine_of", lambda spec: NoGates())
    monkeypatch.setattr(job.Watch, "stretch", lambda self, cycles: {"array.i_batch.taken": Column(np.ones(cycles))})
    return monkeypatch


def test_equal_gates_are_one_line(quick: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick.setattr(job, "compare", fake(None))
    out = tmp_path / "out"
    assert main(["verify", "-m", "tiny4", "--programs", "2", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert re.match(r"equal: 2 random Programs and 4 real layers on tiny4, 600 cycles, 1 ports at every clock edge \(\w+\)\n", said)
    assert not out.exists()


def test_a_difference_is_a_line_files_and_code_1(quick: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick.setattr(job, "compare", fake(Difference(15, "array.pe[1,0]", "taking i", 0, 1)))
    out = tmp_path / "out"
    assert main(["verify", "-m", "tiny4", "--programs", "2", "--seed", "3", "-o", str(out)]) == 1
    line, shrunk, again = capsys.readouterr().out.splitlines()
    assert line == "cycle 15: array.pe[1,0]: gates and model disagree on taking i"
    assert shrunk.startswith("random 0 of seed 3, shrunk to 1 of ")
    names = ["gates.vcd", "model.vcd", "program.bin", "program.txt"]
    assert sorted(f.name for f in out.iterdir()) == names and all(str(out / n) in shrunk for n in names)
    assert again == f"again: hwsim verify --machine tiny4 --program {out / 'program.bin'} -o {out}"


def test_json_alone(quick: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quick.setattr(job, "compare", fake(Difference(15, "memory", "byte 7", 3, 4)))
    assert main(["verify", "-m", "tiny4", "--programs", "1", "--json", "-o", str(tmp_path / "out")]) == 1
    facts = json.loads(capsys.readouterr().out)
    text = "cycle 15: memory: gates and model disagree on byte 7: gates 3, model 4"
    assert facts["equal"] is False and facts["difference"]["text"] == text
    assert len(facts["files"]) == 4 and facts["machine"] == "tiny4"



DIFFERS = Difference(15, "memory", "byte 7", 3, 4)


def found(quick: pytest.MonkeyPatch, out: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The Program of a difference."""
    quick.setattr(job, "compare", fake(DIFFERS))
    assert main(["verify", "-m", "tiny4", "--programs", "1", "-o", str(out)]) == 1
    capsys.readouterr()
    return out / "program.bin"


def test_an_equal_run_leaves_nothing_of_an_earlier_difference(
    quick: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found(quick, tmp_path, capsys)
    (tmp_path / "mine.vcd").write_text("")
    quick.setattr(job, "compare", fake(None))
    assert main(["verify", "-m", "tiny4", "--programs", "0", "-o", str(tmp_path)]) == 0
    assert [f.name for f in tmp_path.iterdir()] == ["mine.vcd"]


def test_files_of_others_stay(quick: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Same names, but verify did not write them: a Program with layers, waveforms of another tool, notes."""
    tiled_program().save(tmp_path / "program.bin")
    for name in ("gates.vcd", "model.vcd", "program.txt"):
        (tmp_path / name).write_text("$date today $end\n")
    quick.setattr(job, "compare", fake(None))
    assert main(["verify", "-m", "tiny4", "--programs", "0", "-o", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == 4


def test_a_program_that_was_found_is_compared_alone(quick: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = found(quick, tmp_path / "out", capsys)
    words, before = ["verify", "-m", "tiny4", "--program", str(path), "-o", str(tmp_path / "out")], path.read_bytes()
    assert main(words) == 1
    line, what, again = capsys.readouterr().out.splitlines()
    assert line == str(DIFFERS) and what.startswith(f"{path}, 1 commands: ") and again == f"again: hwsim {' '.join(words)}".replace(
        "-m ", "--machine ", 1
    )
    assert path.read_bytes() == before
    quick.setattr(job, "compare", fake(None))
    assert main(words) == 0
    said = capsys.readouterr().out
    assert re.fullmatch(rf"equal: {path} on tiny4, 100 cycles, 1 ports at every clock edge \(\w+\)\n", said)
    assert [f.name for f in path.parent.iterdir()] == ["program.bin"], "it may be wanted again"


def test_a_compiled_program_gets_seeded_inputs_and_is_shrunk(
    quick: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiled_program().save(tmp_path / "p.bin")
    quick.setattr(job, "compare", fake(DIFFERS))
    assert main(["verify", "-m", "tiny4", "--program", str(tmp_path / "p.bin"), "--json", "-o", str(tmp_path / "out")]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["program"] == str(tmp_path / "p.bin") and facts["random"] == 0 and facts["layers"] == []
    assert facts["difference"]["commands"] == 1 < facts["difference"]["of"] and facts["again"].startswith("hwsim verify --machine tiny4 ")

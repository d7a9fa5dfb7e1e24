"""`hwsim run` from end to end on small networks: what is printed, what is written, what the stages give."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim import trip
from hwsim.cli import main
from hwsim.functional import Functional
from hwsim.report import Report, text
from hwsim.report.schema import validate
from hwsim.spec.commands import Command
from hwsim.spec.errors import MappingError
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program, load_program
from hwsim.twin.programs import random_program
from mapper.graph.reference import run as run_reference


def run_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["run", *words, "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    data: dict[str, Any] = json.loads(printed.out)
    validate(data, "run")
    return data


def test_json_of_a_pruned_run_beside_the_dense_one(capsys: pytest.CaptureFixture[str]) -> None:
    data = run_json(capsys, "mlp", "--machine", "tiny8", "--pattern", "2:8")
    dense = data["dense"]
    assert (data["pattern"], dense["pattern"], data["values"], data["cosine"]) == ("2:8", "dense", True, None)
    assert data["speedup"] == dense["cycles"] / data["cycles"] > 1.5
    assert data["dense_macs"] == dense["array_macs"] == 784 * 512 + 512 * 512 + 512 * 10
    assert data["array_macs"] == data["dense_macs"] / 4
    assert 0 < data["utilisation"] < 1 and data["dram_bits"]["read"] < dense["dram_bits"]["read"]
    assert data["energy_pj"]["low"] < data["energy_pj"]["typical"] < data["energy_pj"]["high"]
    assert data["actions"]["pe.mac"] + data["actions"]["pe.gated_mac"] == data["array_macs"]
    assert data["actions"]["pe.gated_mac"] > 0, "relu makes zeros"
    assert sum(x["cycles"] for x in data["lost"]) == pytest.approx(data["cycles"] - dense["cycles"] / 4)


def test_no_values_leave_cycles_and_make_gating_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    with_values = run_json(capsys, "mlp", "-m", "tiny8", "--pattern", "2:4")
    without = run_json(capsys, "mlp", "-m", "tiny8", "--pattern", "2:4", "--no-values")
    assert without["cycles"] == with_values["cycles"] and without["unknown"] == ["pe.mac", "pe.gated_mac"]
    assert without["energy_pj"]["low"] < with_values["energy_pj"]["low"]
    assert without["energy_pj"]["high"] > with_values["energy_pj"]["high"]


def test_layers_are_picked_by_glob(capsys: pytest.CaptureFixture[str]) -> None:
    data = run_json(capsys, "mlp", "-m", "tiny8", "--layers", "fc[23]", "--batch", "3")
    assert [x["name"] for x in data["layers"]] == ["fc2", "fc3"] and data["dense"] is None and data["speedup"] is None
    assert data["array_macs"] == 3 * (512 * 512 + 512 * 10) and data["batch"] == 3


def test_files_are_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, trace = tmp_path / "a" / "out", tmp_path / "trace"
    assert main(["run", "mlp", "-m", "tiny4", "--pattern", "2:4", "--layers", "fc3", "-o", str(out), "--trace", str(trace)]) == 0
    shown = capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == ["result.json", "roofline.png", "time.png"]
    assert shown == text(Report.from_json((out / "result.json").read_text("utf-8")))
    traced = sorted(str(p.relative_to(trace)) for p in trace.rglob("*") if p.is_file())
    assert traced == [f"{run}/{name}" for run in ("2_4", "dense") for name in ("commands.csv", "timeline.json")]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "trace"]


@pytest.mark.parametrize(("fault", "code"), [(MappingError("fc3: too large; tile it"), 2), (KeyboardInterrupt(), 130)])
def test_nothing_is_left_when_the_second_run_fails(
    fault: BaseException, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The dense run has written its trace by then."""
    real, runs = trip.simulate, []

    def fails(*args: Any, **named: Any) -> Any:
        runs.append(1)
        if len(runs) == 2:
            raise fault
        return real(*args, **named)

    monkeypatch.setattr("hwsim.trip.job.simulate", fails)
    words = ["run", "mlp", "-m", "tiny4", "--pattern", "2:4", "--layers", "fc3"]
    assert main([*words, "-o", str(tmp_path / "o"), "--trace", str(tmp_path / "t")]) == code
    assert len(runs) == 2 and list(tmp_path.iterdir()) == [] and capsys.readouterr().out == ""


def test_a_compiled_program_runs_to_the_same_cycles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "p.bin")
    words = ["mlp", "--machine", "tiny8", "--pattern", "2:8"]
    assert main(["compile", *words, "-o", path, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["layers"] == 3 and facts["digest"] == load_machine("tiny8").digest
    data, again = run_json(capsys, *words), run_json(capsys, path, "-m", "tiny8")
    assert again["cycles"] == data["cycles"] and again["pattern"] == "2:8" and again["network"] == "p"
    assert main(["disasm", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(not x.startswith("#") for x in lines) == facts["commands"] and lines[-1] == "end"
    assert [x.split()[2] for x in lines[1:] if x.startswith("#")] == ["fc1", "fc2", "fc3"]


def saved(folder: Path, machine: AcceleratorSpec, commands: list[Command] | None = None) -> str:
    """A Program without layers in a file, as `hwsim verify` leaves it; a random one where no commands are given."""
    made = random_program(machine, seed=1)
    fields = ("machine", "digest", "image", "image_base", "memory_bytes", "inputs", "outputs", "layers")
    Program.of(commands or made.commands(), **{f: getattr(made, f) for f in fields}).save(folder / "p.bin")
    return str(folder / "p.bin")


@pytest.mark.parametrize("name", ["tiny4", "tiny4_fp16"])
def test_a_program_without_layers_is_one_row(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    machine = load_machine(name)
    path = saved(tmp_path, machine)
    data = run_json(capsys, path, "-m", name, "-o", str(tmp_path / "out"), "--trace", str(tmp_path / "trace"))
    (layer,) = data["layers"]
    assert (layer["name"], layer["kind"], layer["pattern"], data["pattern"]) == ("program", "commands", "mixed", "mixed")
    assert data["cycles"] == layer["cycles"] > 1000
    effectual, gated = Functional(machine, load_program(Path(path))).run({}).macs.sum(axis=0).tolist()
    assert (data["actions"]["pe.mac"], data["actions"]["pe.gated_mac"]) == (effectual, gated) and effectual > 100
    assert run_json(capsys, path, "-m", name, "--no-values")["cycles"] == data["cycles"]
    for words in (["run", path, "-m", name], ["report", str(tmp_path / "out" / "result.json")]):
        assert main(words) == 0
        assert "\na Program without layers: its commands in one row" in capsys.readouterr().out
    assert main(["disasm", path, "-m", name]) == 0 and capsys.readouterr().out.endswith("\nend\n")


@pytest.mark.parametrize("commands", [[Command.of("end")], [Command.of("load", run=1000), Command.of("end")]], ids=["end", "load"])
def test_a_program_that_reads_nothing_of_what_it_loads(
    commands: list[Command], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = run_json(capsys, saved(tmp_path, load_machine("tiny4"), commands), "-m", "tiny4")
    assert data["cycles"] > 0 and data["array_macs"] == 0 and data["pattern"] == "dense"


def test_stages_give_the_values_of_the_graph() -> None:
    machine, network = load_machine("tiny8"), trip.load("mlp", batch=2)
    pruned = trip.prune(network, "1:4")
    result, outputs = trip.simulate(pruned, trip.compile(pruned, machine), machine)
    graph = trip.lower(pruned, machine)
    due = run_reference(graph, pruned.inputs, "int8")[graph.outputs[0]]
    assert np.array_equal(outputs[graph.outputs[0]].reshape(due.shape), due) and result.pattern == "1:4"
    weight = pruned.graph.layer("fc1").params["weight"]
    assert np.count_nonzero(weight) == weight.size / 4 and np.count_nonzero(network.graph.layer("fc1").params["weight"]) > weight.size / 2


def test_a_large_batch_repeats_a_sample() -> None:
    """An int8 network is calibrated on the sample, so its outputs repeat too."""
    machine, large, small = load_machine("tiny8"), trip.load("mlp", batch=9, layers="fc[23]"), trip.load("mlp", batch=4, layers="fc[23]")
    a, b = (trip.simulate(n, trip.compile(n, machine), machine)[1]["fc3"].reshape(n.batch, 10) for n in (large, small))
    assert np.array_equal(a, b[np.arange(9) % 4]) and large.graph.shape("fc2") == (9, 512)
    assert not np.array_equal(b[0], b[1])


def test_bars_are_on_stderr_for_people(tmp_path: Path) -> None:
    code = "import sys; from hwsim.cli import main; sys.exit(main(['run', 'mlp', '-m', 'tiny4', '--layers', 'fc3', '--json']))"
    master, slave = pty.openpty()
    with (tmp_path / "stdout").open("wb") as stdout:
        run = subprocess.Popen([sys.executable, "-c", code], stdout=stdout, stderr=slave, env={**os.environ, "TERM": "xterm"})
    os.close(slave)
    shown = b""
    try:
        while piece := os.read(master, 1 << 12):
            shown += piece
    except OSError:  # the other end was closed
        pass
    os.close(master)
    assert run.wait() == 0 and json.loads((tmp_path / "stdout").read_text())["network"] == "mlp"
    assert b"map dense" in shown and b"run dense" in shown


def test_minilm_says_what_pruning_did(capsys: pytest.CaptureFixture[str]) -> None:
    data = run_json(capsys, "minilm", "-m", "sat", "--pattern", "2:8", "--seq", "16", "--no-values")
    cosine = data["cosine"]
    assert cosine["sentences"] == 16 and -1 <= cosine["min"] <= cosine["mean"] < 0.9
    assert data["seq"] == 16 and [x["work"] for x in data["host"]] == ["tokeniser", "embedding gather", "pooling"]
    assert all(0 < x["share"] < 0.01 for x in data["host"][1:])
    assert cosine["machine"] is None, "no values came out of it"
    dense = run_json(capsys, "minilm", "-m", "sat", "--seq", "24")
    assert dense["cosine"]["min"] > 0.999 and dense["cosine"]["nearest_changes"] == 0
    assert dense["cosine"]["machine"] > 0.9999

"""What docs/fpga.md says to type works: the Programs fit into the boards that it builds."""

import json
import re
import shlex
from pathlib import Path

import pytest

from hwsim.cli import main
from hwsim.cli.board import read_inputs
from hwsim.host import Board
from hwsim.spec.errors import BoardError
from hwsim.spec.load import load_machine
from hwsim.spec.program import load_program
from rtl.boards.build import BOARDS
from tests.harness.model_board import ModelBoard
from tests.house.tree import ROOT

TEXT = (ROOT / "docs/fpga.md").read_text()


def pairs() -> list[tuple[list[str], list[str]]]:
    """Words of each `hwsim bitstream` and of the `hwsim compile` behind it, of networks that have a name."""
    found = [shlex.split(line, comments=True)[1:] for line in re.findall(r"^hwsim (?:bitstream|compile) .*$", TEXT, re.MULTILINE)]
    both = [(a, b) for a, b in zip(found, found[1:], strict=False) if (a[0], b[0]) == ("bitstream", "compile")]
    return [(a, b) for a, b in both if not b[1].endswith(".onnx")]


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def memory_bits(words: list[str]) -> int:
    return int(option(words, "--memory")) if "--memory" in words else BOARDS[option(words, "--board")].memory_bits


def test_examples_with_the_default_and_with_more_memory_are_found() -> None:
    assert sorted({memory_bits(built) for built, _ in pairs()}) == [262_144, 2_097_152]


@pytest.mark.parametrize(("built", "compiled"), pairs(), ids=lambda words: " ".join(words))
def test_a_documented_program_fits_into_its_board_and_runs(
    built: list[str], compiled: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert option(built, "--machine") == option(compiled, "--machine")
    assert main([*compiled, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["memory_bits"] < said["board_bits"] <= memory_bits(built)
    assert f"{said['board_bits']:,}" in TEXT
    name = option(compiled, "-o")
    assert f"hwsim host {name} " in TEXT
    program, spec = load_program(Path(name)), load_machine(option(built, "--machine"))
    inputs = read_inputs(program, None, 0)
    outcome = Board(ModelBoard(spec, program, memory_bits(built) // 8), "line").run(program, inputs, lambda *_: None)
    assert outcome.outputs.keys() == {r.name for r in program.outputs}
    with pytest.raises(BoardError, match=f"needs {said['board_bits']} bits of memory"):
        less = 1 << (program.board_bytes - 1).bit_length() - 1
        Board(ModelBoard(spec, program, less), "line").run(program, inputs, lambda *_: None)


def test_compile_prints_what_a_board_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fc3.prg"
    assert main(["compile", "mlp", "-m", "tiny4", "--layers", "fc3", "-o", str(file)]) == 0
    program = load_program(file)
    needs = -(-program.memory_bytes // 64) * 512 + 512 * len(program.words)
    assert f", board_bits {needs:,}\n" in capsys.readouterr().out

"""A Program through the serial line of compiled gates: values and cycles of the simulator."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hwsim.cli import main
from hwsim.engine import simulate
from hwsim.host import connected
from hwsim.spec.errors import BoardError
from hwsim.spec.load import dump_machine, load_machine
from hwsim.spec.serial import State
from rtl.boards.system import System
from rtl.compiled import compiled
from tests.harness.board_gates import DRIVER, CompiledBoard, terminal
from tests.harness.small_linear import TWO, small_linear

CLOCKS_PER_BIT = 8
SPEC = TWO


@pytest.fixture(scope="module")
def device() -> Iterator[str]:
    system = System(SPEC, 1 << 13, CLOCKS_PER_BIT, silence_bits=64)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("hwsim.host.WAIT_SECONDS", 60.0)  # a simulated board is slow on a busy computer
    with terminal(CompiledBoard(compiled(system, "board", DRIVER), CLOCKS_PER_BIT, stretch=5_000)) as name:
        yield name
    monkeypatch.undo()


def test_a_program_through_the_serial_line_ends_with_values_and_cycles_of_the_simulator(device: str) -> None:
    program, inputs, outputs = small_linear(SPEC, rows=6, k=32, n=8, kept=2, block=8)
    result, _ = simulate(SPEC, program, inputs, values=True)
    seen: list[str] = []
    with connected(device, 115200) as board:
        for _ in range(2):  # the second run finds what the first one left
            outcome = board.run(program, inputs, lambda stage, done, total: seen.append(stage))
            assert outcome.cycles == result.cycles
            assert outcome.outputs.keys() == outputs.keys()
            for name, values in outputs.items():
                np.testing.assert_array_equal(outcome.outputs[name], values)
                assert np.any(values), "the layer gives zeros alone"
        assert board.status() == (State.ENDED, result.cycles)
    assert set(seen) == {"load", "read results"}


def test_a_program_of_another_machine_is_refused_before_anything_is_written(device: str) -> None:
    program, inputs, _ = small_linear(load_machine("tiny8"), rows=2, k=8, n=8, kept=2, block=8)
    with connected(device, 115200) as board:
        board.write(0, b"untouched")
        with pytest.raises(BoardError, match=rf"^{device}: the board holds machine {SPEC.digest}, the Program is for tiny8 "):
            board.run(program, inputs, lambda stage, done, total: None)
        assert board.read(0, 9) == b"untouched"


def test_the_command_line_says_that_board_and_simulator_agree(
    device: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, inputs, outputs = small_linear(SPEC, rows=3, k=16, n=4, kept=1, block=4)
    program.save(tmp_path / "fc.prg")
    np.savez(tmp_path / "in.npz", **inputs)
    (tmp_path / "two.yaml").write_text(dump_machine(SPEC))
    files = [str(tmp_path / "fc.prg"), "-o", str(tmp_path / "out.npz"), "--inputs", str(tmp_path / "in.npz")]
    assert main(["host", *files, "--port", device, "-m", str(tmp_path / "two.yaml"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["equal_outputs"] is True and said["cycles"] == said["simulated_cycles"] > 0
    with np.load(tmp_path / "out.npz") as written:
        assert {name: values.tolist() for name, values in written.items()} == {name: x.tolist() for name, x in outputs.items()}

"""The host against a board that is a model of the protocol, over a line that garbles."""

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from hwsim.host import TRIES, Board
from hwsim.spec.errors import BoardError
from hwsim.spec.load import load_machine
from hwsim.spec.program import Program
from hwsim.spec.serial import Operation, State
from tests.harness.model_board import NEVER, ModelBoard
from tests.harness.small_linear import small_linear

SPEC = load_machine("tiny4")


def silent(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def made() -> tuple[Program, dict, dict]:
    return small_linear(SPEC, rows=40, k=48, n=20, kept=2, block=8)


@pytest.mark.parametrize("how", ["", "lost", "cut", "bit", "data", "header", "line"])
def test_results_come_back_over_a_line_that_garbles(made: tuple[Program, dict, dict], how: str) -> None:
    program, inputs, outputs = made
    board = ModelBoard(SPEC, program)
    board.garbles.extend(["", "", "", how, how, "", how])
    outcome = Board(board, "line").run(program, inputs, silent)
    assert outcome.cycles == 77
    for name, values in outputs.items():
        np.testing.assert_array_equal(outcome.outputs[name], values)
    assert not board.garbles and len(board.asked) >= 8 + 3 * bool(how)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("lost", "line: HELLO: no answer, 4 times; check cable, bitstream and --baud"),
        ("bit", "line: HELLO: no answer, 4 times; check cable, bitstream and --baud"),
        ("line", "line: HELLO: a byte came without its stop bit, or too early, 4 times; check cable, bitstream and --baud"),
    ],
)
def test_a_line_that_garbles_all_is_given_up(made: tuple[Program, dict, dict], how: str, said: str) -> None:
    board = ModelBoard(SPEC, made[0])
    board.garbles.extend([how] * TRIES)
    with pytest.raises(BoardError) as caught:
        Board(board, "line").hello()
    assert str(caught.value) == said and len(board.asked) == TRIES


@pytest.mark.parametrize("how", ["lost", "cut", "bit", "header", "line"])
@pytest.mark.parametrize("runs", [0, 3])
@pytest.mark.parametrize("times", [1, TRIES - 1])
def test_a_program_is_started_once_whatever_becomes_of_the_answer(
    made: tuple[Program, dict, dict], how: str, runs: int, times: int
) -> None:
    """`runs` 0: it has ended before the host asks what became of it. A garbled question (header, line) starts nothing."""
    program, inputs, outputs = made
    board = ModelBoard(SPEC, program)
    for _ in range(2):  # the second one finds the end of the first
        board.runs, board.spoils[Operation.START] = runs, deque([how] * times)
        board.spoils[Operation.STATUS] = deque(["lost", "bit"])
        board.done.clear()
        outcome = Board(board, "line").run(program, inputs, silent)
        assert board.done[Operation.START] == 1
        for name, values in outputs.items():
            np.testing.assert_array_equal(outcome.outputs[name], values)
    assert not board.spoils[Operation.STATUS]


def test_the_end_of_a_program_before_is_not_taken_for_that_of_one_whose_start_was_garbled(made: tuple[Program, dict, dict]) -> None:
    board = ModelBoard(SPEC, made[0])
    host = Board(board, "line")
    host.run(made[0], made[1], silent)
    board.spoils[Operation.START] = deque(["header"])
    host.start(made[0].commands_address, len(made[0].words))
    assert board.done[Operation.START] == 2


def test_a_program_that_cannot_be_started_is_given_up(made: tuple[Program, dict, dict]) -> None:
    program, inputs, _ = made
    board = ModelBoard(SPEC, program)
    board.spoils[Operation.START] = deque(["header"] * TRIES)
    with pytest.raises(BoardError) as caught:
        Board(board, "line").run(program, inputs, silent)
    assert str(caught.value) == "line: START: the checksum of its header differs, 4 times; check cable, bitstream and --baud"
    assert board.done[Operation.START] == 0


def test_what_the_board_refuses_is_not_asked_again(made: tuple[Program, dict, dict]) -> None:
    board = ModelBoard(SPEC, made[0])
    with pytest.raises(BoardError) as caught:
        Board(board, "line").read(1 << 13, 1)
    assert str(caught.value) == (
        "line: the board refuses READ at 8192: it leaves the board's memory, is empty, or starts at no command; "
        "its memory is smaller than the Program, or another host speaks with it"
    )
    assert len(board.asked) == 1


def test_a_program_that_does_not_end_is_stopped(made: tuple[Program, dict, dict]) -> None:
    program, inputs, _ = made
    board = ModelBoard(SPEC, program)
    board.runs = NEVER
    with pytest.raises(BoardError) as caught:
        Board(board, "line").run(program, inputs, silent, patience=0.05)
    assert str(caught.value) == "line: the Program did not end in 0.05 s (77 cycles); give it more --patience"
    assert board.state == State.IDLE


def test_a_program_of_another_machine_or_too_large_is_refused(made: tuple[Program, dict, dict]) -> None:
    program, inputs, _ = made
    with pytest.raises(BoardError, match="^line: the board holds machine [0-9a-f]{16}, the Program is for tiny4 "):
        Board(ModelBoard(load_machine("tiny8"), program), "line").run(program, inputs, silent)
    needs = 8 * (-(-program.memory_bytes // 64) * 64 + program.words.size)
    with pytest.raises(BoardError) as caught:
        Board(ModelBoard(SPEC, program, 256), "line").run(program, inputs, silent)
    levers = "build its bitstream with --memory 65536, or take a smaller network"
    assert str(caught.value) == f"line: the Program needs {needs} bits of memory, the board has 2048; {levers}"


def test_a_board_of_another_version_is_refused(made: tuple[Program, dict, dict], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.harness.model_board.VERSION", 9)
    with pytest.raises(BoardError) as caught:
        Board(ModelBoard(SPEC, replace(made[0])), "line").hello()
    assert str(caught.value) == "line: the board speaks version 9, this is 1; build its bitstream again"

"""The host against a board that is a model of the protocol, over a line that garbles."""

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from hwsim.functional import run_functional
from hwsim.host import TRIES, Board
from hwsim.spec.commands import WORD_BYTES
from hwsim.spec.errors import BoardError
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program, Region
from hwsim.spec.serial import (
    HEADER_BYTES,
    START_BYTE,
    VERSION,
    Operation,
    State,
    Status,
    answer,
    checksum,
)
from tests.harness.small_linear import small_linear

SPEC = load_machine("tiny4")


class ModelBoard:
    """Runs a Program at once with `functional`. `garbles`: for each question to come, what is done to its answer."""

    def __init__(self, spec: AcceleratorSpec, program: Program, size: int = 1 << 13) -> None:
        self.spec, self.program, self.memory = spec, program, np.zeros(size, np.uint8)
        self.garbles: deque[str] = deque()
        self.state, self.asked, self.sent, self.ends = State.IDLE, list[bytes](), b"", True

    def reset_input_buffer(self) -> None:
        self.sent = b""

    def read(self, size: int) -> bytes:
        out, self.sent = self.sent[:size], self.sent[size:]
        return out

    def write(self, data: bytes) -> None:
        self.asked.append(data)
        how = self.garbles.popleft() if self.garbles else ""
        if how in ("data", "header", "line"):
            self.sent = answer(0, Status[how.upper()])
            return
        said = self._answer(data)
        self.sent = {"lost": b"", "cut": said[:-1], "bit": said[:3] + bytes([said[3] ^ 1]) + said[4:]}.get(how, said)

    def _answer(self, data: bytes) -> bytes:
        body = data[1 : 1 + HEADER_BYTES]
        assert data[0] == START_BYTE and checksum(body) == data[1 + HEADER_BYTES : 3 + HEADER_BYTES]
        op, at, length = body[0], int.from_bytes(body[1:5], "little"), int.from_bytes(body[5:], "little")
        payload, end = b"", at + (length if op in (Operation.READ, Operation.WRITE) else 0)
        if end > len(self.memory):
            return answer(0, Status.RANGE)
        if op == Operation.HELLO:
            payload = bytes([VERSION, *bytes.fromhex(self.spec.digest), len(self.memory).bit_length() - 1])
        elif op == Operation.WRITE:
            self.memory[at:end] = np.frombuffer(data[3 + HEADER_BYTES : -2], np.uint8)
        elif op == Operation.READ:
            payload = self.memory[at:end].tobytes()
        elif op == Operation.START:
            self._run(at, length)
        elif op == Operation.STATUS:
            payload = bytes([self.state]) + (77).to_bytes(5, "little")
        else:
            self.state = State.IDLE
        return answer(op, Status.OK, payload)

    def _run(self, at: int, words: int) -> None:
        self.state = State.ENDED if self.ends else State.RUNNING
        there = self.memory[at : at + words * WORD_BYTES]
        np.testing.assert_array_equal(there, self.program.words.ravel())
        number = {r.name: self._tensor(r) for r in self.program.inputs}
        for region in self.program.outputs:
            values = run_functional(self.spec, self.program, number)[region.name]
            self.memory[region.address : region.address + region.bytes] = values.reshape(-1).view(np.uint8)

    def _tensor(self, region: Region) -> np.ndarray:
        return self.memory[region.address : region.address + region.bytes].view(np.int8).reshape(region.shape)


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
    board.ends = False
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
    assert str(caught.value) == f"line: the Program needs {needs} bits of memory, the board has 2048; take a smaller network"


def test_a_board_of_another_version_is_refused(made: tuple[Program, dict, dict], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.hwsim.test_host.VERSION", 9)
    with pytest.raises(BoardError) as caught:
        Board(ModelBoard(SPEC, replace(made[0])), "line").hello()
    assert str(caught.value) == "line: the board speaks version 9, this is 1; build its bitstream again"

"""The host's side of a board: loads a Program over a serial line, starts it, reads the results. docs/fpga.md has the frames."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import serial

from hwsim.functional import check_memory, fill_memory, read_outputs
from hwsim.spec.errors import BoardError
from hwsim.spec.program import Program
from hwsim.spec.serial import (
    ANSWER_BYTE,
    CHECKSUM_BYTES,
    MEANING,
    VERSION,
    Operation,
    State,
    Status,
    checksum,
    question,
)

Array = np.ndarray[Any, Any]
Progress = Callable[[str, int, int], None]
PIECE = 1024  # bytes a frame
TRIES = 4
AGAIN = (Status.FIRST, Status.LINE, Status.HEADER, Status.DATA, Status.SHORT)  # what noise on the line may have done
WAIT_SECONDS, POLL_SECONDS = 2.0, 0.02


class Line(Protocol):
    """What is used of serial.Serial. `read` gives fewer bytes when none came for a while."""

    def read(self, size: int) -> bytes: ...
    def write(self, data: bytes) -> Any: ...
    def reset_input_buffer(self) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """`cycles`: from the start to the end of the Program, counted on the board."""

    outputs: dict[str, Array]
    cycles: int


class Board:
    """`name`: of the line, in errors."""

    def __init__(self, line: Line, name: str) -> None:
        self.line, self.name = line, name

    def hello(self) -> tuple[str, int]:
        """The digest of the machine, and its bytes of memory."""
        payload = self.ask(Operation.HELLO)
        if not payload or payload[0] != VERSION:
            there = payload[0] if payload else 0
            raise BoardError(f"{self.name}: the board speaks version {there}, this is {VERSION}; build its bitstream again")
        return payload[1:-1].hex(), 1 << payload[-1]

    def status(self) -> tuple[State, int]:
        payload = self.ask(Operation.STATUS)
        return State(payload[0]), int.from_bytes(payload[1:], "little")

    def write(self, address: int, data: bytes) -> None:
        self.ask(Operation.WRITE, address, data=data)

    def read(self, address: int, length: int) -> bytes:
        return self.ask(Operation.READ, address, length)

    def start(self, address: int, words: int) -> None:
        """Starts the Program once: where the answer was lost, STATUS says whether it runs or has ended already."""
        self.stop()  # so that no end of a Program before is taken for the end of this one
        self.ask(Operation.START, address, words, done=lambda: self.status()[0] != State.IDLE)

    def stop(self) -> None:
        self.ask(Operation.STOP)

    def ask(
        self, operation: Operation, address: int = 0, length: int = 0, data: bytes = b"", done: Callable[[], bool] = lambda: False
    ) -> bytes:
        """The payload of the answer; asks again when the line garbled either of them, unless it is `done` all the same."""
        said = ""
        for _ in range(TRIES):
            self.line.reset_input_buffer()
            self.line.write(question(operation, address, length, data))
            status, answered, payload = self._answer()
            if status == Status.OK and answered == operation:
                return payload
            if status in MEANING and status not in AGAIN:
                raise BoardError(
                    f"{self.name}: the board refuses {operation.name} at {address}: {MEANING[Status(status)]}; "
                    "its memory is smaller than the Program, or another host speaks with it"
                )
            said = "no answer" if status is None else MEANING.get(Status(status), "an answer to another question")
            if done():
                return b""
        raise BoardError(f"{self.name}: {operation.name}: {said}, {TRIES} times; check cable, bitstream and --baud")

    def _answer(self) -> tuple[int | None, int, bytes]:
        """Status (None without a whole answer), operation, payload."""
        head = self.line.read(5)
        if len(head) < 5 or head[0] != ANSWER_BYTE:
            return None, 0, b""
        size = int.from_bytes(head[3:], "little")
        rest = self.line.read(size + CHECKSUM_BYTES)
        if checksum(head[1:] + rest[:size]) != rest[size:] or head[2] not in list(Status):
            return None, 0, b""
        return head[2], head[1], rest[:size]

    def run(self, program: Program, inputs: Mapping[str, Array], progress: Progress, patience: float = 60.0) -> Outcome:
        """`patience`: seconds without an end after which the Program is stopped."""
        base = self._load(program, inputs, progress)
        self.start(base, len(program.words))
        until = time.monotonic() + patience
        while True:
            state, cycles = self.status()
            if state == State.ENDED:
                break
            if time.monotonic() > until:
                self.stop()
                raise BoardError(f"{self.name}: the Program did not end in {patience:g} s ({cycles} cycles); give it more --patience")
            time.sleep(POLL_SECONDS)
        memory = np.zeros(program.memory_bytes, np.uint8)
        for region in program.outputs:
            for at, piece in _pieces(region.address, region.bytes):
                progress("read results", at - region.address, region.bytes)
                memory[at : at + piece] = np.frombuffer(self.read(at, piece), np.uint8)
        return Outcome(read_outputs(memory, program), cycles)

    def _load(self, program: Program, inputs: Mapping[str, Array], progress: Progress) -> int:
        """Memory of the Program, its commands behind it; gives where they begin."""
        digest, room = self.hello()
        if digest != program.digest:
            raise BoardError(
                f"{self.name}: the board holds machine {digest}, the Program is for {program.machine} ({program.digest}); "
                "compile it for the board's machine, or load the bitstream of the Program's"
            )
        check_memory(program)
        base, needs = program.commands_address, program.board_bytes
        if needs > room:
            raise BoardError(
                f"{self.name}: the Program needs {8 * needs} bits of memory, the board has {8 * room}; "
                f"build its bitstream with --memory {1 << (8 * needs - 1).bit_length()}, or take a smaller network"
            )
        memory = np.zeros(needs, np.uint8)
        fill_memory(memory[: program.memory_bytes], program, inputs)
        memory[base:] = program.words.ravel()
        self.stop()
        for at, piece in _pieces(0, needs):
            progress("load", at, needs)
            self.write(at, memory[at : at + piece].tobytes())
        return base


def _pieces(start: int, size: int) -> Iterator[tuple[int, int]]:
    for at in range(start, start + size, PIECE):
        yield at, min(PIECE, start + size - at)


@contextmanager
def connected(port: str, baud: int) -> Iterator[Board]:
    try:
        line = serial.serial_for_url(port, baudrate=baud, timeout=WAIT_SECONDS)
    except (serial.SerialException, ValueError) as e:
        number = getattr(e, "errno", None)
        reason = os.strerror(number) if number else "no serial device"
        raise BoardError(f"{port}: cannot be opened ({reason}); give the board's serial device, as /dev/ttyUSB0") from e
    try:
        yield Board(line, port)
    except serial.SerialException as e:
        raise BoardError(f"{port}: the line broke off ({e}); check the cable") from e
    finally:
        line.close()

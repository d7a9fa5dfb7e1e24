"""A board that is a model of the protocol, over a line that garbles."""

import math
from collections import Counter, deque

import numpy as np

from hwsim.functional import run_functional
from hwsim.spec.commands import WORD_BYTES
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

NEVER = math.inf


class ModelBoard:
    """Runs a Program with `functional`. `garbles`: for each question to come, what is done to its answer; `spoils`: for each one
    to come of an operation. `runs`: how many questions of STATUS find the Program running, before it has ended."""

    def __init__(self, spec: AcceleratorSpec, program: Program, size: int = 1 << 13) -> None:
        self.spec, self.program, self.memory = spec, program, np.zeros(size, np.uint8)
        self.garbles: deque[str] = deque()
        self.spoils: dict[Operation, deque[str]] = {}
        self.state, self.asked, self.sent = State.IDLE, list[bytes](), b""
        self.runs, self.left, self.done = 0.0, 0.0, Counter[Operation]()

    def reset_input_buffer(self) -> None:
        self.sent = b""

    def read(self, size: int) -> bytes:
        out, self.sent = self.sent[:size], self.sent[size:]
        return out

    def write(self, data: bytes) -> None:
        self.asked.append(data)
        spoils = self.spoils.get(Operation(data[1])) or self.garbles
        how = spoils.popleft() if spoils else ""
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
        if self.state == State.RUNNING and op in (Operation.READ, Operation.WRITE, Operation.START):
            return answer(0, Status.BUSY)
        self.done[Operation(op)] += 1
        if op == Operation.HELLO:
            payload = bytes([VERSION, *bytes.fromhex(self.spec.digest), len(self.memory).bit_length() - 1])
        elif op == Operation.WRITE:
            self.memory[at:end] = np.frombuffer(data[3 + HEADER_BYTES : -2], np.uint8)
        elif op == Operation.READ:
            payload = self.memory[at:end].tobytes()
        elif op == Operation.START:
            self._run(at, length)
        elif op == Operation.STATUS:
            self._pass()
            payload = bytes([self.state]) + (77).to_bytes(5, "little")
        else:
            self.state = State.IDLE
        return answer(op, Status.OK, payload)

    def _pass(self) -> None:
        if self.state == State.RUNNING:
            self.left -= 1
            self.state = State.RUNNING if self.left >= 0 else State.ENDED

    def _run(self, at: int, words: int) -> None:
        self.left, self.state = self.runs, State.RUNNING if self.runs else State.ENDED
        there = self.memory[at : at + words * WORD_BYTES]
        np.testing.assert_array_equal(there, self.program.words.ravel())
        number = {r.name: self._tensor(r) for r in self.program.inputs}
        for region in self.program.outputs:
            values = run_functional(self.spec, self.program, number)[region.name]
            self.memory[region.address : region.address + region.bytes] = values.reshape(-1).view(np.uint8)

    def _tensor(self, region: Region) -> np.ndarray:
        return self.memory[region.address : region.address + region.bytes].view(np.int8).reshape(region.shape)

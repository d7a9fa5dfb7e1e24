"""Runs an image on a thread machine: sets memory and registers, steps epochs, ends, or says why it cannot go on."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec.errors import ProgramError, SimulationError
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.thread import block, pipeline
from hwsim.thread.decode import decode
from hwsim.thread.image import Image
from hwsim.thread.measure import measured
from hwsim.thread.memory_map import SCRATCHPAD, Memory, read_words, write_words
from hwsim.thread.ops import FENCED, NEVER, RUNNING, WINDOW_LOCAL
from hwsim.thread.state import State, empty_state
from hwsim.thread.verdict import check_status, deadlock
from hwsim.thread_result import ThreadResult

ARGUMENTS, A0, SP = 8, 10, 2
LONG_EPOCH, SPANS_AT_ONCE = 1 << 22, 1 << 20


@dataclass
class ThreadRun:
    """`spans`: what threads waited for (trace): thread, cause, begin, end, detail."""

    result: ThreadResult
    spec: ThreadMachineSpec
    memory: Any
    spans: Any

    def read(self, address: int, count: int, dtype: Any, block: int = 0) -> Any:
        """Values in memory after the run; `block` says whose copy of a local address."""
        kind = np.dtype(dtype)
        return read_words(self.spec, self.memory, address, count * kind.itemsize, block).view(kind).copy()


@dataclass
class Session:
    """A run under way. `epoch`: how many cycles blocks go on apart from one another."""

    spec: ThreadMachineSpec
    image: Image
    state: State
    trace: bool
    limit_cycles: int
    cycle: int = 0
    parity: int = 0

    @property
    def epoch(self) -> int:
        most = SPANS_AT_ONCE // (2 * self.spec.blocks * self.spec.pipelines) if self.trace else LONG_EPOCH
        return max(1, most) if self.spec.blocks == 1 else self.spec.link_cycles


def run_threads(
    spec: ThreadMachineSpec,
    image: Image,
    memory: Memory | None = None,
    args: Sequence[int | float] = (),
    processes: int = 1,
    limit_cycles: int | None = None,
    trace: bool = False,
    jump: bool = True,
    shuffle: int = 0,
) -> ThreadRun:
    """`args`: up to eight, in a0..a7 of every thread; a float goes as the bits of a double. `processes` share the blocks; the result is the
    same. `jump` and `shuffle` (rotates the order in which pipelines are stepped) change nothing either; tests say so."""
    memory = memory or Memory(spec)
    session = prepare(spec, image, memory, args, trace, limit_cycles, np.zeros)
    session.state.params[0]["jump"], session.state.params[0]["shuffle"] = int(jump), shuffle
    spans = _go(session)
    state = session.state
    cycles = int(max(int(state.blocks["clock"].max()), 1))
    result = measured(spec, image.name, cycles, state.threads, state.pipelines, state.blocks)
    return ThreadRun(result, spec, state.memory, spans)


def prepare(
    spec: ThreadMachineSpec, image: Image, memory: Memory, args: Sequence[int | float], trace: bool, limit: int | None, zeros: Any
) -> Session:
    if len(args) > ARGUMENTS:
        raise ProgramError(f"args: {len(args)} of them; give at most {ARGUMENTS}, more behind a pointer")
    if image.base + len(image.data) > WINDOW_LOCAL + memory.image_bytes:
        raise ProgramError(f"{image.name}: ends at {image.base + len(image.data):#x}; a block keeps {memory.image_bytes} bytes for it")
    code = decode(np.frombuffer(image.data, "<u4"), spec)
    state = empty_state(spec, code, memory.dram_bytes, SPANS_AT_ONCE if trace else 1, zeros)
    p = state.params[0]
    p["code_base"], p["codes"], p["trace"] = image.base, len(code), int(trace)
    if image.tohost >= 0:
        p["tohost"] = spec.scratchpad.capacity_bytes + image.tohost - WINDOW_LOCAL
    _fill(spec, image, memory, state)
    _registers(spec, image, args, state)
    return Session(spec, image, state, trace, NEVER if limit is None else limit)


def _fill(spec: ThreadMachineSpec, image: Image, memory: Memory, state: State) -> None:
    whole = np.frombuffer(image.data, np.uint8)
    for b in range(spec.blocks):
        write_words(spec, state.memory, image.base, whole, b)
    for address, array, kind in memory.placed:
        for b in range(spec.blocks) if kind == "local" else (0,):
            write_words(spec, state.memory, address, array, b)


def _registers(spec: ThreadMachineSpec, image: Image, args: Sequence[int | float], state: State) -> None:
    x = state.threads["x"]
    for i, a in enumerate(args):
        bits = struct.pack("<d", a) if isinstance(a, float) else struct.pack("<Q", int(a) & (1 << 64) - 1)
        x[:, A0 + i] = struct.unpack("<q", bits)[0]
    number = np.arange(spec.blocks * spec.threads, dtype=np.int64)
    home, local = number // spec.threads, number % spec.threads
    x[:, SP] = SCRATCHPAD | home << 40 | (local + 1) * (spec.stack_bits // 8)
    state.threads["pc"] = image.entry


def _go(session: Session) -> Any:
    """One process runs all blocks."""
    spec, state = session.spec, session.state
    s, n, found = state, spec.blocks, []
    pipeline.begin(s.params[0], s.blocks, s.threads, s.pipelines, s.code, s.fetched, 0, n)
    while True:
        end = session.cycle + session.epoch
        state.params[0]["parity"] = session.parity
        t = block.run_epoch(*state.arrays, 0, n, session.cycle, end)
        if session.trace:
            found.append(state.spans[: state.spanned[0]].copy())
            state.spanned[0] = 0
        if state.blocks["status"][0] == FENCED and n == 1:
            refresh(session)
            session.cycle = t
            continue
        block.exchange(s.blocks, s.pool, s.heap, s.outbox, session.parity, 0, n)
        if not advance(session, end):
            return np.concatenate(found) if found else state.spans[:0]


def advance(session: Session, end: int) -> bool:
    """Behind an epoch: whether there is another one. Every process of a run comes to the same answer."""
    state = session.state
    if (state.blocks["status"] != RUNNING).any() and check_status(session.spec, session.image, state):
        return False
    soonest = int(block.next_cycle(state.blocks, state.outbox, session.parity))
    if soonest >= NEVER:
        if state.blocks["live"].sum() > 0:
            deadlock(session.spec, session.image, state)
        return False
    session.cycle = max(end, soonest) if state.params[0]["jump"] else end
    session.parity ^= 1
    if session.cycle > session.limit_cycles:
        raise SimulationError(f"{session.image.name}: not over after {session.limit_cycles} cycles; raise the limit or mend the program")
    return True


def refresh(session: Session) -> None:
    """Behind fence.i: decodes what memory holds now."""
    state, image = session.state, session.image
    data = read_words(session.spec, state.memory, image.base, len(image.data))
    state.code[:] = decode(data.view("<u4"), session.spec)
    state.blocks["status"] = RUNNING

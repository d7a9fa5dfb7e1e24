"""Runs an image on a thread machine: sets memory and registers, lets it go, measures, or says why it could not go on."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec.errors import ProgramError, SimulationError
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.thread.decode import decode
from hwsim.thread.image import Image
from hwsim.thread.measure import measured
from hwsim.thread.memory_map import SCRATCHPAD, Memory, read_words, write_words
from hwsim.thread.ops import NEVER, WINDOW_LOCAL
from hwsim.thread.pipeline import begin
from hwsim.thread.processes import run_shared, shared_zeros, sparse_zeros
from hwsim.thread.session import SPANS_AT_ONCE, Session, run_alone
from hwsim.thread.state import State, empty_state
from hwsim.thread.verdict import check_end
from hwsim.thread_result import ThreadResult

ARGUMENTS, A0, SP = 8, 10, 2


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
    if processes < 1:
        raise SimulationError(f"processes: {processes}; use 1 or more")
    memory, processes = memory or Memory(spec), min(processes, spec.blocks)
    zeros = shared_zeros if processes > 1 else sparse_zeros if spec.blocks > 1 else np.zeros
    session = prepare(spec, image, memory, args, trace, limit_cycles, processes, zeros)
    state, p = session.state, session.state.params[0]
    p["jump"], p["shuffle"] = int(jump), shuffle
    begin(p, state.blocks, state.threads, state.pipelines, state.code, state.fetched, 0, spec.blocks)
    if processes == 1:
        spans = run_alone(session)
    else:
        spans = run_shared(session, processes)
    check_end(spec, image, state)
    cycles = int(max(int(state.blocks["clock"].max()), 1))
    result = measured(spec, image.name, cycles, state.threads, state.pipelines, state.blocks)
    return ThreadRun(result, spec, state.memory, spans[np.lexsort((spans["begin"], spans["thread"]))])


def prepare(
    spec: ThreadMachineSpec,
    image: Image,
    memory: Memory,
    args: Sequence[int | float],
    trace: bool,
    limit: int | None,
    processes: int,
    zeros: Any,
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
    board = zeros((2, processes, 2), np.int64)
    return Session(spec, image, state, board, trace, NEVER if limit is None else limit)


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

"""Random load and store commands, and an independent walk over their bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec.commands import LEVELS, Command
from hwsim.spec.machine import AcceleratorSpec

MEMORY_BYTES = 1 << 14


def random_copy(rng: np.random.Generator, spec: AcceleratorSpec, op: str, waits: Any, signals: Any) -> Command:
    """A walk that stays inside memory and its level, each run in one bank."""
    level = int(rng.integers(4)) if op == "load" else 3
    size = getattr(spec.levels, LEVELS[level]).bank_bytes
    bank = int(rng.integers(getattr(spec.levels, LEVELS[level]).banks)) * size
    run, counts = int(rng.integers(1, 40)), [int(rng.integers(1, 5)) for _ in range(2)]
    walk = {}
    for side, room in (("mem", MEMORY_BYTES), ("buf", size)):
        strides = [int(rng.integers(-60, 61)) for _ in range(2)]
        reach = [(n - 1) * s for n, s in zip(counts, strides, strict=True)]
        low, high = sum(min(0, r) for r in reach), sum(max(0, r) for r in reach) + run
        walk[side] = int(rng.integers(-low, room - high + 1)) + (bank if side == "buf" else 0)
        walk |= {f"{side}_stride{k}": s for k, s in enumerate(strides)}
    extra = {"level": level, "fill": int(rng.choice([0, 0, 1, 2]))} if op == "load" else {}
    return Command.of(op, waits, signals, run=run, count0=counts[0], count1=counts[1], **walk, **extra)


@dataclass(frozen=True)
class Beat:
    """`moved`: (byte of the beat, byte of the level), `address`: of the beat in memory; of a fill, no address."""

    address: int
    moved: tuple[tuple[int, int], ...]
    run: int
    last: bool


def beats(command: Command, beat_bytes: int) -> Iterator[Beat]:
    """Byte by byte, as docs/isa.md reads; a fill's bytes stand at the start of its beats."""
    fill = command.op == "load" and command["fill"]
    runs = [(i0, i1) for i1 in range(command["count1"]) for i0 in range(command["count0"])]
    for i0, i1 in runs:
        mem, buf = (
            command[side] + i0 * command[f"{side}_stride0"] + i1 * command[f"{side}_stride1"] for side in ("mem", "buf")
        )
        where: dict[int, list[tuple[int, int]]] = {}
        for j in range(command["run"]):
            byte = j if fill else mem + j
            where.setdefault(byte // beat_bytes, []).append((byte % beat_bytes, buf + j))
        for k in where:
            last = (i0, i1) == runs[-1] and k == max(where)
            yield Beat(k * beat_bytes, tuple(where[k]), buf, last)

"""A smaller Program on which engine and gates still differ: fewer commands, then smaller extents.

A command that goes takes its tokens along: the i-th token taken from a counter is the i-th one given, and loses the other side. What the
verifier refuses is no candidate. Every step keeps some difference, not the first one.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from hwsim.spec.commands import BODIES, HEAD, OPS, QUEUE_OF, QUEUES
from hwsim.spec.errors import HwsimError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.spec.verify import verify
from hwsim.twin.compare import laid_out

Array = np.ndarray[Any, Any]
WAITS, SIGNALS = 1, 2
SECONDS = 30.0  # no new candidate after that
EXTENTS = ("count", "run", "len", "window_h", "window_w")


def bare(spec: AcceleratorSpec, program: Program, inputs: dict[str, Array]) -> Program:
    """The same Program with its inputs in the image, and without regions and layers, whose places would be wrong in a part of it."""
    memory, _ = laid_out(spec, program, inputs)
    image = memory[: program.memory_bytes].copy()
    return replace(program, image=image, image_base=0, inputs=(), outputs=(), layers=())


def is_bare(program: Program) -> bool:
    return not (program.inputs or program.outputs or program.layers)


def shrink(spec: AcceleratorSpec, program: Program, differs: Callable[[Program], bool], seconds: float = SECONDS) -> Program:
    """`program`: bare, and it differs."""
    until, table = time.monotonic() + seconds, program.table

    def keeps(candidate: Array) -> bool:
        if time.monotonic() > until:
            return False
        made = _of(program, candidate)
        try:
            verify(made, spec)
            return differs(made)
        except HwsimError:  # it is not legal, or the machine stands still
            return False

    table = _smaller(_fewer(table, keeps), keeps)
    return _of(program, table)


def _of(program: Program, table: Array) -> Program:
    rest = {k: getattr(program, k) for k in ("machine", "digest", "image", "image_base", "memory_bytes", "inputs", "outputs", "layers")}
    return Program.of_table(table, **rest)


def _fewer(table: Array, keeps: Callable[[Array], bool]) -> Array:
    """Drops runs of commands, long ones first; the `end` stays."""
    size = max(1, (len(table) - 1) // 2)
    while True:
        at, dropped = len(table) - 1 - size, False
        while at > -size:
            first = max(0, at)
            smaller = without(table, range(first, at + size))
            if len(smaller) < len(table) and keeps(smaller):
                table, dropped = smaller, True
            at -= size
        if size == 1 and not dropped:
            return table
        size = size if dropped else size // 2


def without(table: Array, drop: range) -> Array:
    """The table without some commands, and without the tokens that they gave or took."""
    queue = {OPS.index(op): q for op, q in QUEUE_OF.items()}
    gone, out = set(drop), table.copy()
    for p in QUEUES:
        for q in QUEUES:
            given = [n for n, row in enumerate(table) if queue.get(int(row[0])) == p and row[SIGNALS] >> q & 1]
            taken = [n for n, row in enumerate(table) if queue.get(int(row[0])) == q and row[WAITS] >> p & 1]
            for giver, taker in zip(given, taken, strict=True):
                if giver in gone or taker in gone:
                    out[giver, SIGNALS] &= ~(1 << q)
                    out[taker, WAITS] &= ~(1 << p)
    return out[[n for n in range(len(table)) if n not in gone]]


def _smaller(table: Array, keeps: Callable[[Array], bool]) -> Array:
    """Each extent as small as it may be: 1, a half, one less block."""
    for n in range(len(table) - 1):
        op = OPS[int(table[n, 0])]
        for place, f in enumerate(BODIES[op], len(HEAD)):
            if f.name.startswith(EXTENTS):
                table = _lowered(table, n, place, keeps)
    return table


def _lowered(table: Array, n: int, place: int, keeps: Callable[[Array], bool]) -> Array:
    value = int(table[n, place])
    for less in sorted({1, value // 8, value // 4, value // 2, value - value // 4} - {0}):
        if less < value:
            candidate = table.copy()
            candidate[n, place] = less
            if keeps(candidate):
                return candidate
    return table

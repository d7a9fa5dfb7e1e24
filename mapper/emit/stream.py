"""Stream: collects commands with the bytes that they touch, finds what must wait for what, and
orders them for the sequencer.

A hazard is two commands of different queues that touch overlapping bytes, one of them writing.
"""

import numpy as np
from numpy.typing import NDArray

from hwsim.spec.commands import (
    BODIES,
    COMPUTE,
    HEAD,
    LOAD,
    OPS,
    QUEUE_OF,
    QUEUES,
    VECTOR,
    WIDTH,
    default,
)
from hwsim.spec.machine import AcceleratorSpec
from mapper.allocate import Ledger
from mapper.emit.tokens import Item, margin, tie

Span = tuple[str, int, int]  # level (or "memory"), first byte (acc: row), byte behind the last


FAR = 64


class Stream:
    """`add` in any order in which each command follows what it needs; `close_layer` after each
    layer; then `table`.
    """

    def __init__(self, spec: AcceleratorSpec) -> None:
        self.spec = spec
        self.queues: list[list[Item]] = [[] for _ in QUEUES]
        self.order: list[Item] = []
        self._open: list[Item] = []
        self._clock = [0.0] * len(QUEUES)
        self._ledgers: dict[str, Ledger] = {}
        self._skew = margin(spec)

    def add(
        self, op: str, reads: list[Span], writes: list[Span], cycles: float, latency: float = 0.0, **args: int
    ) -> None:
        """`cycles`: how long it keeps its unit; `latency`: how much later its results are there.
        Both only steer the order.
        """
        queue = QUEUE_OF[op]
        item = Item(op, queue, len(self.queues[queue]), args, [0] * len(QUEUES))
        for level, low, high in reads:
            self._ledger(level).read(low, high, queue, item.place, item.needs)
        for level, low, high in writes:
            self._ledger(level).write(low, high, queue, item.place, item.needs)
        item.needs[queue] = 0
        item.start = max(
            [
                self._clock[queue],
                *(self.queues[q][n - 1].done for q, n in enumerate(item.needs) if n),
                *self._behind(queue),
            ]
        )
        self._clock[queue] = item.start + cycles
        item.done = item.start + cycles + latency
        self.queues[queue].append(item)
        self._open.append(item)

    def _behind(self, queue: int) -> list[float]:
        """Loads run ahead of computes by no more commands than counters hold tokens, those in the
        full queue included: a token of a far later load would be waited for. Nothing runs ahead of
        the vector unit by more than FAR commands.
        """
        limits = {VECTOR: FAR}
        if queue == LOAD:
            limits[COMPUTE] = self._skew
        return [self.queues[q][-n].start for q, n in limits.items() if q != queue and len(self.queues[q]) >= n]

    def _ledger(self, level: str) -> Ledger:
        if level not in self._ledgers:
            self._ledgers[level] = Ledger()
        return self._ledgers[level]

    def close_layer(self) -> tuple[int, int]:
        """(first, last) place of the layer's commands in the Program. Inside a layer commands stand
        in the order in which they should start, so that a full queue never keeps back a command
        that could run.
        """
        first = len(self.order)
        self._open.sort(key=lambda item: item.start)
        self.order += self._open
        self._open = []
        return first, len(self.order) - 1

    def table(self) -> NDArray[np.int64]:
        """All commands, `end` behind them, as hwsim.spec.commands.decoded_table has them."""
        tie(self.order, self.spec)
        table = np.zeros((len(self.order) + 1, WIDTH), np.int64)
        table[-1, 0] = OPS.index("end")
        for op in {x.op for x in self.order}:
            known = {f.name for f in BODIES[op]}
            rows = [i for i, x in enumerate(self.order) if x.op == op]
            items = [self.order[i] for i in rows]
            assert all(known.issuperset(x.args) for x in items), op
            table[rows, 0] = OPS.index(op)
            table[rows, 1] = [sum(1 << q for q in x.waits) for x in items]
            table[rows, 2] = [sum(1 << q for q in x.signals) for x in items]
            for place, f in enumerate(BODIES[op], len(HEAD)):
                absent = default(f.name)
                table[rows, place] = [x.args.get(f.name, absent) for x in items]
        return table

"""Stream: collects commands with the bytes that they touch, finds what must wait for what, and
orders them for the sequencer.

A hazard is two commands of different queues that touch overlapping bytes, one of them writing.
"""

from hwsim.spec.commands import QUEUE_OF, QUEUES, Command
from hwsim.spec.machine import AcceleratorSpec
from mapper.allocate import Ledger
from mapper.emit.tokens import Item, margin, tie

Span = tuple[str, int, int]  # level (or "memory"), first byte (acc: row), byte behind the last


class Stream:
    """`add` in any order in which each command follows what it needs; `close_layer` after each
    layer; then `commands`.
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
        """No queue runs ahead of another by more commands than counters hold tokens, those in the
        full queue included.
        """
        return [mine[-self._skew].start for q, mine in enumerate(self.queues) if q != queue and len(mine) >= self._skew]

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

    def commands(self) -> list[Command]:
        tie(self.order, self.spec)
        return [*(Command.of(x.op, x.waits, x.signals, **x.args) for x in self.order), Command.of("end")]

"""Stream: collects commands with the bytes that they touch; orders them for the sequencer and ties them with tokens.

A hazard is two commands of different queues that touch overlapping bytes, one of them writing. Queues run in order, so one token from queue a, given by
command x, proves x and everything before it in a done, and everything that x itself had waited for.
"""

from dataclasses import dataclass, field

from hwsim.spec.commands import QUEUE_OF, QUEUES, Command
from hwsim.spec.machine import AcceleratorSpec
from mapper.allocate import Ledger

Span = tuple[str, int, int]  # level (or "memory"), first byte (acc: row), byte behind the last


@dataclass(slots=True)
class Item:
    """`known[q]`: commands of queue q known to be done when this one starts, counted from the first."""

    op: str
    queue: int
    place: int
    args: dict[str, int]
    known: list[int]
    start: float
    done: float
    waits: set[int] = field(default_factory=set)
    signals: set[int] = field(default_factory=set)

    def after(self, queue: int) -> int:
        return self.place + 1 if queue == self.queue else self.known[queue]


class Stream:
    """`add` in any order in which each command follows what it needs; `close_layer` after each layer; then `commands`."""

    def __init__(self, spec: AcceleratorSpec) -> None:
        self.spec = spec
        self.queues: list[list[Item]] = [[] for _ in QUEUES]
        self.order: list[Item] = []
        self._open: list[Item] = []
        self._clock = [0.0] * len(QUEUES)
        self._ledgers: dict[str, Ledger] = {}

    def add(self, op: str, reads: list[Span], writes: list[Span], cycles: float, latency: float = 0.0, **args: int) -> None:
        """`cycles`: how long it keeps its unit; `latency`: how much later its results are there. Both only steer the order."""
        queue = QUEUE_OF[op]
        place = len(self.queues[queue])
        known = list(self.queues[queue][-1].known) if place else [0] * len(QUEUES)
        needs = [0] * len(QUEUES)
        for level, low, high in reads:
            self._ledger(level).read(low, high, queue, place, needs)
        for level, low, high in writes:
            self._ledger(level).write(low, high, queue, place, needs)
        item = Item(op, queue, place, args, known, 0.0, 0.0)
        self._wait(item, needs)
        item.start = max([self._clock[queue], *(self.queues[q][needs[q] - 1].done for q in QUEUES if q != queue and needs[q])])
        self._clock[queue] = item.start + cycles
        item.done = item.start + cycles + latency
        self.queues[queue].append(item)
        self._open.append(item)

    def _ledger(self, level: str) -> Ledger:
        if level not in self._ledgers:
            self._ledgers[level] = Ledger()
        return self._ledgers[level]

    def _wait(self, item: Item, needs: list[int]) -> None:
        """Adds the fewest waits that prove `needs[q]` commands of each other queue q done."""
        wanted = {q: n for q, n in enumerate(needs) if q != item.queue and n > item.known[q]}
        givers = {q: self.queues[q][n - 1] for q, n in wanted.items()}
        for q, n in wanted.items():
            if any(other != q and giver.after(q) >= n for other, giver in givers.items()):
                continue
            item.waits.add(q)
            givers[q].signals.add(item.queue)
        for giver in givers.values():
            for q in QUEUES:
                item.known[q] = max(item.known[q], giver.after(q))

    def close_layer(self) -> tuple[int, int]:
        """(first, last) place of the layer's commands in the Program. Inside a layer commands stand in the order in which they should start,
        so that a full queue never keeps back a command that could run."""
        first = len(self.order)
        self._open.sort(key=lambda item: item.start)
        self.order += self._open
        self._open = []
        return first, len(self.order) - 1

    def commands(self) -> list[Command]:
        self._bound_tokens()
        body = [Command.of(x.op, x.waits, x.signals, **x.args) for x in self.order]
        return [*body, Command.of("end")]

    def _bound_tokens(self) -> None:
        """No counter above token_depth at any place of the Program: where it would be, the oldest waiter waits for the next giver instead, and the
        next waiter, which then follows something that waited long enough, no more."""
        depth = self.spec.sequencer.token_depth
        given: dict[tuple[int, int], list[tuple[Item, int]]] = {(a, b): [] for a in QUEUES for b in QUEUES}
        freed = dict.fromkeys(given, 0)  # waiters that come next and wait no more
        for item in self.order:
            for q in sorted(item.waits):
                pair = (q, item.queue)
                if freed[pair]:
                    freed[pair] -= 1
                    item.waits.discard(q)
                else:
                    freed[pair] = given[pair].pop(0)[1]
            for q in sorted(item.signals):
                tokens = given[item.queue, q]
                tokens.append((item, 0))
                if len(tokens) > depth:
                    (oldest, before), (giver, behind) = tokens[:2]
                    oldest.signals.discard(q)
                    tokens[:2] = [(giver, before + behind + 1)]

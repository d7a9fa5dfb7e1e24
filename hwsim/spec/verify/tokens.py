"""Runs a Program's tokens without time: finds deadlock, overflow and tokens left over, and gives each command its clock.

The run is confluent: whatever can start does start sooner or later, whoever goes first, so one order stands for all. The sequencer
dispatches in Program order and holds at a queue that keeps `queue_depth` commands which have not started.
"""

import numpy as np

from hwsim.spec.commands import OPS, QUEUE_NAMES, QUEUE_OF, QUEUES
from hwsim.spec.errors import ProgramError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.verify import columns

Table = np.ndarray[tuple[int, int], np.dtype[np.int64]]
Clock = tuple[int, ...]
NOTHING: Clock = (0,) * len(QUEUES)
SETS = tuple(tuple(q for q in QUEUES if mask >> q & 1) for mask in range(1 << len(QUEUES)))


class Untimed:
    """`started[q]`: commands of queue q that have started and, time being left out, are done. `end` is not among `table`."""

    def __init__(self, table: Table, spec: AcceleratorSpec) -> None:
        queue_of_op = [QUEUE_OF.get(op, -1) for op in OPS]
        self.queue = [queue_of_op[op] for op in table[:, 0].tolist()]
        self.waits = [SETS[m] for m in table[:, 1].tolist()]
        self.signals = [SETS[m] for m in table[:, 2].tolist()]
        self.lists = [[i for i, q in enumerate(self.queue) if q == queue] for queue in QUEUES]
        self.queue_depth, self.token_depth = spec.sequencer.queue_depth, spec.sequencer.token_depth
        self.reset()

    def reset(self) -> None:
        self.count = [[0] * len(QUEUES) for _ in QUEUES]  # [from][to]
        self.started, self.inside, self.dispatched = [0] * len(QUEUES), [0] * len(QUEUES), 0
        self.order: list[int] = []

    def dispatch(self) -> None:
        while self.dispatched < len(self.queue):
            q = self.queue[self.dispatched]
            if self.inside[q] - self.started[q] >= self.queue_depth:
                return
            self.inside[q] += 1
            self.dispatched += 1

    def missing(self, q: int) -> int | None:
        """The queue whose token the first command of q lacks."""
        i = self.lists[q][self.started[q]]
        return next((a for a in self.waits[i] if not self.count[a][q]), None)

    def start(self, q: int) -> bool:
        at = self.started[q]
        if at >= self.inside[q]:
            return False
        i = self.lists[q][at]
        for a in self.waits[i]:
            if not self.count[a][q]:
                return False
        for a in self.waits[i]:
            self.count[a][q] -= 1
        self.started[q] = at + 1
        mine = self.count[q]
        for b in self.signals[i]:
            mine[b] += 1
            if mine[b] > self.token_depth:
                self._overflow(i, q, b, mine[b])
        self.order.append(i)
        return True

    def run(self, held: int) -> None:
        """As far as it goes while queue `held` (-1: none) starts nothing."""
        moved = True
        while moved:
            moved = False
            self.dispatch()
            for q in QUEUES:
                if q != held:
                    while self.start(q):
                        moved = True

    def _overflow(self, i: int, a: int, b: int, count: int) -> None:
        giver, taker = QUEUE_NAMES[a], QUEUE_NAMES[b]
        raise ProgramError(
            f"command {i}: {count} tokens from {giver} may await {taker}, a counter holds {self.token_depth}; "
            f"let {giver} wait for {taker} more often"
        )

    def check_end(self) -> None:
        """Everything has started, and every token was taken."""
        stuck = [
            (self.lists[q][self.started[q]], q) for q in QUEUES if self.started[q] < self.inside[q]
        ]
        if stuck:
            i, q = min(stuck)
            lacks = self.missing(q)
            assert lacks is not None
            held = ""
            if self.dispatched < len(self.queue):
                full = QUEUE_NAMES[self.queue[self.dispatched]]
                held = f" (command {self.dispatched} and all behind it are held by the full queue {full})"
            raise ProgramError(
                f"command {i}: deadlock, {QUEUE_NAMES[q]} waits for a token from {QUEUE_NAMES[lacks]} that never comes{held}; "
                f"let an earlier {QUEUE_NAMES[lacks]} command signal {QUEUE_NAMES[q]}"
            )
        for a in QUEUES:
            for b in QUEUES:
                if self.count[a][b]:
                    i = max(i for i in self.lists[a] if b in self.signals[i])
                    raise ProgramError(
                        f"command {i}: {self.count[a][b]} tokens from {QUEUE_NAMES[a]} to {QUEUE_NAMES[b]} are left at the end, 0 must be; "
                        "signal only what is waited for"
                    )


def check_tokens(table: Table, spec: AcceleratorSpec) -> Table:
    """[commands, 4] int64: how many commands of each queue are done whenever this one starts."""
    shown = columns.clocks(table, spec)
    return run_tokens(table, spec) if shown is None else shown


def run_tokens(table: Table, spec: AcceleratorSpec) -> Table:
    """As `check_tokens`, by running: once freely, and once more for every queue that starts as late as it can."""
    untimed = Untimed(table, spec)
    untimed.run(-1)
    untimed.check_end()
    clocks = _clocks(untimed)
    for held in QUEUES:
        untimed.reset()
        untimed.run(held)
        while untimed.start(held):
            untimed.run(held)
    return clocks


def _clocks(untimed: Untimed) -> Table:
    clocks: list[Clock] = [NOTHING] * len(untimed.queue)
    latest = [NOTHING for _ in QUEUES]
    given: list[list[list[Clock]]] = [[[] for _ in QUEUES] for _ in QUEUES]
    taken = [[0] * len(QUEUES) for _ in QUEUES]
    done = [0] * len(QUEUES)
    for i in untimed.order:
        q = untimed.queue[i]
        clock = latest[q]
        for a in untimed.waits[i]:
            clock = tuple(map(max, clock, given[a][q][taken[a][q]]))
            taken[a][q] += 1
        clocks[i] = latest[q] = clock
        done[q] += 1
        for b in untimed.signals[i]:
            given[q][b].append(clock[:q] + (done[q],) + clock[q + 1 :])
    return np.array(clocks, np.int64).reshape(-1, len(QUEUES))

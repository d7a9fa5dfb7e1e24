"""Tokens: the fewest that order what must be ordered, and never more in a counter than it holds.

`needs[q]` of a command: so many commands of queue q must be done before it starts. Queues run in
order, so a token from queue a, given by command x, proves x, everything before it in a, and
everything that x itself had waited for.
"""

from dataclasses import dataclass, field

from hwsim.spec.commands import QUEUES
from hwsim.spec.machine import AcceleratorSpec

Pair = tuple[int, int]  # from queue, to queue


@dataclass(slots=True)
class Item:
    """`place`: in its queue. `known[q]`: commands of queue q that are done whenever this one
    starts. `ahead[q]`: commands of q before it in the Program.
    """

    op: str
    queue: int
    place: int
    args: dict[str, int]
    needs: list[int]
    start: float = 0.0
    done: float = 0.0
    known: list[int] = field(default_factory=list)
    ahead: list[int] = field(default_factory=list)
    waits: set[int] = field(default_factory=set)
    signals: set[int] = field(default_factory=set)

    def after(self, queue: int) -> int:
        return self.place + 1 if queue == self.queue else self.known[queue]


def tie(order: list[Item], spec: AcceleratorSpec) -> None:
    """Sets waits and signals of all commands, given in Program order. Raises needs until no counter
    can overflow, however the queues run.
    """
    ahead = [0] * len(QUEUES)
    for item in order:
        item.ahead = list(ahead)
        ahead[item.queue] += 1
    while _overfull(_pairs(order, margin(spec)), spec):
        pass


def margin(spec: AcceleratorSpec) -> int:
    """Commands of a queue, last before a place of the Program, whose tokens may be held there: with
    those of a full queue of takers they fit a counter.
    """
    return max(1, spec.sequencer.token_depth - spec.sequencer.queue_depth - 1)


def _pairs(order: list[Item], back: int) -> dict[Pair, list[tuple[Item, Item]]]:
    """Ties once; (giver, taker) of every token, by counter, in order. A taker whose need is long
    past takes the token of a later command, `back` before it: fewer tokens, and none that is held
    for long.
    """
    queues: list[list[Item]] = [[] for _ in QUEUES]
    pairs: dict[Pair, list[tuple[Item, Item]]] = {(a, b): [] for a in QUEUES for b in QUEUES}
    for item in order:
        mine = queues[item.queue]
        item.known = list(mine[-1].known) if mine else [0] * len(QUEUES)
        item.waits, item.signals = set(), set()
        wanted = {}
        for q, n in enumerate(item.needs):
            if n > item.known[q]:
                item.needs[q] = max(n, item.ahead[q] - back)
                wanted[q] = queues[q][item.needs[q] - 1]
        for q, giver in wanted.items():
            if not any(other != q and g.after(q) >= item.needs[q] for other, g in wanted.items()):
                item.waits.add(q)
                giver.signals.add(item.queue)
                pairs[q, item.queue].append((giver, item))
        for giver in wanted.values():
            item.known = [max(k, giver.after(q)) for q, k in enumerate(item.known)]
        mine.append(item)
    return pairs


def _overfull(pairs: dict[Pair, list[tuple[Item, Item]]], spec: AcceleratorSpec) -> bool:
    """Whether a counter might pass its depth; if so, some needs have been raised.

    When the giver of token i starts, the taker of token i - depth must have started: because it is
    known to be done, or because the sequencer, which holds at a full queue, could not have come so
    far. Else the giver waits for that taker, or, where the taker comes later in the Program, the
    taker waits for the next giver, and its own token falls away.
    """
    depth, slack = spec.sequencer.token_depth, spec.sequencer.token_depth // 3
    found = False
    for (a, b), tokens in pairs.items():
        for i in range(depth, len(tokens)):
            giver, taker = tokens[i][0], tokens[i - depth][1]
            if giver.known[b] > taker.place or taker.place < giver.ahead[b] - spec.sequencer.queue_depth:
                continue
            found = True
            if taker.place < giver.ahead[b]:
                later = tokens[i - depth + slack][1].place
                giver.needs[b] = max(giver.needs[b], min(later, giver.ahead[b] - 1) + 1)
            else:
                taker.needs[a] = max(taker.needs[a], tokens[i - depth + 1][0].place + 1)
    return found

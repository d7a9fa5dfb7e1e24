"""Finds commands of different queues that touch the same bytes, one of them writing, in no certain order."""

from itertools import combinations

import numpy as np

from hwsim.spec.commands import QUEUE_NAMES, QUEUE_OF, QUEUES
from hwsim.spec.errors import ProgramError
from hwsim.spec.verify.table import Ints
from hwsim.spec.verify.walks import Walks, meet


class Accesses:
    """All accesses of one queue to one level, in the queue's order."""

    def __init__(self, walks: list[Walks], place: Ints) -> None:
        """`place`: of each command of the Program, its place in its queue."""
        at = np.concatenate([w.batch.at for w in walks])
        order = np.argsort(at, kind="stable")
        self.walks = walks
        self.at = at[order]
        self.place = place[self.at]
        self.low = np.concatenate([w.low for w in walks])[order]
        self.high = np.concatenate([w.high for w in walks])[order]
        self.write = np.concatenate([np.full(len(w.batch), w.write) for w in walks])[order]
        self.walk = np.concatenate([np.full(len(w.batch), k) for k, w in enumerate(walks)])[order]
        self.row = np.concatenate([np.arange(len(w.batch)) for w in walks])[order]

    def walk_of(self, n: int) -> tuple[Walks, int]:
        return self.walks[self.walk[n]], int(self.row[n])

    def text(self, n: int) -> str:
        walk, _ = self.walk_of(n)
        verb = "writes" if walk.write else "reads"
        return f"{walk.batch.op}.{walk.field} {verb} {walk.unit} {self.low[n]}..{self.high[n] - 1} of {walk.level}"


def check_hazards(
    walks: list[Walks], place: Ints, clocks: np.ndarray[tuple[int, int], np.dtype[np.int64]]
) -> None:
    found: list[tuple[int, int, str]] = []
    for level in sorted({w.level for w in walks}):
        parts = {}
        for q in QUEUES:
            mine = [
                w for w in walks if w.level == level and QUEUE_OF[w.batch.op] == q and len(w.batch)
            ]
            if mine:
                parts[q] = Accesses(mine, place)
        for p, q in combinations(parts, 2):
            if parts[p].write.any() or parts[q].write.any():
                found += _pair(
                    parts[p], parts[q], clocks[parts[p].at, q], clocks[parts[q].at, p], (p, q)
                )
    if found:
        raise ProgramError(min(found)[2])


def _pair(
    x: Accesses, y: Accesses, x_clock: Ints, y_clock: Ints, queues: tuple[int, int]
) -> list[tuple[int, int, str]]:
    """The earliest hazard between two queues, as (later command, earlier command, message).

    An access of x is ordered with all of y but a stretch: behind what is done before it starts, before what starts after it is done.
    """
    begin = np.searchsorted(y.place, x_clock, "left")
    behind = np.searchsorted(y_clock, x.place, "right")
    live = np.flatnonzero(begin < behind)
    best: tuple[int, int, int, int] | None = None
    ahead = 0
    while len(live):
        n = begin[live] + ahead
        touch = (x.low[live] < y.high[n]) & (y.low[n] < x.high[live]) & (x.write[live] | y.write[n])
        for i, j in zip(live[touch].tolist(), n[touch].tolist(), strict=True):
            key = (int(max(x.at[i], y.at[j])), int(min(x.at[i], y.at[j])), i, j)
            if (best is None or key < best) and meet(*x.walk_of(i), *y.walk_of(j)):
                best = key
        ahead += 1
        live = live[begin[live] + ahead < behind[live]]
    if best is None:
        return []
    later, earlier, i, j = best
    first, second = (x.text(i), y.text(j)) if x.at[i] < y.at[j] else (y.text(j), x.text(i))
    names = [QUEUE_NAMES[q] for q in (queues if x.at[i] < y.at[j] else queues[::-1])]
    text = f"command {later}: {second}, command {earlier}: {first}, and no chain of tokens orders them; let {names[0]} signal {names[1]}"
    return [(later, earlier, text)]

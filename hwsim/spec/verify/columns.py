"""Tokens of a Program that may run in Program order, as the mapper writes them: judged by columns, without running them.

If each token is given by a command that stands before the one that takes it, and none is left over, then every command can
start when those before it are done: no deadlock, whoever goes first. A counter of depth d never passes d if, whenever token i
is given, token i - d was taken: because the giver starts after its taker is done, or because the sequencer could dispatch the giver only
when that taker had left its queue. Where one of these cannot be shown, `clocks` says nothing.
"""

import numpy as np

from hwsim.spec.commands import OPS, QUEUE_OF, QUEUES
from hwsim.spec.machine import AcceleratorSpec

Ints = np.ndarray[tuple[int], np.dtype[np.int64]]
Table = np.ndarray[tuple[int, int], np.dtype[np.int64]]
Clock = tuple[int, int, int, int]
QUEUE_OF_OP = np.array([QUEUE_OF.get(op, len(QUEUES)) for op in OPS])
NONE = -1


def clocks(table: Table, spec: AcceleratorSpec) -> Table | None:
    """[commands, 4]: how many commands of each queue are done whenever this one starts. `end` is not among `table`."""
    queue = QUEUE_OF_OP[table[:, 0]]
    mine = queue[:, None] == np.array(QUEUES)
    ahead = np.cumsum(mine, axis=0) - mine  # [commands, 4] of each queue, before this one
    place = ahead[np.arange(len(table)), queue]
    gives = (table[:, 2:3] >> np.array(QUEUES)) & 1 > 0
    takes = (table[:, 1:2] >> np.array(QUEUES)) & 1 > 0
    tokens = {}
    for a in QUEUES:
        for b in QUEUES:
            giver, taker = np.flatnonzero(mine[:, a] & gives[:, b]), np.flatnonzero(mine[:, b] & takes[:, a])
            if len(giver) != len(taker) or (giver >= taker).any():
                return None
            tokens[a, b] = giver, taker
    known = _known(queue, place, mine, takes.any(axis=1), tokens)
    depth, held = spec.sequencer.token_depth, spec.sequencer.queue_depth
    for (_, b), (giver, taker) in tokens.items():
        late = giver[depth:]
        early = place[taker[: len(late)]]
        if ((known[late, b] <= early) & (early >= ahead[late, b] - held)).any():
            return None
    return known


def _known(
    queue: Ints, place: Ints, mine: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    waits: np.ndarray[tuple[int], np.dtype[np.bool_]], tokens: dict[tuple[int, int], tuple[Ints, Ints]],
) -> Table:  # fmt: skip
    """Only a command that waits learns anything: one row each, behind a row of zeros, then spread over its queue."""
    if not len(queue):
        return np.zeros((0, len(QUEUES)), np.int64)
    row_of = np.zeros(len(queue), np.int64)  # of each command: the last row of its queue, itself included
    for q in QUEUES:
        at = np.flatnonzero(mine[:, q])
        rows = np.where(waits[at], np.cumsum(waits)[at], 0)
        row_of[at] = np.maximum.accumulate(rows)
    takers = np.flatnonzero(waits)
    giver = np.full((len(takers) + 1, len(QUEUES)), NONE)
    for (a, _), (given, taken) in tokens.items():
        giver[row_of[taken], a] = given
    direct = np.where(giver == NONE, 0, place[giver] + 1)
    sources = np.where(giver == NONE, 0, row_of[giver])
    before = np.zeros(len(takers) + 1, np.int64)
    for q in QUEUES:
        rows = 1 + np.flatnonzero(queue[takers] == q)
        before[rows[1:]] = rows[:-1]
    found: list[Clock] = [(0, 0, 0, 0)]
    for (k0, k1, k2, k3), (s0, s1, s2, s3), last in zip(
        direct[1:].tolist(), sources[1:].tolist(), before[1:].tolist(), strict=True
    ):
        for s in {s0, s1, s2, s3, last}:
            n0, n1, n2, n3 = found[s]
            if n0 > k0:
                k0 = n0
            if n1 > k1:
                k1 = n1
            if n2 > k2:
                k2 = n2
            if n3 > k3:
                k3 = n3
        found.append((k0, k1, k2, k3))
    return np.array(found, np.int64)[row_of]

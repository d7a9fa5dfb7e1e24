"""Fetch: runs load commands. Twin: rtl/components/fetch.py.

Request side: one beat request a cycle, ceil((mem mod W + run)/W) for each run, command after
command; it takes nothing while a fill is unfinished. Response side, in order: one beat a cycle into
a level; a fill writes ceil(run/W) beats a run without memory. Done with its last write.
"""

import numpy as np

from hwsim.components.config import (
    BS0,
    BS1,
    BUF,
    BUSY,
    COUNT0,
    COUNT1,
    FILLED,
    IDLE,
    LEVEL,
    MEM,
    MS0,
    MS1,
    RUN,
    TO_FETCH,
    VEC_LEVEL,
    WAIT_INPUT,
    WAIT_OUTPUT,
    WAIT_TOKEN,
    WAITS,
    ceil_div,
    start,
    tokens_there,
)  # fmt: skip
from hwsim.components.link import DEEPEST, can_pop, can_push, pop, push
from hwsim.kernels import njit

STATE = np.dtype(
    [
        ("cmd", "i8"), ("i0", "i8"), ("i1", "i8"), ("beats", "i8"), ("filling", "i8"),
        ("flying", "i8"), ("first", "i8"), ("write", "i8"), ("r0", "i8"), ("r1", "i8"), ("left", "i8"), ("bank", "i8"),
        ("flight", "i8", (DEEPEST,)),
    ]
)  # fmt: skip


@njit
def run_beats(c, table, n, i0, i1):
    start = table[n, MEM] + i0 * table[n, MS0] + i1 * table[n, MS1]
    if table[n, FILLED]:
        start = 0
    return ceil_div(start % c.beat_bytes + table[n, RUN], c.beat_bytes)


@njit
def _open_run(c, s, table, n):
    """The response side comes to its next run."""
    s.left = run_beats(c, table, n, s.r0, s.r1)
    s.bank = -1
    if table[n, LEVEL] == VEC_LEVEL:
        s.bank = (table[n, BUF] + s.r0 * table[n, BS0] + s.r1 * table[n, BS1]) // c.vec_bank_bytes


@njit
def step(c, s, queue, request, tokens, table, log, now, answer):
    """Returns (cause, command done or -1, bank of vec written or -1)."""
    done, bank, cause = -1, -1, IDLE
    flying, filling = s.flying, s.filling
    if flying:
        n = s.flight[s.first]
        cause = WAIT_INPUT
        if answer == TO_FETCH or table[n, FILLED]:
            bank, cause = s.bank, BUSY
            s.left -= 1
            if s.left == 0:
                done = _next_run(c, s, table, n)
    if s.cmd >= 0:
        if can_push(request):
            push(request)
            cause = BUSY
            s.beats -= 1
            if s.beats == 0:
                _next_request(c, s, table)
        elif cause != BUSY:
            cause = WAIT_OUTPUT
    if s.cmd < 0 and can_pop(queue):
        n = queue.slots[queue.head, 0]
        if not tokens_there(tokens, 0, table[n, WAITS]):
            if cause == IDLE:
                cause = WAIT_TOKEN
        elif flying < c.queue_depth and not filling:
            _take(c, s, table, n)
            start(log, tokens, 0, table, n, now)
            pop(queue)
            cause = BUSY
    return cause, done, bank


@njit
def _take(c, s, table, n):
    s.flight[(s.first + s.flying) % c.queue_depth] = n
    s.flying += 1
    if s.flying == 1:
        s.r0 = s.r1 = 0
        _open_run(c, s, table, n)
    if table[n, FILLED]:
        s.filling = 1
    else:
        s.cmd = n
        s.i0 = s.i1 = 0
        s.beats = run_beats(c, table, n, 0, 0)


@njit
def _next_request(c, s, table):
    s.i0 += 1
    if s.i0 == table[s.cmd, COUNT0]:
        s.i0 = 0
        s.i1 += 1
    if s.i1 == table[s.cmd, COUNT1]:
        s.cmd = -1
    else:
        s.beats = run_beats(c, table, s.cmd, s.i0, s.i1)


@njit
def _next_run(c, s, table, n):
    """Returns the command when this was its last run, else -1."""
    s.r0 += 1
    if s.r0 == table[n, COUNT0]:
        s.r0 = 0
        s.r1 += 1
    if s.r1 < table[n, COUNT1]:
        _open_run(c, s, table, n)
        return -1
    if table[n, FILLED]:
        s.filling = 0
    s.first = (s.first + 1) % c.queue_depth
    s.flying -= 1
    s.r0 = s.r1 = 0
    if s.flying:
        _open_run(c, s, table, s.flight[s.first])
    return n

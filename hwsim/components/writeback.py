"""Writeback: runs store commands. Twin: rtl/components/writeback.py.

One beat a cycle from level vec into its request link; waits in the cycle after a beat of the vector
unit that reads its bank.
Done when memory has taken its last beat.
"""

import numpy as np

from hwsim.components.config import (
    BS0,
    BS1,
    BUF,
    BUSY,
    COUNT0,
    COUNT1,
    DRAIN,
    IDLE,
    MEM,
    MS0,
    MS1,
    RUN,
    STORE_SHIFT,
    WAIT_OUTPUT,
    WAIT_TOKEN,
    WAITS,
    ceil_div,
    start,
    tokens_there,
)  # fmt: skip
from hwsim.components.link import can_pop, can_push, pop, push
from hwsim.kernels import njit

STATE = np.dtype(
    [
        ("cmd", "i8"),
        ("i0", "i8"),
        ("i1", "i8"),
        ("beats", "i8"),
        ("bank", "i8"),
        ("pushed_all", "i8"),
    ]
)


@njit
def _open_run(c, s, table):
    n = s.cmd
    start = (
        table[n, MEM + STORE_SHIFT]
        + s.i0 * table[n, MS0 + STORE_SHIFT]
        + s.i1 * table[n, MS1 + STORE_SHIFT]
    )
    s.beats = ceil_div(start % c.beat_bytes + table[n, RUN + STORE_SHIFT], c.beat_bytes)
    s.bank = (
        table[n, BUF + STORE_SHIFT]
        + s.i0 * table[n, BS0 + STORE_SHIFT]
        + s.i1 * table[n, BS1 + STORE_SHIFT]
    ) // c.vec_bank_bytes


@njit
def step(c, s, queue, request, tokens, table, log, now, read_a, read_b, read_param):
    """read_a, read_b, read_param: banks that the vector unit read in the last cycle, -1 none.
    Returns (cause, command done or -1).
    """
    done, cause = -1, IDLE
    if s.cmd >= 0:
        if s.pushed_all:
            cause = DRAIN
            if request.held == 0:
                done = s.cmd
                s.cmd = -1
        elif s.bank in (read_a, read_b, read_param) or not can_push(request):
            cause = WAIT_OUTPUT
        else:
            cause = BUSY
            push(request)
            s.beats -= 1
            if s.beats == 0:
                s.i0 += 1
                if s.i0 == table[s.cmd, COUNT0 + STORE_SHIFT]:
                    s.i0 = 0
                    s.i1 += 1
                if s.i1 == table[s.cmd, COUNT1 + STORE_SHIFT]:
                    s.pushed_all = 1
                else:
                    _open_run(c, s, table)
    if s.cmd < 0 and can_pop(queue):
        n = queue.slots[queue.head, 0]
        if tokens_there(tokens, 3, table[n, WAITS]):
            start(log, tokens, 3, table, n, now)
            pop(queue)
            s.cmd, s.i0, s.i1, s.pushed_all = n, 0, 0, 0
            _open_run(c, s, table)
            cause = BUSY
        elif cause == IDLE:
            cause = WAIT_TOKEN
    return cause, done

"""Accumulator: writes the array's rows into level acc, or adds them. Twin:
rtl/components/accumulator.py.

A row that is on the array's `o` in cycle t is visible in acc in cycle t + L + 1. A compute command
is done in that cycle of its last row. Nothing stalls it.
"""

import numpy as np

from hwsim.components.array import RING
from hwsim.kernels import njit

DUE = 64  # commands that may end within L + 1 cycles
STATE = np.dtype(
    [("head", "i8"), ("waiting", "i8"), ("cycle", "i8", (DUE,)), ("cmd", "i8", (DUE,))]
)


@njit(forceinline=True)
def step(c, s, array, now):
    """Returns the command that is done, or -1."""
    if array.exits:
        at = array.head
        if now == array.first[at] + array.rows[at] - 1:
            if array.ends[at] >= 0:
                place = (s.head + s.waiting) % DUE
                s.cycle[place], s.cmd[place] = now + c.latency + 1, array.ends[at]
                s.waiting += 1
            array.head = at + 1 if at + 1 < RING else 0
            array.exits -= 1
    if s.waiting and s.cycle[s.head] == now:
        done = s.cmd[s.head]
        s.head = s.head + 1 if s.head + 1 < DUE else 0
        s.waiting -= 1
        return done
    return -1

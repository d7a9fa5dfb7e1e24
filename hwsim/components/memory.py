"""Memory of kind `ideal`: one beat a cycle, read or write, round robin over three request links.
Model only.

A read taken in cycle t is with its requester in cycle t + latency_cycles + 1. Answers are never
refused, and keep order.
"""

import numpy as np

from hwsim.components.config import BUSY, IDLE, NOBODY, TO_FETCH, TO_SEQUENCER
from hwsim.components.link import can_pop, pop
from hwsim.kernels import njit

LATENCY_MAX = 4095
STATE = np.dtype(
    [
        ("pipe", "i8", (LATENCY_MAX + 1,)),
        ("last", "i8"),
        ("at", "i8"),
        ("beats_read", "i8"),
        ("beats_written", "i8"),
        ("pending", "i8"),
    ]
)


@njit(forceinline=True)
def answer_of(s):
    """Who gets the beat of this cycle."""
    who = s.pipe[s.at]
    if who != NOBODY:
        s.pending -= 1
    return who


@njit(forceinline=True)
def _choose(last, a, b, c):
    """Round robin: the first of the three that asks, beginning after the last served; -1 none."""
    for i in range(1, 4):
        k = last + i if last + i < 3 else last + i - 3
        if (k == 0 and a) or (k == 1 and b) or (k == 2 and c):
            return k
    return -1


@njit(forceinline=True)
def step(c, s, sequencer, fetch, writeback):
    served = _choose(s.last, can_pop(sequencer), can_pop(fetch), can_pop(writeback))
    s.pipe[s.at] = NOBODY
    if served >= 0:
        s.last = served
        if served == 0:
            pop(sequencer)
        elif served == 1:
            pop(fetch)
        else:
            pop(writeback)
        if served == 2:
            s.beats_written += 1
        else:
            s.pipe[s.at] = TO_SEQUENCER if served == 0 else TO_FETCH
            s.pending += 1
            s.beats_read += 1
    s.at = s.at + 1 if s.at < c.memory_latency else 0
    return BUSY if served >= 0 else IDLE

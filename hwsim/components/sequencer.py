"""Sequencer: asks for command words in order and dispatches them, one a cycle, into the four
queues.

Twin: rtl/components/sequencer.py. A full queue stalls it; it asks no further than `queue_depth`
words ahead of what it dispatched.
"""

import numpy as np

from hwsim.components.config import BUSY, IDLE, OP, TO_SEQUENCER, WAIT_INPUT, WAIT_OUTPUT
from hwsim.components.link import can_push, push
from hwsim.kernels import njit

STATE = np.dtype(
    [
        ("asked", "i8"),
        ("beats_asked", "i8"),
        ("beats_got", "i8"),
        ("got", "i8"),
        ("sent", "i8"),
        ("ended", "i8"),
    ]
)


@njit
def _dispatch(queue, n):
    if not can_push(queue):
        return False
    queue.slots[push(queue), 0] = n
    return True


@njit
def step(c, s, to_fetch, to_feed, to_vector, to_writeback, request, table, answer):
    got, sent, cause = s.got, s.sent, WAIT_INPUT
    if s.ended:
        return IDLE
    if answer == TO_SEQUENCER:
        s.beats_got += 1
        if s.beats_got == c.word_beats:
            s.beats_got = 0
            s.got += 1
    if sent < got:
        op = table[sent, OP]
        if op == 0:
            s.ended = 1
            cause = BUSY
        else:
            if op == 1:
                room = _dispatch(to_fetch, sent)
            elif op == 2:
                room = _dispatch(to_feed, sent)
            elif op == 3:
                room = _dispatch(to_vector, sent)
            else:
                room = _dispatch(to_writeback, sent)
            s.sent += room
            cause = BUSY if room else WAIT_OUTPUT
    if s.asked < table.shape[0] and s.asked - sent < c.queue_depth and can_push(request):
        push(request)
        s.beats_asked += 1
        if s.beats_asked == c.word_beats:
            s.beats_asked = 0
            s.asked += 1
        cause = BUSY
    return cause

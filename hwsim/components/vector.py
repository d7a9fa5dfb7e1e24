"""Vector unit: brings sums back, and does everything that is no product of matrices.

Twin: rtl/components/vector.py. A command takes `setup` cycles for its parameters, then its rows in
groups: functions that reduce take up to `rows_in_flight` rows together through each pass and wait
after it, `latency_cycles` for the largest, `reduce_cycles` for a sum; others go row by row. Beats of
a row: docs/machine.md.
The results of a beat are due `latency_cycles` later. They are written in order, one beat's a cycle,
and wait while fetch writes into their bank; a beat that gives results waits while as many as fit
are under way. The command is done with its last write.
"""

import numpy as np

from hwsim.components.config import (
    BUSY,
    DRAIN,
    IDLE,
    WAIT_OUTPUT,
    WAIT_TOKEN,
    WAITS,
    ceil_div,
    start,
    tokens_there,
)
from hwsim.components.link import can_pop, pop
from hwsim.kernels import njit
from hwsim.spec.commands import ACT, FN, NORM_BEATS, column
from hwsim.spec.machine import RESULTS_MAX

STATE = np.dtype(
    [
        (name, "i8")
        for name in (
            "cmd", "setup", "rows", "i0", "i1",  # rows left, and the one under way
            "passes", "wait", "group", "row", "first0", "first1",  # passes left that reduce; the group
            "chunks", "beats", "beats_reduce", "beats_last", "writes",  # left of row and chunk; of a chunk
            "bank_a", "bank_b", "bank_param", "bank_dst",
            "held_a", "held_b", "held_param",  # banks that the beat of the last cycle reads
            "oldest", "under_way",  # of `results`
        )
    ]
    + [("results", "i8", (RESULTS_MAX, 2))]  # cycle when due, bank
)  # fmt: skip
(
    _FN, _ACT, _FROM_VEC, _HAS_B, _HAS_BIAS, _HAS_SCALE, _COUNT0, _COUNT1, _LEN, _A, _A0, _A1,
    _B, _B0, _B1, _PARAM, _DST, _D0, _D1, _LANE, _WH, _WW,
) = (
    column("vector", n)
    for n in (
        "fn", "act", "from_vec", "has_b", "has_bias", "has_scale", "count0", "count1", "len", "a", "a_stride0", "a_stride1", "b",
        "b_stride0", "b_stride1", "param", "dst", "dst_stride0", "dst_stride1", "dst_lane", "window_h", "window_w",
    )
)  # fmt: skip
_MAP, _SOFTMAX, _LAYERNORM, _MAXPOOL, _AVGPOOL, _DEPTHWISE = range(len(FN))
_GELU, _SILU = ACT.index("gelu"), ACT.index("silu")


@njit
def passes(element_bytes, fn):
    """Over a row; every pass but the last reduces. int8 machines sum elements and squares together."""
    if fn == _SOFTMAX:
        return 3
    return (2 if element_bytes == 1 else 3) if fn == _LAYERNORM else 1


@njit
def _gcd(a, b):
    while b:
        a, b = b, a % b
    return a


@njit
def _lanes(c, t, n):
    return c.lanes if t[n, _FROM_VEC] else min(c.lanes, c.cols)


@njit
def setup_cycles(c, t, n):
    """Cycles in which parameters are read, each kind rounded up to whole reads."""
    length, width, cycles = t[n, _LEN], c.vec_width_bits, 0
    if length <= _lanes(c, t, n):
        cycles += (t[n, _HAS_BIAS] + t[n, _HAS_SCALE]) * ceil_div(length * 32, width)
    if t[n, _FN] == _DEPTHWISE:
        cycles += ceil_div(t[n, _WH] * t[n, _WW] * length * c.element_bytes * 8, width)
    if c.element_bytes == 1 and (t[n, _ACT] == _GELU or t[n, _ACT] == _SILU):
        cycles += ceil_div(256 * 8, width)
    if c.element_bytes == 1 and t[n, _FN] == _SOFTMAX:
        cycles += ceil_div(256 * 32, width)
    return cycles


@njit
def chunk_beats(c, t, n):
    """Beats of a chunk in a pass that reduces, and in the last pass; how many of these write."""
    lanes, bits = _lanes(c, t, n), c.element_bytes * 8
    read = ceil_div(lanes * bits, c.vec_width_bits)
    reads = t[n, _FROM_VEC] * t[n, _WH] * t[n, _WW] * read
    reads += t[n, _HAS_B] * read
    banks = c.vec_width_bits // bits
    writes = ceil_div(lanes * _gcd(t[n, _LANE] // c.element_bytes, banks), banks)
    last = reads
    if t[n, _LEN] > lanes:
        last += (t[n, _HAS_BIAS] + t[n, _HAS_SCALE]) * ceil_div(lanes * 32, c.vec_width_bits)
    least = NORM_BEATS if t[n, _FN] == _LAYERNORM and c.element_bytes == 1 else 1
    return max(1, reads), max(least, last, c.chunk_beats) + writes - 1, writes


@njit
def _bank(c, t, n, base, s0, s1, i0, i1):
    return (t[n, base] + i0 * t[n, s0] + i1 * t[n, s1]) // c.vec_bank_bytes


@njit
def _open_row(c, s, t):
    """The row i0, i1 in the pass that is under way: its chunks and its banks."""
    n, last, lanes = s.cmd, s.passes == 0, _lanes(c, t, s.cmd)
    s.chunks = ceil_div(t[n, _LEN], lanes)
    s.beats = s.beats_last if last else s.beats_reduce
    s.bank_a = _bank(c, t, n, _A, _A0, _A1, s.i0, s.i1) if t[n, _FROM_VEC] else -1
    s.bank_b = _bank(c, t, n, _B, _B0, _B1, s.i0, s.i1) if t[n, _HAS_B] else -1
    s.bank_param = -1
    if last and t[n, _LEN] > lanes and (t[n, _HAS_BIAS] or t[n, _HAS_SCALE]):
        s.bank_param = t[n, _PARAM] // c.vec_bank_bytes
    s.bank_dst = _bank(c, t, n, _DST, _D0, _D1, s.i0, s.i1)


@njit
def _open_group(c, s, t):
    """Up to `rows_in_flight` rows go through every pass together, so that they share its latency."""
    s.passes = passes(c.element_bytes, t[s.cmd, _FN]) - 1
    s.group = min(c.rows_in_flight, s.rows) if s.passes else 1
    s.first0, s.first1, s.row = s.i0, s.i1, 0
    _open_row(c, s, t)


@njit
def _take(c, s, t, n):
    s.cmd, s.i0, s.i1, s.wait = n, 0, 0, 0
    s.rows = t[n, _COUNT0] * t[n, _COUNT1]
    s.setup = setup_cycles(c, t, n)
    s.beats_reduce, s.beats_last, s.writes = chunk_beats(c, t, n)
    _open_group(c, s, t)


@njit
def _end_pass(c, s, t):
    """All rows of the group have been through the pass."""
    s.row = 0
    if s.passes:
        largest = t[s.cmd, _FN] == _SOFTMAX and s.passes == 2
        s.wait = c.vector_latency if largest else c.vector_reduce
        s.passes -= 1
        s.i0, s.i1 = s.first0, s.first1
        _open_row(c, s, t)
    else:
        s.rows -= s.group
        if s.rows:
            _open_group(c, s, t)


@njit
def _next_row(c, s, t):
    s.row += 1
    s.i0 += 1
    if s.i0 == t[s.cmd, _COUNT0]:
        s.i0 = 0
        s.i1 += 1
    if s.row < s.group:
        _open_row(c, s, t)
    else:
        _end_pass(c, s, t)


@njit
def blocked(c, s):
    """Whether the next beat of a row would give results that find no room."""
    return s.passes == 0 and s.beats <= s.writes and s.under_way == c.vector_results


@njit
def _move(c, s, t, now):
    """One beat of a row; False when its results find no room."""
    if blocked(c, s):
        return False
    if s.passes == 0 and s.beats <= s.writes:
        at = (s.oldest + s.under_way) % c.vector_results
        s.results[at, 0], s.results[at, 1] = now + c.vector_latency, s.bank_dst
        s.under_way += 1
    s.beats -= 1
    if s.beats == 0:
        s.chunks -= 1
        s.beats = s.beats_last if s.passes == 0 else s.beats_reduce
        if s.chunks == 0:
            _next_row(c, s, t)
    return True


@njit
def due(c, s, now, written):
    """The oldest result, if it is due. 1: written, -1: fetch writes into its bank."""
    if s.under_way == 0 or s.results[s.oldest, 0] > now:
        return 0
    if s.results[s.oldest, 1] == written:
        return -1
    return 1


@njit
def _work(c, s, t, now, written):
    """One cycle of the command under way. Returns (cause, whether it is done)."""
    wrote, cause = due(c, s, now, written), BUSY
    if s.setup:
        s.setup -= 1
        s.held_param = t[s.cmd, _PARAM] // c.vec_bank_bytes
    elif s.wait:
        s.wait -= 1
        cause = DRAIN
    elif s.rows:
        s.held_a, s.held_b, s.held_param = s.bank_a, s.bank_b, s.bank_param
        if not _move(c, s, t, now):
            cause = WAIT_OUTPUT
    else:
        cause = WAIT_OUTPUT if wrote < 0 else DRAIN
    if wrote > 0:
        s.oldest = (s.oldest + 1) % c.vector_results
        s.under_way -= 1
    return cause, s.setup == 0 and s.rows == 0 and s.under_way == 0


@njit
def step(c, s, queue, tokens, table, log, now, written):
    """written: bank that fetch writes this cycle, -1 none. Returns (cause, command done or -1,
    banks of a, b and parameters that the beat of the last cycle reads).
    """
    done, cause, read_a, read_b, read_param = -1, IDLE, s.held_a, s.held_b, s.held_param
    s.held_a = s.held_b = s.held_param = -1
    if s.cmd >= 0:
        cause, ends = _work(c, s, table, now, written)
        if ends:
            done = s.cmd
            s.cmd = -1
    if s.cmd < 0 and can_pop(queue):
        n = queue.slots[queue.head, 0]
        if tokens_there(tokens, 2, table[n, WAITS]):
            start(log, tokens, 2, table, n, now)
            pop(queue)
            _take(c, s, table, n)
            cause = BUSY
        elif cause == IDLE:
            cause = WAIT_TOKEN
    return cause, done, read_a, read_b, read_param

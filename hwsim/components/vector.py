"""Vector unit: brings sums back, and does everything that is no product of matrices. Twin:
rtl/components/vector.py.

A command takes `setup` cycles for its parameters, then `row_cycles` a row, then `latency_cycles`.
Passes, chunks and beats: docs/machine.md. A row holds the banks of its operands and of its result
for all of its cycles, and waits while fetch writes into the bank of the result.
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
from hwsim.spec.commands import ACT, FN, column

STATE = np.dtype(
    [
        (name, "i8")
        for name in (
            "cmd",
            "setup",
            "row",
            "row_cycles",
            "i0",
            "i1",
            "tail",
            "bank_a",
            "bank_b",
            "bank_param",
            "bank_dst",
        )
    ]
)
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
PASSES = (1, 3, 3, 1, 1, 1)  # over a row, by fn; every pass but the last reduces


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
def row_cycles(c, t, n):
    """Cycles of one row: passes x chunks x beats, and the latency of each pass that reduces."""
    lanes, bits = _lanes(c, t, n), c.element_bytes * 8
    chunks, fn = ceil_div(t[n, _LEN], lanes), t[n, _FN]
    window = t[n, _WH] * t[n, _WW]
    read = ceil_div(lanes * bits, c.vec_width_bits)
    reads = t[n, _FROM_VEC] * window * read
    if fn <= _SOFTMAX and t[n, _HAS_B]:
        reads += read
    banks = c.vec_width_bits // bits
    writes = ceil_div(lanes * _gcd(t[n, _LANE] // c.element_bytes, banks), banks)
    last = reads
    if t[n, _LEN] > lanes:
        last += (t[n, _HAS_BIAS] + t[n, _HAS_SCALE]) * ceil_div(lanes * 32, c.vec_width_bits)
    extra = PASSES[fn] - 1
    return chunks * (extra * max(1, reads) + max(1, last, writes)) + extra * c.vector_latency


@njit
def _bank(c, t, n, base, s0, s1, i0, i1):
    return (t[n, base] + i0 * t[n, s0] + i1 * t[n, s1]) // c.vec_bank_bytes


@njit
def _open_row(c, s, t):
    n = s.cmd
    s.row = s.row_cycles
    s.bank_a = _bank(c, t, n, _A, _A0, _A1, s.i0, s.i1) if t[n, _FROM_VEC] else -1
    s.bank_b = _bank(c, t, n, _B, _B0, _B1, s.i0, s.i1) if t[n, _HAS_B] else -1
    if t[n, _LEN] > _lanes(c, t, n) and (t[n, _HAS_BIAS] or t[n, _HAS_SCALE]):
        s.bank_param = t[n, _PARAM] // c.vec_bank_bytes
    else:
        s.bank_param = -1
    s.bank_dst = _bank(c, t, n, _DST, _D0, _D1, s.i0, s.i1)


@njit
def _take(c, s, t, n):
    s.cmd, s.i0, s.i1 = n, 0, 0
    s.setup, s.row_cycles, s.tail = setup_cycles(c, t, n), row_cycles(c, t, n), c.vector_latency
    _open_row(c, s, t)


@njit
def _move(c, s, t):
    """One cycle of a row; after the last row the tail is left."""
    s.row -= 1
    if s.row == 0:
        s.i0 += 1
        if s.i0 == t[s.cmd, _COUNT0]:
            s.i0 = 0
            s.i1 += 1
        if s.i1 < t[s.cmd, _COUNT1]:
            _open_row(c, s, t)


@njit
def step(c, s, queue, tokens, table, log, now, written):
    """written: bank that fetch writes this cycle, -1 none. Returns (cause, command done or -1,
    banks read: a, b).
    """
    done, cause, read_a, read_b = -1, IDLE, -1, -1
    if s.cmd >= 0:
        cause = BUSY
        if s.setup:
            s.setup -= 1
            read_a = table[s.cmd, _PARAM] // c.vec_bank_bytes
        elif s.row:
            read_a, read_b = s.bank_a, (s.bank_param if s.bank_b < 0 else s.bank_b)
            if written == s.bank_dst and written >= 0:
                cause = WAIT_OUTPUT
            else:
                _move(c, s, table)
        else:
            cause = DRAIN
            s.tail -= 1
        if s.setup == 0 and s.row == 0 and s.tail == 0:
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
    return cause, done, read_a, read_b

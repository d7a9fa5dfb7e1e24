"""The vector command: docs/isa.md. Checks, parameters, the walk over rows; the arithmetic is vector_int8 and vector_fp16."""

import numpy as np

from hwsim.kernels import inlined, njit
from hwsim.spec.commands import ACT, FN, column
from hwsim.values import status, vector_fp16, vector_int8
from hwsim.values.fp16 import from_fp16
from hwsim.values.layout import C_COLS, C_LANES, C_NUMBER, INT8
from hwsim.values.view import view
from hwsim.values.walk import inside

FN_AT, ACT_AT, FROM_VEC, HAS_B, HAS_BIAS, HAS_SCALE, SHIFT = (
    column("vector", n) for n in ("fn", "act", "from_vec", "has_b", "has_bias", "has_scale", "shift")
)
COUNT0, COUNT1, LEN, A, A0, A1 = (column("vector", n) for n in ("count0", "count1", "len", "a", "a_stride0", "a_stride1"))
B, B0, B1, PARAM = (column("vector", n) for n in ("b", "b_stride0", "b_stride1", "param"))
DST, DST0, DST1, DST_LANE = (column("vector", n) for n in ("dst", "dst_stride0", "dst_stride1", "dst_lane"))
WINDOW_H, WINDOW_W, WINDOW_H_STRIDE, WINDOW_W_STRIDE, IMM = (
    column("vector", n) for n in ("window_h", "window_w", "window_stride_h", "window_stride_w", "imm")
)
SOFTMAX, MAXPOOL, DEPTHWISE = (FN.index(n) for n in ("softmax", "maxpool", "depthwise"))
CLIP, GELU, SILU = (ACT.index(n) for n in ("clip", "gelu", "silu"))
MINUS_ZERO16 = np.uint16(0x8000)


@njit
def table_bytes(row, int8):
    if not int8:
        return 0
    if row[FN_AT] == SOFTMAX:
        return 1024
    return 256 if row[ACT_AT] >= GELU else 0


@njit
def weight_bytes(row, element):
    size = row[WINDOW_H] * row[WINDOW_W] * row[LEN] * element
    return (size + 3) // 4 * 4 if row[FN_AT] == DEPTHWISE else 0


@njit
def faults(row, values):
    int8 = values.config[C_NUMBER] == INT8
    element, n0, n1, length = 1 if int8 else 2, row[COUNT0], row[COUNT1], row[LEN]
    if row[FN_AT] > DEPTHWISE or row[ACT_AT] > SILU or (int8 and row[ACT_AT] == CLIP):
        return status.FIELD
    if length < 1 or n0 < 1 or n1 < 1 or row[WINDOW_H] < 1 or row[WINDOW_W] < 1:
        return status.FIELD
    if row[FN_AT] >= MAXPOOL and not row[FROM_VEC]:
        return status.FIELD
    size = values.vec.size
    cut = row[DST] | row[DST0] | row[DST1] | row[DST_LANE]
    if row[FROM_VEC]:
        cut |= row[A] | row[A0] | row[A1] | row[WINDOW_H_STRIDE] | row[WINDOW_W_STRIDE]
        reach_h, reach_w = (row[WINDOW_H] - 1) * row[WINDOW_H_STRIDE], (row[WINDOW_W] - 1) * row[WINDOW_W_STRIDE]
        first, last = min(0, reach_h) + min(0, reach_w), max(0, reach_h) + max(0, reach_w)
        if not inside(row[A] + first, n0, row[A0], n1, row[A1], last - first + length * element, size):
            return status.VEC
    elif length > values.config[C_COLS]:
        return status.FIELD
    elif not inside(row[A], n0, row[A0], n1, row[A1], 1, values.acc.size // values.config[C_COLS]):
        return status.ACC
    if row[HAS_B]:
        cut |= row[B] | row[B0] | row[B1]
        if not inside(row[B], n0, row[B0], n1, row[B1], length * element, size):
            return status.VEC
    reach = (length - 1) * row[DST_LANE]
    if not inside(row[DST] + min(0, reach), n0, row[DST0], n1, row[DST1], abs(reach) + element, size):
        return status.VEC
    param = weight_bytes(row, element) + 4 * length * (row[HAS_BIAS] + row[HAS_SCALE]) + table_bytes(row, int8)
    if row[PARAM] + param > size:
        return status.VEC
    return status.ALIGN if cut % element else status.OK


@njit
def word(vec, at):
    """Four bytes, little-endian, as a bit pattern."""
    low = np.uint32(vec[at]) | np.uint32(vec[at + 1]) << np.uint32(8)
    return low | np.uint32(vec[at + 2]) << np.uint32(16) | np.uint32(vec[at + 3]) << np.uint32(24)


@njit
def words(vec, at, n, absent):
    """[n] uint32 from byte `at`, or `absent` everywhere if `at` is below 0."""
    out = np.empty(n, np.uint32)
    for j in range(n):
        out[j] = absent if at < 0 else word(vec, at + 4 * j)
    return out


@njit
def places(row, int8):
    """Bytes where bias, scale and table stand; -1 where absent."""
    at = row[PARAM] + weight_bytes(row, 1 if int8 else 2)
    bias, scale = np.int64(-1), np.int64(-1)
    if row[HAS_BIAS]:
        bias, at = at, at + 4 * row[LEN]
    if row[HAS_SCALE]:
        scale, at = at, at + 4 * row[LEN]
    return bias, scale, at


@inlined
def put(out, level, dst, lane):
    """A row to its place in level vec, in elements."""
    if lane == 1:
        target = view(level, dst, out.size)
        for j in range(out.size):
            target[j] = out[j]
    else:
        for j in range(out.size):
            level[dst + j * lane] = out[j]


@njit
def walk_int8(row, values, bias, scale, table, weights, x, b, out):
    """All rows. x, b (zeros) and out are scratch [len]; everything is viewed first, so that the loop counts no references."""
    length, fn, act, cols, has_b = row[LEN], row[FN_AT], row[ACT_AT], values.config[C_COLS], row[HAS_B] != 0
    bias, scale, table = view(bias, 0, length), view(scale, 0, length), view(table, 0, 256)
    x, b, out, weights = view(x, 0, length), view(b, 0, length), view(out, 0, length), view(weights, 0, weights.size)
    vec, acc = view(values.vec8, 0, values.vec8.size), view(values.acc, 0, values.acc.size)
    window = (row[WINDOW_H], row[WINDOW_W], row[WINDOW_H_STRIDE], row[WINDOW_W_STRIDE])
    for i1 in range(row[COUNT1]):
        for i0 in range(row[COUNT0]):
            a = row[A] + i0 * row[A0] + i1 * row[A1]
            if fn >= MAXPOOL:
                vector_int8.gather(fn, vec, a, length, window, weights, x)
            elif row[FROM_VEC]:
                vector_int8.read(view(vec, a, length), x)
            else:
                vector_int8.read(view(acc, a * cols, length), x)
            if has_b:
                vector_int8.read(view(vec, row[B] + i0 * row[B0] + i1 * row[B1], length), b)
            vector_int8.run_row(fn, act, x, b, has_b, bias, scale, table, row[IMM], row[SHIFT], out)
            put(out, vec, row[DST] + i0 * row[DST0] + i1 * row[DST1], row[DST_LANE])


@inlined
def run_int8(row, values):
    length, fn, vec = row[LEN], row[FN_AT], values.vec8
    at_bias, at_scale, at_table = places(row, True)
    bias = words(values.vec, at_bias, length, np.uint32(0)).view(np.int32)
    scale = words(values.vec, at_scale, length, np.uint32(1)).view(np.int32)
    table, weights = np.zeros(256, np.int32), np.zeros(0, np.int32)
    if fn == SOFTMAX:
        table = words(values.vec, at_table, 256, np.uint32(0)).view(np.int32)
    elif row[ACT_AT] >= GELU:
        table = vec[at_table : at_table + 256].astype(np.int32)
    if fn == DEPTHWISE:
        weights = vec[row[PARAM] : row[PARAM] + row[WINDOW_H] * row[WINDOW_W] * length].astype(np.int32)
    x, b, out = np.empty(length, np.int32), np.zeros(length, np.int8), np.empty(length, np.int8)
    walk_int8(row, values, bias, scale, table, weights, x, b, out)


@njit
def walk_fp16(row, values, bias, scale, weights, lanes, x, squares, b, out):
    """As walk_int8; b is -0."""
    length, fn, act, cols, has_b = row[LEN], row[FN_AT], row[ACT_AT], values.config[C_COLS], row[HAS_B] != 0
    bias, scale, weights = view(bias, 0, length), view(scale, 0, length), view(weights, 0, weights.size)
    x, squares, lanes = view(x, 0, length), view(squares, 0, length), view(lanes, 0, lanes.size)
    b, out = view(b, 0, length), view(out, 0, length)
    vec, sums = view(values.vec16, 0, values.vec16.size), view(values.sums, 0, values.sums.size)
    window = (row[WINDOW_H], row[WINDOW_W], row[WINDOW_H_STRIDE] >> 1, row[WINDOW_W_STRIDE] >> 1)
    for i1 in range(row[COUNT1]):
        for i0 in range(row[COUNT0]):
            a = row[A] + i0 * row[A0] + i1 * row[A1]
            if fn >= MAXPOOL:
                vector_fp16.gather(fn, vec, a >> 1, length, window, weights, x)
            elif row[FROM_VEC]:
                vector_fp16.decode(view(vec, a >> 1, length), x)
            else:
                vector_fp16.read(view(sums, a * cols, length), x)
            if has_b:
                vector_fp16.read(view(vec, (row[B] + i0 * row[B0] + i1 * row[B1]) >> 1, length), b)
            vector_fp16.run_row(fn, act, x, b, bias, scale, row[IMM], lanes, squares, out)
            put(out, vec, (row[DST] + i0 * row[DST0] + i1 * row[DST1]) >> 1, row[DST_LANE] >> 1)


@inlined
def run_fp16(row, values):
    length, fn = row[LEN], row[FN_AT]
    at_bias, at_scale, _ = places(row, False)
    bias = words(values.vec, at_bias, length, np.uint32(0x80000000)).view(np.float32)
    scale = words(values.vec, at_scale, length, np.uint32(0x3F800000)).view(np.float32)
    weights = np.zeros(row[WINDOW_H] * row[WINDOW_W] * length if fn == DEPTHWISE else 0, np.float32)
    for j in range(weights.size):
        at = row[PARAM] + 2 * j
        weights[j] = from_fp16(np.uint16(values.vec[at]) | np.uint16(values.vec[at + 1]) << np.uint16(8))
    lanes = np.empty(values.config[C_LANES], np.float32)
    x, squares = np.empty(length, np.float32), np.empty(length, np.float32)
    b, out = np.full(length, MINUS_ZERO16), np.empty(length, np.uint16)
    walk_fp16(row, values, bias, scale, weights, lanes, x, squares, b, out)


@inlined
def vector(row, values):
    """Runs one command; gives a status."""
    state = faults(row, values)
    if state != status.OK:
        return state
    if values.config[C_NUMBER] == INT8:
        run_int8(row, values)
    else:
        run_fp16(row, values)
    return status.OK

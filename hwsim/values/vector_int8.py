"""Vector commands of int8 machines: hwsim/spec/numerics/integer.py, row by row."""

import numpy as np

from hwsim.kernels import inlined, njit
from hwsim.spec.commands import ACT, FN
from hwsim.spec.numerics import integer as nx
from hwsim.values.integer import isqrt, rshift_even, sat8, shift_parts, wrap32
from hwsim.values.view import view

MAP, SOFTMAX, LAYERNORM, MAXPOOL, AVGPOOL, DEPTHWISE = range(6)
assert FN == ("map", "softmax", "layernorm", "maxpool", "avgpool", "depthwise")
NONE, GELU = ACT.index("none"), ACT.index("gelu")
SOFTMAX_BITS, SOFTMAX_TOP = nx.SOFTMAX_BITS, nx.SOFTMAX_STEPS << nx.SOFTMAX_BITS
LOWEST = -(1 << 31)
ROOT_BITS, INV_ONE, Z_SHIFT = nx.NORM_ROOT_BITS, 1 << nx.NORM_INV_BITS, nx.NORM_Z_SHIFT


@inlined
def read(source, x):
    for j in range(x.size):
        x[j] = source[j]


@inlined
def larger(source, x):
    for j in range(x.size):
        x[j] = max(x[j], np.int32(source[j]))


@inlined
def add(source, x):
    for j in range(x.size):
        x[j] += np.int32(source[j])


@inlined
def add_product(source, weight, x):
    for j in range(x.size):
        x[j] += np.int32(source[j]) * weight[j]


@inlined
def scaled(x, bias, scale, b, b_mult, shift, low, out):
    """sat8(rshift_even(wrap32(x + bias)*scale + b*b_mult, shift)), and not below `low`."""
    mask, half = shift_parts(shift)
    for j in range(out.size):
        total = wrap32(np.int64(x[j]) + np.int64(bias[j])) * np.int64(scale[j]) + np.int64(b[j]) * b_mult
        out[j] = np.int8(max(sat8(rshift_even(total, shift, mask, half)), low))


@inlined
def looked_up(table, out):
    for j in range(out.size):
        out[j] = np.int8(table[np.int64(out[j]) + 128])


@njit
def softmax(x, b, masked, table, out):
    top = np.int64(LOWEST)
    for j in range(x.size):
        live = not masked or b[j] == 0
        top = max(top, np.int64(x[j]) if live else np.int64(-128))
    total = np.int64(0)
    for j in range(x.size):
        if not masked or b[j] == 0:
            total += np.int64(table[min(max(top - np.int64(x[j]), 0), 255)])
    inverse = (SOFTMAX_TOP + (total >> 1)) // max(total, 1)
    mask, half = shift_parts(SOFTMAX_BITS)
    for j in range(x.size):
        e = np.int64(0)
        if total > 0 and (not masked or b[j] == 0):
            e = np.int64(table[min(max(top - np.int64(x[j]), 0), 255)]) * inverse
        out[j] = np.int8(sat8(rshift_even(e, SOFTMAX_BITS, mask, half)))


@njit
def layernorm(x, gamma, beta, epsilon, shift, out):
    n, total, squares = np.int64(x.size), np.int64(0), np.int64(0)
    for j in range(x.size):
        value = np.int64(x[j])
        total += value
        squares += value * value
    root = max(isqrt((n * squares - total * total + epsilon) << ROOT_BITS), 1)
    inverse = INV_ONE // root
    z_mask, z_half = shift_parts(Z_SHIFT)
    mask, half = shift_parts(shift)
    for j in range(x.size):
        z = rshift_even((n * np.int64(x[j]) - total) * inverse, Z_SHIFT, z_mask, z_half)
        y = z * np.int64(gamma[j]) + np.int64(beta[j])
        out[j] = np.int8(sat8(rshift_even(y, shift, mask, half)))


@inlined
def gather(fn, vec, a, length, window, weights, x):
    """What a windowed function takes from level vec: largest, sum, or weighted sum; x int32. window: heights, widths, strides."""
    h_count, w_count, h_stride, w_stride = window
    first = True
    for h in range(h_count):
        for w in range(w_count):
            at, k = a + h * h_stride + w * w_stride, (h * w_count + w) * length
            if fn == MAXPOOL:
                if first:
                    read(view(vec, at, length), x)
                else:
                    larger(view(vec, at, length), x)
            else:
                if first:
                    x[:] = 0
                if fn == AVGPOOL:
                    add(view(vec, at, length), x)
                else:
                    add_product(view(vec, at, length), view(weights, k, length), x)
            first = False


@inlined
def run_row(fn, act, x, b, has_b, bias, scale, table, imm, shift, out):
    """One row from its source `x` int32 (windows done) to `out` int8. Absent: bias 0, scale 1, b 0."""
    signed = wrap32(imm)
    low = np.int64(-128) if act == NONE or act >= GELU else np.int64(0)
    if fn == SOFTMAX:
        softmax(x, b, has_b, table, out)
    elif fn == LAYERNORM:
        layernorm(x, scale, bias, imm, shift, out)
    elif fn == AVGPOOL:
        mask, half = shift_parts(shift)
        for j in range(out.size):
            out[j] = np.int8(sat8(rshift_even(np.int64(x[j]) * signed, shift, mask, half)))
    elif fn == MAXPOOL:
        for j in range(out.size):
            out[j] = np.int8(max(np.int64(x[j]), low))
    else:
        scaled(x, bias, scale, b, signed, shift, low, out)
    if act >= GELU and fn in (MAP, MAXPOOL, DEPTHWISE):
        looked_up(table, out)

"""Vector commands of fp16 machines: hwsim/spec/numerics/float32.py, row by row; FP32 inside, one rounding at the end."""

import numpy as np

from hwsim.kernels import inlined, njit
from hwsim.spec.commands import ACT, FN
from hwsim.values.floats import F32, INF, ZERO, exp, gelu, lane_sum, reciprocal, rsqrt, silu
from hwsim.values.fp16 import float_of, from_fp16, to_fp16
from hwsim.values.view import view

MAP, SOFTMAX, LAYERNORM, MAXPOOL, AVGPOOL, DEPTHWISE = range(6)
assert FN == ("map", "softmax", "layernorm", "maxpool", "avgpool", "depthwise")
NONE, RELU, CLIP, GELU, SILU = range(5)
assert ACT == ("none", "relu", "clip", "gelu", "silu")


@inlined
def read(source, x):
    for j in range(x.size):
        x[j] = source[j]


@inlined
def decode(source, x):
    for j in range(x.size):
        x[j] = from_fp16(source[j])


@inlined
def encode(x, out):
    for j in range(out.size):
        out[j] = to_fp16(x[j])


@inlined
def larger(source, x):
    """The earlier of two equal ones stays; NaN wins."""
    for j in range(x.size):
        y = from_fp16(source[j])
        x[j] = y if (y > x[j]) | (y != y) else x[j]


@inlined
def add(source, x):
    for j in range(x.size):
        x[j] = F32(x[j] + from_fp16(source[j]))


@inlined
def add_product(source, weight, x):
    for j in range(x.size):
        x[j] = F32(x[j] + F32(from_fp16(source[j]) * weight[j]))


@inlined
def scaled(x, bias, scale, b):
    """Absent operands are -0, 1 and -0, which change nothing, not even the sign of a zero."""
    for j in range(x.size):
        x[j] = F32(F32(F32(x[j] + bias[j]) * scale[j]) + from_fp16(b[j]))


@inlined
def clipped(x, top):
    for j in range(x.size):
        y = x[j]
        kept = y if (y > ZERO) | (y != y) else ZERO
        x[j] = top if kept > top else kept


@inlined
def activate(act, x, imm):
    if act == RELU or act == CLIP:
        clipped(x, INF if act == RELU else float_of(np.uint32(imm)))
    elif act == GELU:
        for j in range(x.size):
            x[j] = gelu(x[j])
    elif act == SILU:
        for j in range(x.size):
            x[j] = silu(x[j])


@njit
def softmax(x, b, lanes):
    add(b, x)
    top = x[0]
    for j in range(1, x.size):
        top = x[j] if (x[j] > top) | (x[j] != x[j]) else top
    for j in range(x.size):
        x[j] = exp(F32(x[j] - top))
    inverse = reciprocal(lane_sum(x, lanes))
    for j in range(x.size):
        x[j] = F32(x[j] * inverse)


@njit
def layernorm(x, gamma, beta, epsilon, lanes, squares):
    inverse = reciprocal(F32(x.size))
    mean = F32(lane_sum(x, lanes) * inverse)
    for j in range(x.size):
        x[j] = F32(x[j] - mean)
        squares[j] = F32(x[j] * x[j])
    factor = rsqrt(F32(F32(lane_sum(squares, lanes) * inverse) + epsilon))
    for j in range(x.size):
        x[j] = F32(F32(F32(x[j] * factor) * gamma[j]) + beta[j])


@inlined
def gather(fn, vec, a, length, window, weights, x):
    """What a windowed function takes from level vec, uint16 elements; x float32. window: heights, widths, strides."""
    h_count, w_count, h_stride, w_stride = window
    first = True
    for h in range(h_count):
        for w in range(w_count):
            at, k = a + h * h_stride + w * w_stride, (h * w_count + w) * length
            if fn == MAXPOOL:
                if first:
                    decode(view(vec, at, length), x)
                else:
                    larger(view(vec, at, length), x)
            else:
                if first:
                    x[:] = ZERO
                if fn == AVGPOOL:
                    add(view(vec, at, length), x)
                else:
                    add_product(view(vec, at, length), view(weights, k, length), x)
            first = False


@inlined
def run_row(fn, act, x, b, bias, scale, imm, lanes, squares, out):
    """One row from its source `x` float32 (windows done; overwritten) to `out` uint16. Absent: bias -0, scale 1, b -0."""
    if fn == SOFTMAX:
        softmax(x, b, lanes)
    elif fn == LAYERNORM:
        layernorm(x, scale, bias, float_of(np.uint32(imm)), lanes, squares)
    elif fn == AVGPOOL:
        factor = float_of(np.uint32(imm))
        for j in range(x.size):
            x[j] = F32(x[j] * factor)
    elif fn != MAXPOOL:
        scaled(x, bias, scale, b)
    if fn in (MAP, MAXPOOL, DEPTHWISE):
        activate(act, x, imm)
    encode(x, out)

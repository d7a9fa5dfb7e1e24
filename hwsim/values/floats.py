"""FP32 functions of hwsim/spec/numerics/tables.py, one element at a time: the same operations in the same order."""

import numpy as np

from hwsim.kernels import inlined, njit
from hwsim.spec.numerics import tables
from hwsim.values.fp16 import NAN32, bits_of, float_of
from hwsim.values.view import view

F32 = np.float32
EXP_BASE, EXP_SLOPE = tables.EXP_BASE, tables.EXP_SLOPE
RECIPROCAL_BASE, RECIPROCAL_SLOPE = tables.RECIPROCAL_BASE, tables.RECIPROCAL_SLOPE
RSQRT_BASE, RSQRT_SLOPE = tables.RSQRT_BASE, tables.RSQRT_SLOPE
GELU_BASE, GELU_SLOPE = tables.GELU_BASE, tables.GELU_SLOPE
EXP_LOW, EXP_HIGH, LOG2E, GELU_HIGH = tables.EXP_LOW, tables.EXP_HIGH, tables.LOG2E, tables.GELU_HIGH
EXP_BITS = tables.EXP_BITS
EXP_SCALE, GELU_SCALE = F32(2.0**tables.EXP_BITS), F32(2.0**tables.GELU_BITS)
F12, F15, F16 = F32(2.0**-12), F32(2.0**-15), F32(2.0**-16)
INF, ZERO, ONE, MINUS_ZERO = F32(np.inf), F32(0), F32(1), F32(-0.0)


@inlined
def nan():
    return float_of(NAN32)


@inlined
def power(biased):
    """2**(biased - 127), 1 <= biased <= 254."""
    return float_of(np.uint32(biased) << np.uint32(23))


@inlined
def floor_int(x):
    """|x| < 2**31."""
    k = np.int32(x)
    return k - np.int32(F32(k) > x)


@inlined
def exp(x):
    inside = (x >= EXP_LOW) & (x <= EXP_HIGH)
    k = floor_int((x if inside else ZERO) * LOG2E * EXP_SCALE)
    i, f = np.uint32(k >> 12) & np.uint32(255), F32(k & 4095) * F12
    y = (EXP_BASE[i] + EXP_SLOPE[i] * f) * power((k >> EXP_BITS) + 127)
    outside = ZERO if x < EXP_LOW else INF if x > EXP_HIGH else nan()
    return y if inside else outside


@inlined
def reciprocal(x):
    bits = np.int32(bits_of(x) & np.uint32(0x7FFFFFFF))
    sign = bits_of(x) & np.uint32(0x80000000)
    e, i, f = bits >> 23, np.uint32(bits >> 15) & np.uint32(255), F32(bits & 0x7FFF) * F15
    y = (RECIPROCAL_BASE[i] + RECIPROCAL_SLOPE[i] * f) * power(254 - min(max(e, 1), 252))
    y = INF if e == 0 else ZERO if e >= 253 else y
    return float_of(bits_of(y) | sign) if x == x else nan()


@inlined
def rsqrt(x):
    bits = np.int32(bits_of(x) & np.uint32(0x7FFFFFFF))
    e, mantissa = (bits >> 23) - 127, bits & 0x7FFFFF
    i, f = ((e & 1) << 7) | (mantissa >> 16), F32(mantissa & 0xFFFF) * F16
    y = (RSQRT_BASE[i] + RSQRT_SLOPE[i] * f) * power(127 - (e >> 1))
    y = INF if e == -127 else ZERO if x == INF else y
    return nan() if x != x or (x < ZERO and e != -127) else y


@inlined
def silu(x):
    y = x * reciprocal(ONE + exp(-x))
    return MINUS_ZERO if x < EXP_LOW else y


@inlined
def gelu(x):
    inside = abs(x) < GELU_HIGH
    safe = x if inside else ZERO
    k = np.int32(abs(safe) * GELU_SCALE)
    i, f = np.uint32(k >> 12) & np.uint32(255), F32(k & 4095) * F12
    t = safe * (GELU_BASE[i] + GELU_SLOPE[i] * f)
    y = safe * reciprocal(ONE + exp(-t))
    outside = MINUS_ZERO if x <= -GELU_HIGH else x
    return y if inside else outside


@inlined
def add_chunk(chunk, part):
    for j in range(chunk.size):
        part[j] += chunk[j]


@njit
def lane_sum(x, part):
    """Sum of `x`; `part` [lanes] is scratch. Lane j adds elements j, j + lanes, ...; then neighbours, and so on."""
    lanes = part.size
    part[:] = ZERO
    for at in range(0, x.size, lanes):
        add_chunk(view(x, at, min(lanes, x.size - at)), part)
    step = 1
    while step < lanes:
        for j in range(0, lanes - step, 2 * step):
            part[j] = F32(part[j] + part[j + step])
        step *= 2
    return part[0]

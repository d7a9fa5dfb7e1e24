"""Tables and approximations of the fp16 machine's vector unit: exp, reciprocal, rsqrt, silu, gelu in FP32.

Each is bit arithmetic on the argument, then a straight line of one of 256 segments, `base[i] + slope[i]*f`
(one FP32 multiply, one FP32 add, f exact), then an exact change of the exponent. The line meets the function
at both ends of a segment (rounded to FP32).
Every `*` and `+` below is one FP32 operation, round to nearest even; nothing is fused. Errors: docs/numerics.md.
"""

from math import erfc, log, pi, sqrt
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
F32 = np.float32
SEGMENTS = 256
EXP_LOW, EXP_HIGH = F32(-87.0), F32(88.0)  # below: 0; above: +inf
LOG2E = F32(1.4426950408889634)
EXP_BITS = 20  # fraction bits of x*log2(e): 8 choose the segment, 12 are f
GELU_HIGH = F32(8.0)  # |x| from here on: gelu is x or -0
GELU_BITS = 17  # fraction bits of |x|: 5 with the 3 integer bits choose the segment, 12 are f
FRACTION = F32(2.0**-12)


def _lines(nodes: Array) -> tuple[Array, Array]:
    """[257] values at the ends of the segments -> base, slope [256] float32."""
    base = nodes.astype(F32)[:-1]
    return base, (nodes[1:] - nodes[:-1]).astype(F32)


def _logit_slope(x: float) -> float:
    """log(Phi(x) / Phi(-x)) / x, with Phi the normal distribution; gelu(x) = x / (1 + exp(-x * that))."""
    if x == 0:
        return 4 / sqrt(2 * pi)
    return (log(erfc(-x / sqrt(2))) - log(erfc(x / sqrt(2)))) / x


_step = np.arange(SEGMENTS + 1) / SEGMENTS
EXP_BASE, EXP_SLOPE = _lines(np.exp2(_step))
RECIPROCAL_BASE, RECIPROCAL_SLOPE = _lines(1 / (1 + _step))
_octave = 1 / np.sqrt(1 + np.arange(129) / 128)
RSQRT_BASE, RSQRT_SLOPE = (
    np.concatenate(pair)
    for pair in zip(_lines(_octave), _lines(_octave / np.sqrt(2.0)), strict=True)
)
GELU_BASE, GELU_SLOPE = _lines(np.array([_logit_slope(8 * float(s)) for s in _step]))
NAN = F32(np.nan)


def _bits(x: Array) -> Array:
    return np.ascontiguousarray(x, F32).view(np.uint32).astype(np.int64)


def _power(biased: Array) -> Array:
    """2**(biased - 127), 1 <= biased <= 254."""
    return (biased.astype(np.uint32) << np.uint32(23)).view(F32)


def exp(x: Array) -> Array:
    """e**x: 0 below -87, +inf above 88, NaN of NaN."""
    x = np.asarray(x, F32)
    inside = (x >= EXP_LOW) & (x <= EXP_HIGH)
    t = np.where(inside, x, F32(0)) * LOG2E
    k = np.floor(t * F32(2**EXP_BITS)).astype(np.int64)
    i, f = k >> 12 & 255, (k & 4095).astype(F32) * FRACTION
    y = (EXP_BASE[i] + EXP_SLOPE[i] * f) * _power((k >> EXP_BITS) + 127)
    return np.where(
        inside, y, np.where(x < EXP_LOW, F32(0), np.where(x > EXP_HIGH, F32(np.inf), NAN))
    ).astype(F32)


def reciprocal(x: Array) -> Array:
    """1/x. |x| < 2**-126 gives an infinity and |x| >= 2**126 a zero, both with the sign of x; NaN of NaN."""
    x = np.asarray(x, F32)
    bits = _bits(x)
    e, i, f = bits >> 23 & 255, bits >> 15 & 255, (bits & 0x7FFF).astype(F32) * F32(2.0**-15)
    y = (RECIPROCAL_BASE[i] + RECIPROCAL_SLOPE[i] * f) * _power(254 - np.clip(e, 1, 252))
    y = np.where(e == 0, F32(np.inf), np.where(e >= 253, F32(0), y)).astype(F32)
    return np.where(np.isnan(x), NAN, np.copysign(y, x)).astype(F32)


def rsqrt(x: Array) -> Array:
    """1/sqrt(x). |x| < 2**-126 gives +inf, +inf gives 0, other negative numbers and NaN give NaN."""
    x = np.asarray(x, F32)
    bits = _bits(x)
    e, mantissa = (bits >> 23 & 255) - 127, bits & 0x7FFFFF
    i, f = (e & 1) << 7 | mantissa >> 16, (mantissa & 0xFFFF).astype(F32) * F32(2.0**-16)
    y = (RSQRT_BASE[i] + RSQRT_SLOPE[i] * f) * _power(127 - (e >> 1))
    y = np.where(e == -127, F32(np.inf), np.where(x == np.inf, F32(0), y))
    return np.where(np.isnan(x) | ((x < 0) & (e != -127)), NAN, y).astype(F32)


def _gated(x: Array, t: Array) -> Array:
    """x / (1 + exp(-t))."""
    return (x * reciprocal(F32(1) + exp(-t))).astype(F32)


def silu(x: Array) -> Array:
    """x / (1 + exp(-x)); -0 below -87."""
    x = np.asarray(x, F32)
    with np.errstate(invalid="ignore"):
        return np.where(x < EXP_LOW, F32(-0.0), _gated(x, x)).astype(F32)


def gelu(x: Array) -> Array:
    """x * Phi(x), with Phi the normal distribution (the erf form): x from 8 up, -0 from -8 down, NaN of NaN."""
    x = np.asarray(x, F32)
    inside = np.abs(x) < GELU_HIGH
    safe = np.where(inside, x, F32(0))
    k = np.floor(np.abs(safe) * F32(2**GELU_BITS)).astype(np.int64)
    i, f = k >> 12, (k & 4095).astype(F32) * FRACTION
    y = _gated(safe, safe * (GELU_BASE[i] + GELU_SLOPE[i] * f))
    return np.where(inside, y, np.where(x <= -GELU_HIGH, F32(-0.0), x)).astype(F32)

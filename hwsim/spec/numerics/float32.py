"""FP32 arithmetic of the vector unit (fp16 machines): one IEEE operation at a time, one rounding to fp16 at the end.

Arrays are `[rows, len]`, fp16 or float32; parameters `[len]` float32; results fp16.
"""

import numpy as np

from hwsim.spec.numerics.integer import ACT_CLIP, ACT_GELU, ACT_NONE, ACT_RELU, ACT_SILU
from hwsim.spec.numerics.tables import F32, NAN, Array, exp, gelu, reciprocal, rsqrt, silu


def to_fp16(x: Array) -> Array:
    """Round to nearest even; from 65520 up to infinity; NaN becomes 0x7E00."""
    with np.errstate(all="ignore"):
        return np.where(np.isnan(x), np.float16(np.nan), np.asarray(x, F32).astype(np.float16))


def lane_sum(x: Array, lanes: int) -> Array:
    """[rows, len] -> [rows, 1] float32. Lane j adds elements j, j + lanes, ... to +0; then neighbours are added: lanes 0 and 1,
    2 and 3, ..., then these sums, until one is left; a lane without a neighbour waits for the next round."""
    x = np.asarray(x, F32)
    part = np.zeros((len(x), lanes), F32)
    with np.errstate(all="ignore"):
        for at in range(0, x.shape[1], lanes):
            chunk = x[:, at : at + lanes]
            part[:, : chunk.shape[1]] += chunk
        step = 1
        while step < lanes:
            for j in range(0, lanes - step, 2 * step):
                part[:, j] += part[:, j + step]
            step *= 2
    return part[:, :1]


def act_fp32(y: Array, act: int, imm: float = 0.0) -> Array:
    """relu: y if y > 0 else +0. clip: then imm if that is smaller. NaN stays."""
    if act == ACT_GELU:
        return gelu(y)
    if act == ACT_SILU:
        return silu(y)
    if act in (ACT_RELU, ACT_CLIP):
        kept = np.where(y > 0, y, np.where(np.isnan(y), NAN, F32(0))).astype(F32)
        return np.where(kept > F32(imm), F32(imm), kept).astype(F32) if act == ACT_CLIP else kept
    assert act == ACT_NONE
    return y


def map_fp16(
    a: Array,
    bias: Array | None = None,
    scale: Array | None = None,
    b: Array | None = None,
    act: int = ACT_NONE,
    imm: float = 0.0,
) -> Array:
    """`act((a + bias)*scale + b)`, absent steps skipped."""
    y = np.asarray(a).astype(F32)
    with np.errstate(all="ignore"):
        if bias is not None:
            y = y + np.asarray(bias, F32)
        if scale is not None:
            y = y * np.asarray(scale, F32)
        if b is not None:
            y = y + np.asarray(b).astype(F32)
        return to_fp16(act_fp32(y, act, imm))


def _larger(m: Array, x: Array) -> Array:
    """x if it is larger than m or NaN, else m (so the earlier of two equal ones, zeros included)."""
    return np.where((x > m) | np.isnan(x), x, m)


def softmax_fp16(x: Array, b: Array | None, lanes: int) -> Array:
    """fp16(e * reciprocal(sum e)), e = exp((x + b) - max)."""
    x = np.asarray(x).astype(F32)
    with np.errstate(all="ignore"):
        if b is not None:
            x = x + np.asarray(b).astype(F32)
        e = exp(x - x.max(axis=-1, keepdims=True))
        return to_fp16(e * reciprocal(lane_sum(e, lanes)))


def layernorm_fp16(
    x: Array, gamma: Array | None, beta: Array | None, eps: float, lanes: int
) -> Array:
    """d = x - sum*(1/len); r = rsqrt(sum(d*d)*(1/len) + eps); fp16(((d*r)*gamma) + beta). 1/len is `reciprocal(len)`."""
    x = np.asarray(x).astype(F32)
    inv = reciprocal(np.full(1, x.shape[-1], F32))
    with np.errstate(all="ignore"):
        d = x - lane_sum(x, lanes) * inv
        y = d * rsqrt(lane_sum(d * d, lanes) * inv + F32(eps))
        if gamma is not None:
            y = y * np.asarray(gamma, F32)
        if beta is not None:
            y = y + np.asarray(beta, F32)
        return to_fp16(y)


def maxpool_fp16(windows: Array, act: int = ACT_NONE, imm: float = 0.0) -> Array:
    """`windows`: [window, rows, len], compared in that order."""
    out = windows[0].astype(F32)
    for x in windows[1:]:
        out = _larger(out, x.astype(F32))
    return to_fp16(act_fp32(out, act, imm))


def avgpool_fp16(windows: Array, imm: float) -> Array:
    """fp16(sum * imm), the sum from +0 in the order of the window."""
    total = np.zeros(windows.shape[1:], F32)
    with np.errstate(all="ignore"):
        for x in windows:
            total = total + x.astype(F32)
        return to_fp16(total * F32(imm))


def depthwise_sum_fp16(windows: Array, weight: Array) -> Array:
    """[rows, len] float32: sum from +0 over the window, in order, of a*w (exact for fp16 a and w). `map_fp16` follows."""
    total = np.zeros(windows.shape[1:], F32)
    with np.errstate(all="ignore"):
        for x, w in zip(windows, np.asarray(weight, F32), strict=True):
            total = total + x.astype(F32) * w
    return total

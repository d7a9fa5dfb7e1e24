"""Integer arithmetic of the vector unit (int8 machines): every result is a function of integers alone.

Arrays are `[rows, len]`; parameters `[len]`. Everything fits in int64; the bounds stand in docs/numerics.md.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
ACT_NONE, ACT_RELU, ACT_CLIP, ACT_GELU, ACT_SILU = range(
    5
)  # codes of `act`, as in hwsim/spec/commands.py
SOFTMAX_BITS = 24  # fraction bits of the reciprocal of a sum
SOFTMAX_STEPS = 127  # the result of softmax is in steps of 1/127
NORM_ROOT_BITS, NORM_INV_BITS, NORM_Z_SHIFT = (
    16,
    40,
    20,
)  # the normalised element has 12 fraction bits
NORM_Z_BITS = NORM_INV_BITS - NORM_ROOT_BITS // 2 - NORM_Z_SHIFT


def rshift_even(x: Array, shift: int) -> Array:
    """x / 2**shift, ties to even; int64, 0 <= shift <= 63."""
    x = np.asarray(x, np.int64)
    if shift == 0:
        return x
    floor, rest, half = x >> shift, x & ((1 << shift) - 1), 1 << (shift - 1)
    up: Array = (rest > half) | ((rest == half) & ((floor & 1) == 1))
    return floor + up


def sat8(x: Array) -> Array:
    return np.clip(x, -128, 127).astype(np.int8)


def wrap32(x: Array) -> Array:
    """The low 32 bits as a signed number: what a 32-bit adder keeps."""
    return np.asarray(x, np.int64).astype(np.int32)


def act_int8(y: Array, act: int, table: Array | None = None) -> Array:
    """relu and clip are max(y, 0); gelu and silu read `table[y + 128]`, [256] int8."""
    if act in (ACT_GELU, ACT_SILU):
        assert table is not None
        return np.asarray(table, np.int8)[y.astype(np.int64) + 128]
    return y if act == ACT_NONE else np.maximum(y, 0).astype(np.int8)


def map_int8(
    a: Array, bias: Array | None = None, scale: Array | None = None, b: Array | None = None,
    imm: int = 0, shift: int = 0, act: int = ACT_NONE, table: Array | None = None,
) -> Array:  # fmt: skip
    """`act(sat8(rshift_even(wrap32(a + bias)*scale + b*imm, shift)))`; a int8 or int32, b int8, imm signed 32-bit."""
    total = np.asarray(a, np.int64)
    if bias is not None:
        total = wrap32(total + np.asarray(bias, np.int64)).astype(np.int64)
    if scale is not None:
        total = total * np.asarray(scale, np.int64)
    if b is not None:
        total = total + np.asarray(b, np.int64) * int(imm)
    return act_int8(sat8(rshift_even(total, shift)), act, table)


def requantise(
    acc: Array, bias: Array, mult: Array, b: Array | None, b_mult: int, shift: int
) -> Array:
    """`map` without act: from int32 sums to int8."""
    return map_int8(acc, bias, mult, b, b_mult, shift)


def softmax_int8(x: Array, table: Array, b: Array | None = None) -> Array:
    """`table`: [256] int32 by max - x. Elements where b is not 0 are masked: they take no part and give 0.

    A row with nothing left, or a table whose sum is not positive, gives 0 everywhere.
    """
    x = np.asarray(x, np.int64)
    live = np.ones(x.shape, bool) if b is None else np.broadcast_to(np.asarray(b) == 0, x.shape)
    top = np.where(live, x, -128).max(axis=-1, keepdims=True)
    e = np.where(live, np.asarray(table, np.int64)[np.clip(top - x, 0, 255)], 0)
    total = e.sum(axis=-1, keepdims=True)
    inv = ((SOFTMAX_STEPS << SOFTMAX_BITS) + (total >> 1)) // np.maximum(total, 1)
    return sat8(rshift_even(np.where(total > 0, e * inv, 0), SOFTMAX_BITS))


def isqrt(x: Array) -> Array:
    """floor(sqrt(x)) for int64 0 <= x < 2**63, exact."""
    x = np.asarray(x, np.int64)
    root = np.sqrt(x.astype(np.float64)).astype(np.int64)  # wrong by one at most
    root = np.minimum(root, 3037000499)  # floor(sqrt(2**63 - 1))
    root = root - (root * root > x)
    above = np.minimum(root + 1, 3037000499)
    return np.where((above > root) & (above * above <= x), above, root)


def layernorm_int8(
    x: Array, gamma: Array | None, beta: Array | None, eps: int, shift: int
) -> Array:
    """`eps`: epsilon in units of (input step)**2 / len**2, unsigned 32-bit; gamma absent: 1.

    z = (x - mean) / deviation with 12 fraction bits; y = sat8(rshift_even(z*gamma + beta, shift)).
    """
    x = np.asarray(x, np.int64)
    n = x.shape[-1]
    total = x.sum(axis=-1, keepdims=True)
    variance = n * (x * x).sum(axis=-1, keepdims=True) - total * total + (int(eps) & 0xFFFFFFFF)
    root = np.maximum(isqrt(variance << NORM_ROOT_BITS), 1)
    z = rshift_even((n * x - total) * ((1 << NORM_INV_BITS) // root), NORM_Z_SHIFT)
    if gamma is not None:
        z = z * np.asarray(gamma, np.int64)
    if beta is not None:
        z = z + np.asarray(beta, np.int64)
    return sat8(rshift_even(z, shift))


def maxpool_int8(windows: Array, act: int = ACT_NONE) -> Array:
    """`windows`: [window, rows, len] int8, the elements of each window in front."""
    return act_int8(windows.max(axis=0), act)


def avgpool_int8(windows: Array, imm: int, shift: int) -> Array:
    """`sat8(rshift_even(sum*imm, shift))`; windows [window, rows, len] int8, imm signed 32-bit."""
    return sat8(rshift_even(windows.sum(axis=0, dtype=np.int64) * int(imm), shift))


def depthwise_sum_int8(windows: Array, weight: Array) -> Array:
    """Exact int32 sum over the window of a*w; windows [window, rows, len], weight [window, len]. `map_int8` follows."""
    total = np.zeros(windows.shape[1:], np.int64)
    for x, w in zip(windows, np.asarray(weight, np.int64), strict=True):
        total += x * w
    return wrap32(total)

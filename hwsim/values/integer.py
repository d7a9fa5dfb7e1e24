"""Integer steps of hwsim/spec/numerics/integer.py, one element at a time."""

import math

import numpy as np

from hwsim.kernels import njit

SIGN = 1 << 31
ROOT_MAX = 3037000499  # floor(sqrt(2**63 - 1))


@njit
def wrap32(x):
    """The low 32 bits of an int64 as a signed number."""
    return ((x & 0xFFFFFFFF) ^ SIGN) - SIGN


@njit
def shift_parts(shift):
    """mask and half of a rounding right shift by 0..63."""
    if shift == 0:
        return np.int64(0), np.int64(1)
    return (np.int64(1) << np.int64(shift)) - np.int64(1), np.int64(1) << np.int64(shift - 1)


@njit
def rshift_even(x, shift, mask, half):
    """x / 2**shift, ties to even; mask and half from `shift_parts`."""
    floor, rest = x >> shift, x & mask
    return floor + ((rest > half) | ((rest == half) & ((floor & 1) == 1)))


@njit
def sat8(x):
    return min(max(x, -128), 127)


@njit
def isqrt(x):
    """floor(sqrt(x)), 0 <= x < 2**63."""
    root = min(np.int64(math.sqrt(np.float64(x))), ROOT_MAX)
    root -= np.int64(root * root > x)
    above = min(root + 1, ROOT_MAX)
    return above if above > root and above * above <= x else root

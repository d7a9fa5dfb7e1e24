"""Registers as numbers: signs, halves, floats in integer registers. All values are int64."""

import math

import numpy as np
from numba import types
from numba.extending import intrinsic

from hwsim.thread.jit import njit

NAN_D, NAN_S, SIGN_D, SIGN_S, LOW = 0x7FF8000000000000, 0x7FC00000, -(1 << 63), 1 << 31, (1 << 32) - 1


@intrinsic
def fused(typing, a, b, c):
    """a * b + c, rounded once; three doubles or three singles."""
    if a not in (types.float64, types.float32) or not a == b == c:
        raise TypeError("fused takes three floats of one size")
    return a(a, a, a), lambda context, builder, signature, args: builder.fma(*args)


@njit
def sext32(v):
    return np.int64(np.int32(v))


@njit
def double(v):
    return np.int64(v).view(np.float64)


@njit
def single(v):
    return np.int32(v).view(np.float32)


@njit
def of_double(f):
    """NaN becomes canonical."""
    if f != f:
        return np.int64(NAN_D)
    return np.float64(f).view(np.int64)


@njit
def of_single(f):
    if f != f:
        return np.int64(NAN_S)
    return np.int64(np.float32(f).view(np.int32))


@njit
def fmin_d(a, b):
    """Bits of the smaller of two doubles; -0 is below 0, a number below NaN."""
    x, y = double(a), double(b)
    if x != x:
        return of_double(y)
    if y != y or x < y or (x == y and math.copysign(1.0, x) < 0):
        return of_double(x)
    return of_double(y)


@njit
def fmax_d(a, b):
    x, y = double(a), double(b)
    if x != x:
        return of_double(y)
    if y != y or x > y or (x == y and math.copysign(1.0, x) > 0):
        return of_double(x)
    return of_double(y)

"""Zfinx and Zdinx: floats in integer registers, round to nearest even; conversions to integers in all five modes."""

import math

import numpy as np

from hwsim.thread.bits import (
    LOW,
    NAN_S,
    SIGN_D,
    SIGN_S,
    double,
    fmax_d,
    fmin_d,
    fused,
    of_double,
    of_single,
    sext32,
    single,
)  # fmt: skip
from hwsim.thread.jit import njit
from hwsim.thread.ops import (
    FADD_D,
    FADD_S,
    FCLASS_D,
    FCLASS_S,
    FCVT_D_L,
    FCVT_D_LU,
    FCVT_D_S,
    FCVT_D_W,
    FCVT_D_WU,
    FCVT_L_D,
    FCVT_L_S,
    FCVT_S_D,
    FCVT_S_L,
    FCVT_S_W,
    FCVT_S_WU,
    FCVT_W_D,
    FCVT_W_S,
    FCVT_WU_D,
    FCVT_WU_S,
    FDIV_D,
    FDIV_S,
    FEQ_D,
    FEQ_S,
    FLE_D,
    FLE_S,
    FLT_D,
    FLT_S,
    FMADD_D,
    FMADD_S,
    FMAX_D,
    FMAX_S,
    FMIN_D,
    FMIN_S,
    FMSUB_D,
    FMSUB_S,
    FMUL_D,
    FMUL_S,
    FNMADD_D,
    FNMADD_S,
    FNMSUB_D,
    FNMSUB_S,
    FSGNJ_D,
    FSGNJ_S,
    FSGNJN_D,
    FSGNJN_S,
    FSGNJX_D,
    FSGNJX_S,
    FSQRT_D,
    FSQRT_S,
    FSUB_D,
    FSUB_S,
)  # fmt: skip

RNE, RTZ, RDN, RUP, RMM = range(5)
MAX_W, MAX_WU, MAX_L = 0x7FFFFFFF, 0xFFFFFFFF, (1 << 63) - 1
TWO_31, TWO_32, TWO_63, TWO_64 = 2.0**31, 2.0**32, 2.0**63, 2.0**64


@njit
def rounded(f, rm):
    """A double to a whole number."""
    if rm == RTZ:
        return np.trunc(f)
    if rm == RDN:
        return np.floor(f)
    if rm == RUP:
        return np.ceil(f)
    if rm == RMM:
        near = np.trunc(f)
        return near + math.copysign(1.0, f) if abs(f - near) >= 0.5 else near
    return np.rint(f)


@njit
def to_integer(op, f, rm):
    """Saturates; NaN counts as the largest."""
    r = rounded(f, rm)
    if op == FCVT_W_D or op == FCVT_W_S:
        if not r < TWO_31:
            return np.int64(MAX_W)
        return np.int64(-TWO_31) if r < -TWO_31 else np.int64(r)
    if op == FCVT_WU_D or op == FCVT_WU_S:
        if not r < TWO_32:
            return np.int64(-1)
        return np.int64(0) if r < 0 else sext32(np.int64(r))
    if op == FCVT_L_D or op == FCVT_L_S:
        if not r < TWO_63:
            return np.int64(MAX_L)
        return np.int64(SIGN_D) if r < -TWO_63 else np.int64(r)
    if not r < TWO_64:
        return np.int64(-1)
    if r < 0:
        return np.int64(0)
    return np.int64(r - TWO_63) ^ np.int64(SIGN_D) if r >= TWO_63 else np.int64(r)


@njit
def classify(negative, exponent, fraction, exponent_max, quiet):
    """One bit of ten: -inf, -normal, -subnormal, -0, +0, +subnormal, +normal, +inf, signalling NaN, quiet NaN."""
    if exponent == exponent_max and fraction != 0:
        return np.int64(512) if fraction & quiet else np.int64(256)
    if exponent == exponent_max:
        return np.int64(1) if negative else np.int64(128)
    if exponent != 0:
        return np.int64(2) if negative else np.int64(64)
    if fraction != 0:
        return np.int64(4) if negative else np.int64(32)
    return np.int64(8) if negative else np.int64(16)


@njit
def double_op(op, a, b, c, rm):
    x, y = double(a), double(b)
    if op == FADD_D:
        return of_double(x + y)
    if op == FSUB_D:
        return of_double(x - y)
    if op == FMUL_D:
        return of_double(x * y)
    if op == FMADD_D:
        return of_double(fused(x, y, double(c)))
    if op == FMSUB_D:
        return of_double(fused(x, y, -double(c)))
    if op == FNMSUB_D:
        return of_double(fused(-x, y, double(c)))
    if op == FNMADD_D:
        return of_double(fused(-x, y, -double(c)))
    if op == FDIV_D:
        return of_double(x / y)
    if op == FSQRT_D:
        return of_double(np.sqrt(x))
    if op == FSGNJ_D:
        return (a & ~np.int64(SIGN_D)) | (b & np.int64(SIGN_D))
    if op == FSGNJN_D:
        return (a & ~np.int64(SIGN_D)) | (~b & np.int64(SIGN_D))
    if op == FSGNJX_D:
        return a ^ (b & np.int64(SIGN_D))
    if op == FMIN_D:
        return fmin_d(a, b)
    if op == FMAX_D:
        return fmax_d(a, b)
    if op == FLE_D:
        return np.int64(x <= y)
    if op == FLT_D:
        return np.int64(x < y)
    if op == FEQ_D:
        return np.int64(x == y)
    if op == FCLASS_D:
        return classify(a < 0, (a >> 52) & 0x7FF, a & ((1 << 52) - 1), 0x7FF, 1 << 51)
    if op == FCVT_S_D:
        return of_single(np.float32(x))
    return to_integer(op, x, rm)


@njit
def from_integer(op, a):
    if op == FCVT_D_W:
        return of_double(np.float64(sext32(a)))
    if op == FCVT_D_WU:
        return of_double(np.float64(a & LOW))
    if op == FCVT_D_L:
        return of_double(np.float64(a))
    if op == FCVT_D_LU:
        return of_double(np.float64(np.uint64(a)))
    if op == FCVT_S_W:
        return of_single(np.float32(sext32(a)))
    if op == FCVT_S_WU:
        return of_single(np.float32(a & LOW))
    if op == FCVT_S_L:
        return of_single(np.float32(a))
    return of_single(np.float32(np.uint64(a)))


@njit
def least_s(a, b, sign):
    """Bits of the smaller (sign 1) or larger (sign -1) of two singles, by way of doubles, which hold them exactly."""
    wide_a, wide_b = of_double(np.float64(single(a))), of_double(np.float64(single(b)))
    r = double(fmin_d(wide_a, wide_b) if sign > 0 else fmax_d(wide_a, wide_b))
    return np.int64(NAN_S) if r != r else of_single(np.float32(r))


@njit
def single_op(op, a, b, c, rm):
    x, y = single(a), single(b)
    if op == FADD_S:
        return of_single(x + y)
    if op == FSUB_S:
        return of_single(x - y)
    if op == FMUL_S:
        return of_single(x * y)
    if op == FMADD_S:
        return of_single(fused(x, y, single(c)))
    if op == FMSUB_S:
        return of_single(fused(x, y, -single(c)))
    if op == FNMSUB_S:
        return of_single(fused(-x, y, single(c)))
    if op == FNMADD_S:
        return of_single(fused(-x, y, -single(c)))
    if op == FDIV_S:
        return of_single(x / y)
    if op == FSQRT_S:
        return of_single(np.sqrt(x))
    if op == FSGNJ_S:
        return sext32((a & ~np.int64(SIGN_S)) | (b & np.int64(SIGN_S)))
    if op == FSGNJN_S:
        return sext32((a & ~np.int64(SIGN_S)) | (~b & np.int64(SIGN_S)))
    if op == FSGNJX_S:
        return sext32(a ^ (b & np.int64(SIGN_S)))
    if op == FMIN_S:
        return least_s(a, b, 1)
    if op == FMAX_S:
        return least_s(a, b, -1)
    if op == FLE_S:
        return np.int64(x <= y)
    if op == FLT_S:
        return np.int64(x < y)
    if op == FEQ_S:
        return np.int64(x == y)
    if op == FCLASS_S:
        return classify((a & SIGN_S) != 0, (a >> 23) & 0xFF, a & ((1 << 23) - 1), 0xFF, 1 << 22)
    if op == FCVT_D_S:
        return of_double(np.float64(x))
    return to_integer(op, np.float64(x), rm)


@njit
def floating(op, style, a, b, c, rm):
    """`style`: the first source is a single (0), a double (1), an integer that becomes a float (2)."""
    if style == 2:
        return from_integer(op, a)
    return double_op(op, a, b, c, rm) if style else single_op(op, a, b, c, rm)

"""From real numbers to the integers of the int8 vector unit: multipliers, shifts, tables. Host side, float64."""

import math
from collections.abc import Callable

import numpy as np

from hwsim.spec.errors import GraphError
from hwsim.spec.numerics.integer import NORM_Z_BITS, Array

SHIFT_MAX = 62
MULT_MAX = (1 << 31) - 1


def fit_shift(real: Array, limit: int = SHIFT_MAX) -> int:
    """The largest shift up to `limit` with |round(real * 2**shift)| < 2**31 for all."""
    top = float(np.max(np.abs(real), initial=0.0))
    if not math.isfinite(top) or round(top) > MULT_MAX:
        raise GraphError(
            f"requantise: multiplier {top} does not fit 32 bits; scales of input and output are too far apart, calibrate again"
        )
    shift = limit if top == 0 else min(limit, 31 - math.frexp(top)[1])
    return shift - 1 if shift and round(math.ldexp(top, shift)) > MULT_MAX else shift


def quantised(real: Array, shift: int) -> Array:
    """round(real * 2**shift), ties to even, int32."""
    whole: Array = np.rint(np.ldexp(np.asarray(real, np.float64), shift))
    return whole.astype(np.int64).astype(np.int32)


def to_int8(x: Array, scale: float) -> Array:
    """Real numbers in steps of `scale`: nearest, ties to even, saturated."""
    return np.clip(np.rint(np.asarray(x, np.float64) / scale), -128, 127).astype(np.int8)


def fit_multipliers(real: Array, b: float | None = None) -> tuple[Array, int, int]:
    """-> (mult [n] int32, b_mult, shift): one shift for all channels and for the second operand (b_mult 0 without b)."""
    real = np.asarray(real, np.float64).reshape(-1)
    both = real if b is None else np.append(real, b)
    shift = fit_shift(both)
    mult = quantised(both, shift)
    return mult[: real.size], 0 if b is None else int(mult[-1]), shift


def fit_layernorm(gamma: Array, beta: Array, out_scale: float) -> tuple[Array, Array, int]:
    """-> (gamma [n] int32, beta [n] int32, shift) for `layernorm_int8`."""
    gamma, beta = (
        np.asarray(gamma, np.float64) / out_scale,
        np.asarray(beta, np.float64) / out_scale,
    )
    shift = min(fit_shift(beta), fit_shift(np.ldexp(gamma, -NORM_Z_BITS)))
    return quantised(gamma, shift - NORM_Z_BITS), quantised(beta, shift), shift


def layernorm_eps(eps: float, in_scale: float, length: int) -> int:
    """`imm` of an int8 layernorm: epsilon in units of (in_scale / length)**2, at most 2**32 - 1."""
    return min(round(eps / in_scale**2 * length**2), (1 << 32) - 1)


def _gelu(x: float) -> float:
    return 0.5 * x * math.erfc(-x / math.sqrt(2))


def _silu(x: float) -> float:
    return x / (1 + math.exp(-x)) if x > -700 else 0.0


def act_table(act: str, in_scale: float, out_scale: float) -> Array:
    """[256] int8 for `gelu` or `silu`: entry v + 128 is the function of v * in_scale, in steps of out_scale."""
    f: Callable[[float], float] = {"gelu": _gelu, "silu": _silu}[act]
    real = np.array([f(v * in_scale) / out_scale for v in range(-128, 128)])
    return to_int8(real, 1.0)


def exp_table(in_scale: float) -> Array:
    """[256] int32 for softmax: entry d is round(65535 * exp(-d * in_scale))."""
    real: Array = 65535 * np.exp(-in_scale * np.arange(256))
    return np.rint(real).astype(np.int32)

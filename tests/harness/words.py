"""Numbers as the gates hold them: int8 and int32 as they are, FP16 and FP32 as their bits; drawn at random, NumPy multiplies and adds."""

from typing import Any

import numpy as np

from hwsim.spec.numerics import wrap32

Array = np.ndarray[Any, Any]
NAN = 0x7FC00000


def draw_elements(rng: np.random.Generator, shape: Any, number: str) -> Array:
    """int64. FP16: of mixed size and sign, some zeros of either sign, some subnormal; now and then any bits, so also infinities and NaN."""
    if number == "int8":
        return rng.integers(-128, 128, shape)
    plain = (rng.standard_normal(shape) * 2.0 ** rng.integers(-12, 6, shape)).astype(np.float16).view(np.uint16)
    chance = rng.random(shape)
    plain = np.where(chance < 0.1, plain & 0x83FF, plain)  # zeros and subnormal numbers
    return np.where(chance > 0.997, rng.integers(0, 1 << 16, shape), plain).astype(np.int64)


def draw_sums(rng: np.random.Generator, shape: Any, number: str) -> Array:
    """int64."""
    if number == "int8":
        return rng.integers(-(1 << 31), 1 << 31, shape)
    plain = (rng.standard_normal(shape) * 2.0 ** rng.integers(-12, 12, shape)).astype(np.float32).view(np.uint32)
    return np.where(rng.random(shape) > 0.99, rng.integers(0, 1 << 32, shape), plain).astype(np.int64)


def add(number: str, a: Any, b: Any) -> Array:
    """Sums of sums."""
    if number == "int8":
        return np.asarray(wrap32(np.asarray(a, np.int64) + b), np.int64)
    with np.errstate(all="ignore"):
        total = _floats(a) + _floats(b)
    return np.where(np.isnan(total), NAN, np.asarray(total).view(np.uint32)).astype(np.int64)


def multiply(number: str, weight: Any, act: Any) -> Array:
    """Products of elements, as sums are held."""
    if number == "int8":
        return np.asarray(weight, np.int64) * act
    halves = (np.asarray(x, np.uint16).view(np.float16).astype(np.float32) for x in (weight, act))
    with np.errstate(all="ignore"):
        product = np.multiply(*halves)
    return np.where(np.isnan(product), NAN, np.asarray(product).view(np.uint32)).astype(np.int64)


def _floats(bits: Any) -> Array:
    return np.asarray(bits, np.uint32).view(np.float32)

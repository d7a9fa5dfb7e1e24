"""Words of FP16 and FP32 for the units of rtl/floats: every class, random pairs near the edges; what NumPy makes of them."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
FRACTIONS = (0, 1, 2, 3, 0x1FFF, 0x2000, 0x3FFFFF, 0x400000, 0x400001, 0x7FFFFC, 0x7FFFFD, 0x7FFFFE, 0x7FFFFF)
EXPONENTS = (0, 1, 2, 24, 101, 102, 103, 112, 113, 126, 127, 128, 142, 143, 150, 151, 152, 230, 253, 254, 255)
CLASSES = np.array([s << 31 | e << 23 | f for s in (0, 1) for e in EXPONENTS for f in FRACTIONS], np.uint32)
HALVES = np.array(
    [s << 15 | e << 10 | f for s in (0, 1) for e in (0, 1, 2, 14, 15, 16, 29, 30, 31) for f in (0, 1, 2, 3, 0x155, 0x200, 0x3FE, 0x3FF)],
    np.uint32,
)


def pairs(words: Array) -> tuple[Array, Array]:
    """Every word beside every word."""
    return np.repeat(words, words.size), np.tile(words, words.size)


def draw(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Half of the pairs are bare bits; of the others a quarter each lie close together, multiply to about the least and the greatest
    number, or are few bits wide (ties)."""
    a, b = rng.integers(0, 1 << 32, (2, n), np.uint32)
    e, near, q = a >> 23 & 255, rng.integers(-28, 29, n), n // 8
    exponent = np.concatenate([e[:q] + near[:q], 127 - e[q : 2 * q] + near[q : 2 * q], 381 - e[2 * q : 3 * q] + near[2 * q : 3 * q] // 8])
    b[: 3 * q] = b[: 3 * q] & 0x807FFFFF | np.clip(exponent, 0, 255).astype(np.uint32) << 23
    few = np.uint32(0xFFFFFFFF) << rng.integers(8, 23, (2, q), np.uint32)
    a[3 * q : 4 * q] &= few[0]
    exponent = np.clip(e[3 * q : 4 * q] + near[3 * q : 4 * q], 0, 255).astype(np.uint32)
    b[3 * q : 4 * q] = b[3 * q : 4 * q] & few[1] & 0x807FFFFF | exponent << 23
    order = rng.integers(0, 2, n, np.uint32).astype(bool)
    return np.where(order, a, b), np.where(order, b, a)


def singles(words: Array) -> Array:
    return np.ascontiguousarray(words, np.uint32).view(np.float32)


def halves(words: Array) -> Array:
    return words.astype(np.uint16).view(np.float16)


def canonical(x: Array) -> Array:
    """Bits of float32 or float16, every NaN the same one."""
    bits, nan = (np.uint32, 0x7FC00000) if x.dtype == np.float32 else (np.uint16, 0x7E00)
    return np.where(np.isnan(x), bits(nan), x.view(bits)).astype(np.uint32)


EXPECTED = {
    "product": lambda a, b: canonical(halves(a).astype(np.float32) * halves(b).astype(np.float32)),
    "multiply": lambda a, b: canonical(singles(a) * singles(b)),
    "add": lambda a, b: canonical(singles(a) + singles(b)),
    "narrow": lambda a, b: canonical(singles(a).astype(np.float16)),
    "widen": lambda a, b: canonical(halves(a).astype(np.float32)),
    "greater": lambda a, b: (singles(a) > singles(b)).astype(np.uint32),
}


def expected(name: str, a: Array, b: Array) -> Array:
    """uint32 bits of the result of `a` and `b`, uint32 words; FP16 operands are their low 16 bits."""
    with np.errstate(all="ignore"):
        return EXPECTED[name](a, b)

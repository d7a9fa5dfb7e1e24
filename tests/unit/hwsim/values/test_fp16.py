"""FP16 to FP32 and back: every FP16 number one way; every rounding boundary, and random bits, the other."""

import numpy as np

from hwsim.kernels import njit
from hwsim.spec.numerics import to_fp16 as defined
from hwsim.values.fp16 import from_fp16, to_fp16

HALVES = np.arange(1 << 16, dtype=np.uint16)


@njit
def decode_all(halves, out):
    for i in range(halves.size):
        out[i] = from_fp16(halves[i])


@njit
def encode_all(x, out):
    for i in range(x.size):
        out[i] = to_fp16(x[i])


def test_every_fp16_number_decodes_as_numpy_says():
    out = np.empty(HALVES.size, np.float32)
    decode_all(HALVES, out)
    with np.errstate(invalid="ignore"):
        expected = HALVES.view(np.float16).astype(np.float32).view(np.uint32)
    expected[np.isnan(HALVES.view(np.float16))] = 0x7FC00000
    assert np.array_equal(out.view(np.uint32), expected)


def test_rounding_agrees_with_the_definition_around_every_fp16_number_and_half_way():
    exact = np.empty(HALVES.size, np.float32)
    decode_all(HALVES, exact)
    bits = exact.view(np.uint32).astype(np.int64)
    near = [bits + step for step in (0, 0x0FFF, 0x1000, 0x1001, -0x1000, -0x0FFF, 1, -1)]
    rng = np.random.default_rng(7)
    tiny = rng.integers(0x32000000, 0x39000000, 200_000)  # subnormal results
    drawn = np.concatenate([*near, rng.integers(0, 1 << 32, 500_000), tiny, tiny | 1 << 31])
    x = (drawn & 0xFFFFFFFF).astype(np.uint32).view(np.float32)
    out = np.empty(x.size, np.uint16)
    encode_all(x, out)
    assert np.array_equal(out, defined(x).view(np.uint16))
    assert np.count_nonzero(out == 0x7E00) > 1000  # NaN were among them, and are canonical

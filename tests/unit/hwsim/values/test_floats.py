"""exp, reciprocal, rsqrt, silu, gelu: every FP16 number and random FP32 bit patterns give the bits of the definition."""

import numpy as np
import pytest

from hwsim.kernels import njit
from hwsim.spec import numerics as nx
from hwsim.values import floats
from hwsim.values.fp16 import canonical

NAMES = ("exp", "reciprocal", "rsqrt", "silu", "gelu")


def over(function):
    @njit(cache=False)
    def loop(x, out):
        for i in range(x.size):
            out[i] = canonical(function(x[i]))

    return loop


def arguments() -> np.ndarray:
    rng = np.random.default_rng(11)
    with np.errstate(invalid="ignore"):
        halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    wild = rng.integers(0, 1 << 32, 300_000).astype(np.uint32).view(np.float32)
    edges = np.array([-87, 88, 8, -8, 0, 2**-126, 2**126, 65504], np.float32)
    around = [np.nextafter(edges, np.float32(d), dtype=np.float32) for d in (-np.inf, np.inf)]
    useful = rng.uniform(-95, 95, 300_000).astype(np.float32)
    return np.concatenate([halves, wild, edges, *around, useful])


@pytest.mark.parametrize("name", NAMES)
def test_bits_of_the_definition(name):
    x = arguments()
    out = np.empty_like(x)
    over(getattr(floats, name))(x, out)
    with np.errstate(all="ignore"):
        expected = np.asarray(getattr(nx, name)(x), np.float32)
    expected[np.isnan(expected)] = np.float32(np.nan)
    assert np.array_equal(out.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("lanes", [1, 3, 4, 7, 32])
def test_lane_sum(lanes):
    rng = np.random.default_rng(3)
    for n in (1, 3, 32, 33, 130):
        x = (rng.standard_normal(n) * 2.0 ** rng.integers(-20, 20, n)).astype(np.float32)
        total = floats.lane_sum(x, np.empty(lanes, np.float32))
        assert np.float32(total).tobytes() == nx.lane_sum(x[None], lanes).tobytes()

"""FP32 arithmetic and tables of the fp16 machine against float64, struct and scalar loops."""

import math
import struct
import subprocess
import sys

import numpy as np
import pytest

from hwsim.spec import numerics as nx
from hwsim.spec.numerics import tables

EVERY_FP16 = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
FINITE = EVERY_FP16[np.isfinite(EVERY_FP16)].astype(np.float64)
INF, NAN = np.inf, np.nan


def ulps(got: np.ndarray, want: np.ndarray) -> float:
    """Largest distance of fp16 results from the real ones, in steps of fp16 there."""
    size = np.abs(want)
    exponent = np.floor(np.log2(np.maximum(size, 2.0**-14)))
    return float(np.max(np.abs(got.astype(np.float64) - want) / np.exp2(exponent - 10)))


def rounded(x: np.ndarray) -> np.ndarray:
    return nx.to_fp16(x.astype(np.float32))


def test_to_fp16_agrees_with_struct() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 1 << 32, 20000, np.uint32).view(np.float32)
    x = np.concatenate([x, (EVERY_FP16.astype(np.float32)), np.float32([65519.99, 65520, 2.0**-25, 3 * 2.0**-25])])
    for value, got in zip(x, nx.to_fp16(x).view(np.uint16), strict=True):
        if math.isnan(value):
            assert got == 0x7E00
            continue
        try:
            want = struct.unpack("<H", struct.pack("<e", float(value)))[0]
        except OverflowError:
            want = 0xFC00 if value < 0 else 0x7C00
        assert got == want, value


def test_exp() -> None:
    x = -np.abs(np.random.default_rng(1).normal(0, 20, 100000)).astype(np.float32)
    x = np.concatenate([x[x >= -87], -x[x >= -80]])
    want = np.exp(x.astype(np.float64))
    assert np.max(np.abs(nx.exp(x) - want) / want) < 2.0**-17
    special = nx.exp(np.float32([0, -87.01, -INF, 88.01, INF, NAN, -0.0]))
    assert np.array_equal(special, np.float32([1, 0, 0, INF, INF, NAN, 1]), equal_nan=True)


def test_reciprocal() -> None:
    x = np.exp(np.random.default_rng(2).normal(0, 15, 100000)).astype(np.float32)
    assert np.max(np.abs(nx.reciprocal(x) * x.astype(np.float64) - 1)) < 2.0**-17.9
    assert np.array_equal(nx.reciprocal(-x), -nx.reciprocal(x))
    special = nx.reciprocal(np.float32([0, -0.0, INF, -INF, 1e-40, 2.0**126, NAN, 4]))
    assert np.array_equal(special, np.float32([INF, -INF, 0, 0, INF, 0, NAN, 0.25]), equal_nan=True)
    assert np.signbit(nx.reciprocal(np.float32([-INF, 2.0**127]))).tolist() == [True, False]


def test_reciprocal_of_row_lengths_is_the_rounded_quotient() -> None:
    """So that layernorm's 1/len is IEEE division up to 511 elements, and for all even lengths up to 1022."""
    short = np.concatenate([np.arange(1, 512), np.arange(512, 1024, 2)]).astype(np.float32)
    assert np.array_equal(nx.reciprocal(short), np.float32(1) / short)


def test_rsqrt() -> None:
    x = np.exp(np.random.default_rng(3).normal(0, 15, 100000)).astype(np.float32)
    assert np.max(np.abs(nx.rsqrt(x) * np.sqrt(x.astype(np.float64)) - 1)) < 2.0**-17.3
    special = nx.rsqrt(np.float32([0, -0.0, INF, -1, NAN, 4, 1e-40, -1e-40]))
    assert np.array_equal(special, np.float32([INF, INF, 0, NAN, NAN, 0.5, INF, INF]), equal_nan=True)


@pytest.mark.parametrize("name", ["gelu", "silu"])
def test_every_fp16_argument(name: str) -> None:
    if name == "gelu":
        want = np.array([0.5 * x * math.erfc(-x / math.sqrt(2)) for x in FINITE])
    else:
        want = np.array([x / (1 + math.exp(-x)) if x > -700 else 0.0 for x in FINITE])
    assert ulps(rounded(getattr(nx, name)(FINITE.astype(np.float32))), want) < 0.55


def test_gelu_and_silu_at_the_ends() -> None:
    x = np.float32([-INF, INF, NAN, 0, -100, 100])
    for f in (nx.gelu, nx.silu):
        assert np.array_equal(f(x), np.float32([0, INF, NAN, 0, 0, 100]), equal_nan=True)


def scalar_line(base: np.ndarray, slope: np.ndarray, i: int, f: np.float32) -> np.float32:
    return np.float32(base[i] + np.float32(slope[i] * f))


def test_functions_are_the_scalar_chain_that_the_text_says() -> None:
    """One element at a time, from the bits: what gates and kernels write again."""
    for x in np.float32([-0.3, -3.75, -41.0, 2.5, 11.1]):
        k = math.floor(np.float32(x * tables.LOG2E) * 2**20)
        y = scalar_line(tables.EXP_BASE, tables.EXP_SLOPE, k >> 12 & 255, np.float32((k & 4095) / 4096))
        assert nx.exp(np.array([x]))[0] == np.float32(math.ldexp(float(y), k >> 20))
    for x in np.float32([0.3, 1.0, 7.77, 1e-6, 5e20]):
        bits = struct.unpack("<I", struct.pack("<f", x))[0]
        e, m = (bits >> 23) - 127, bits & 0x7FFFFF
        y = scalar_line(tables.RECIPROCAL_BASE, tables.RECIPROCAL_SLOPE, m >> 15, np.float32((m & 0x7FFF) / 2**15))
        assert nx.reciprocal(np.array([x]))[0] == np.float32(math.ldexp(float(y), -e))
        y = scalar_line(tables.RSQRT_BASE, tables.RSQRT_SLOPE, (e & 1) << 7 | m >> 16, np.float32((m & 0xFFFF) / 2**16))
        assert nx.rsqrt(np.array([x]))[0] == np.float32(math.ldexp(float(y), -(e >> 1)))


def neighbours(part: list[np.float32]) -> np.float32:
    while len(part) > 1:
        pairs = [a + b for a, b in zip(part[::2], part[1::2], strict=False)]
        part = pairs + part[2 * len(pairs) :]
    return part[0]


@pytest.mark.parametrize("length, lanes", [(1, 4), (3, 4), (4, 4), (9, 4), (33, 32), (384, 32), (7, 1), (20, 3), (50, 7)])
def test_lane_sum_order(length: int, lanes: int) -> None:
    x = np.random.default_rng(length).normal(0, 1000, (3, length)).astype(np.float32)
    for row, got in zip(x, nx.lane_sum(x, lanes)[:, 0], strict=True):
        part = [np.float32(0)] * lanes
        for j, value in enumerate(row):
            part[j % lanes] += value
        assert got == neighbours(part) and got.dtype == np.float32


def test_the_order_of_a_sum_matters() -> None:
    """Else the test above could not fail."""
    x = np.random.default_rng(5).normal(0, 1000, (50, 384)).astype(np.float32)
    assert (nx.lane_sum(x, 32) != nx.lane_sum(x, 16)).any()
    one_by_one = [np.add.accumulate(row)[-1] for row in x[:, :32]]
    assert (nx.lane_sum(x[:, :32], 32)[:, 0] != one_by_one).any()


def test_map_fp16_is_one_operation_a_step() -> None:
    rng = np.random.default_rng(6)
    a = rng.normal(0, 30, (40, 24)).astype(np.float32)
    bias, scale = rng.normal(size=(2, 24)).astype(np.float32)
    b = rng.normal(size=(40, 24)).astype(np.float16)
    want = ((a + bias) * scale + b.astype(np.float32)).astype(np.float16)
    assert np.array_equal(nx.map_fp16(a, bias, scale, b), want)
    assert np.array_equal(nx.map_fp16(a, act=nx.ACT_CLIP, imm=6.0), np.clip(a, 0, 6).astype(np.float16))
    assert np.array_equal(nx.map_fp16(a, act=nx.ACT_RELU), np.maximum(a, 0).astype(np.float16))


def test_map_fp16_of_specials() -> None:
    a = np.float32([[NAN, -INF, INF, -0.0, 1e6, -1e6]])
    bits = nx.map_fp16(a).view(np.uint16)
    assert [hex(v) for v in bits[0]] == ["0x7e00", "0xfc00", "0x7c00", "0x8000", "0x7c00", "0xfc00"]
    assert nx.map_fp16(a, act=nx.ACT_RELU).view(np.uint16)[0].tolist() == [0x7E00, 0, 0x7C00, 0, 0x7C00, 0]
    assert nx.map_fp16(a, b=-a)[0, 2].view(np.uint16) == 0x7E00


def test_softmax_fp16() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(0, 3, (64, 100)).astype(np.float16)
    mask = np.where(rng.random((64, 100)) < 0.3, np.float16(-65504), np.float16(0))
    got = nx.softmax_fp16(x, mask, 32)
    e = np.where(mask < 0, 0, np.exp(x.astype(float)))
    assert ulps(got, e / e.sum(axis=1, keepdims=True)) < 0.6
    assert (got[mask < 0].view(np.uint16) == 0).all()


def test_layernorm_fp16() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(1, 2, (64, 384)).astype(np.float16)
    gamma, beta = (1 + rng.normal(size=(2, 384)) / 4).astype(np.float32)
    d = x.astype(float) - x.astype(float).mean(axis=1, keepdims=True)
    want = d / np.sqrt((d * d).mean(axis=1, keepdims=True) + 1e-5) * gamma + beta
    got = nx.layernorm_fp16(x, gamma, beta, 1e-5, 32)
    assert np.max(np.abs(got - want)) < 2.0**-10 * np.max(np.abs(want))
    plain = nx.layernorm_fp16(x, None, None, 1e-5, 32)
    assert np.max(np.abs(plain - (want - beta) / gamma)) < 2.0**-9


def test_pools_fp16() -> None:
    x = np.random.default_rng(9).normal(size=(9, 6, 5)).astype(np.float16)
    x[3, 2, 1] = NAN
    got = nx.maxpool_fp16(x)
    assert got[2, 1].view(np.uint16) == 0x7E00
    assert np.array_equal(np.delete(got.reshape(-1), 11), np.delete(x.max(axis=0).reshape(-1), 11))
    total = np.float32(0)
    for value in x[:, 0, 0]:
        total += np.float32(value)
    assert nx.avgpool_fp16(x, 1 / 9)[0, 0] == np.float16(total * np.float32(1 / 9))


def test_depthwise_sum_is_sequential() -> None:
    rng = np.random.default_rng(10)
    x, w = rng.normal(0, 100, (25, 6, 5)).astype(np.float16), rng.normal(size=(25, 5)).astype(np.float16)
    got = nx.depthwise_sum_fp16(x, w.astype(np.float32))
    for row, col in np.ndindex(6, 5):
        total = np.float32(0)
        for a, b in zip(x[:, row, col], w[:, col], strict=True):
            total += np.float32(a) * np.float32(b)
        assert got[row, col] == total


def test_import_is_fast() -> None:
    code = "import numpy, time; t = time.perf_counter(); import hwsim.spec.numerics; print(time.perf_counter() - t)"
    times = [float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) for _ in range(3)]
    assert min(times) < 0.1  # seconds; about 0.01 on an idle core

"""Integer arithmetic of the vector unit against Python's integers and fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.spec import numerics as nx
from hwsim.spec.errors import GraphError

INT8 = st.integers(-128, 127)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
BYTES = st.lists(INT8, min_size=1, max_size=40)


def clip8(x: int) -> int:
    return max(-128, min(127, x))


def shifted(x: int, shift: int) -> int:
    return round(Fraction(x, 1 << shift))  # Python rounds ties to even


def wrapped(x: int) -> int:
    return (x + 2**31) % 2**32 - 2**31


@given(INT64, st.integers(0, 63))
def test_rshift_even(x: int, shift: int) -> None:
    assert int(nx.rshift_even(np.array([x], np.int64), shift)[0]) == shifted(x, shift)


@pytest.mark.parametrize("x, want", [(-3, -2), (-1, 0), (1, 0), (3, 2), (5, 2), (7, 4)])
def test_ties_go_to_even(x: int, want: int) -> None:
    assert nx.rshift_even(np.array([x]), 1)[0] == want


@given(INT32, INT32, INT32, INT8, INT32, st.integers(0, 62))
def test_requantise(acc: int, bias: int, mult: int, b: int, b_mult: int, shift: int) -> None:
    got = nx.requantise(
        np.array([[acc]], np.int32), np.array([bias], np.int32), np.array([mult], np.int32), np.array([[b]], np.int8), b_mult, shift
    )
    assert got.dtype == np.int8
    assert got[0, 0] == clip8(shifted(wrapped(acc + bias) * mult + b * b_mult, shift))


def test_map_skips_what_is_absent_and_acts_last() -> None:
    a = np.arange(-300, 300, 7, np.int64).reshape(2, -1).astype(np.int32)
    assert (nx.map_int8(a) == np.clip(a, -128, 127)).all()
    assert (nx.map_int8(a, act=nx.ACT_RELU) == np.clip(a, 0, 127)).all()
    table = np.arange(256)[::-1].astype(np.uint8).view(np.int8)
    want = table[np.clip(a, -128, 127) + 128]
    assert (nx.map_int8(a, act=nx.ACT_GELU, table=table) == want).all()


@given(BYTES, st.floats(0.005, 0.2), st.sampled_from([1, 300, 32767]), st.integers(0, 2**40))
def test_softmax_int8_in_python_integers(x: list[int], scale: float, times: int, mask_bits: int) -> None:
    """`times`: tables of large entries make the last bit of the reciprocal visible."""
    mask = [mask_bits >> i & 1 for i in range(len(x))]
    table = [int(v) * times for v in nx.exp_table(scale)]
    live = [v for v, m in zip(x, mask, strict=True) if not m]
    e = [0 if m else table[max(live) - v] for v, m in zip(x, mask, strict=True)]
    want = [0] * len(x)
    if live:
        inv = ((127 << 24) + sum(e) // 2) // sum(e)
        want = [clip8(shifted(v * inv, 24)) for v in e]
    got = nx.softmax_int8(np.array([x], np.int8), np.array(table, np.int32), np.array([mask], np.int8))
    assert got[0].tolist() == want


def test_softmax_int8_is_a_softmax() -> None:
    x = np.random.default_rng(1).integers(-128, 128, (64, 128)).astype(np.int8)
    real = np.exp(0.04 * x.astype(float))
    real /= real.sum(axis=1, keepdims=True)
    assert np.abs(nx.softmax_int8(x, nx.exp_table(0.04)) - 127 * real).max() < 0.51


def test_softmax_int8_of_a_broken_table_is_zero() -> None:
    table = np.full(256, -7, np.int32)
    assert not nx.softmax_int8(np.zeros((2, 5), np.int8), table).any()


@given(st.integers(0, 2**63 - 1))
def test_isqrt(x: int) -> None:
    assert int(nx.isqrt(np.array([x]))[0]) == math.isqrt(x)


@given(st.integers(1, 3037000499), st.sampled_from([-1, 0, 1]))
def test_isqrt_around_squares(root: int, off: int) -> None:
    x = min(root * root + off, 2**63 - 1)
    assert int(nx.isqrt(np.array([x]))[0]) == math.isqrt(x)


@given(BYTES, INT32, INT32, st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_layernorm_int8_in_python_integers(x: list[int], gamma: int, beta: int, eps: int, shift: int) -> None:
    n, total = len(x), sum(x)
    variance = n * sum(v * v for v in x) - total * total + eps
    inv = (1 << 40) // max(math.isqrt(variance << 16), 1)
    z = [shifted((n * v - total) * inv, 20) for v in x]
    want = [clip8(shifted(v * gamma + beta, shift)) for v in z]
    args = (np.full(n, gamma, np.int32), np.full(n, beta, np.int32), eps, shift)
    assert nx.layernorm_int8(np.array([x], np.int8), *args)[0].tolist() == want


@given(BYTES, st.integers(0, 2**20))
def test_layernorm_int8_to_the_last_bit_of_z(x: list[int], eps: int) -> None:
    """beta takes each z away but for a small number, which must come out."""
    n, total = len(x), sum(x)
    inv = (1 << 40) // max(math.isqrt((n * sum(v * v for v in x) - total * total + eps) << 16), 1)
    small = [j % 5 - 2 for j in range(n)]
    beta = [s - shifted((n * v - total) * inv, 20) for s, v in zip(small, x, strict=True)]
    got = nx.layernorm_int8(np.array([x], np.int8), None, np.array(beta), eps, 0)
    assert got[0].tolist() == small


@pytest.mark.parametrize("epsilon, step", [(1e-12, 0.03), (1e-5, 0.02), (1e-3, 0.05)])
def test_layernorm_int8_is_a_layernorm(epsilon: float, step: float) -> None:
    rng = np.random.default_rng(2)
    x = np.clip(np.rint(rng.normal(3, 20, (32, 384))), -128, 127).astype(np.int8)
    gamma, beta = rng.normal(1, 0.3, 384), rng.normal(0, 0.5, 384)
    real = x * step
    d = real - real.mean(axis=1, keepdims=True)
    real = (d / np.sqrt((d * d).mean(axis=1, keepdims=True) + epsilon) * gamma + beta) / 0.04
    g, b, shift = nx.fit_layernorm(gamma, beta, 0.04)
    got = nx.layernorm_int8(x, g, b, nx.layernorm_eps(epsilon, step, 384), shift)
    assert np.abs(got - np.clip(real, -128, 127)).max() < 0.52


def test_layernorm_int8_of_a_flat_row_is_beta() -> None:
    g, b, shift = nx.fit_layernorm(np.ones(4), np.array([0.1, -0.2, 0.3, 0.0]), 0.1)
    assert nx.layernorm_int8(np.full((1, 4), 77, np.int8), g, b, 0, shift).tolist() == [[1, -2, 3, 0]]


@given(st.lists(st.floats(1e-9, 1e6), min_size=1, max_size=8), st.one_of(st.none(), st.floats(1e-9, 1e6)))
def test_fit_multipliers_shift_is_the_largest(real: list[float], b: float | None) -> None:
    mult, b_mult, shift = nx.fit_multipliers(np.array(real), b)
    both = [*real, *([] if b is None else [b])]
    exact = [round(Fraction(r) * 2**shift) for r in both]
    assert [*mult.tolist(), *([] if b is None else [b_mult])] == exact
    assert max(exact) < 2**31 and shift <= 62
    assert shift == 62 or max(round(Fraction(r) * 2 ** (shift + 1)) for r in both) >= 2**31


@pytest.mark.parametrize("near", [2**31 - 1, 1.0, 1 - 2**-33, 2.0**-31, 2**20 - 2**-12])
def test_fit_multipliers_at_powers_of_two(near: float) -> None:
    mult, _, shift = nx.fit_multipliers(np.array([near]))
    assert mult[0] == round(Fraction(near) * 2**shift) > 0


def test_fit_refuses_what_no_multiplier_holds() -> None:
    with pytest.raises(GraphError) as fault:
        nx.fit_multipliers(np.array([1.0, 3e9]))
    assert str(fault.value) == (
        "requantise: multiplier 3000000000.0 does not fit 32 bits; scales of input and output are too far apart, calibrate again"
    )
    with pytest.raises(GraphError):
        nx.fit_multipliers(np.array([np.nan]))


def test_worst_requantisation_stays_in_64_bits() -> None:
    """The bound that docs/numerics.md states."""
    acc, mult = np.array([[-(2**31)]], np.int32), np.array([-(2**31)], np.int32)
    got = nx.requantise(acc, np.zeros(1, np.int32), mult, np.array([[-128]], np.int8), -(2**31), 55)
    assert got[0, 0] == clip8(shifted(2**62 + 2**38, 55))


@pytest.mark.parametrize("act", ["gelu", "silu"])
def test_act_table(act: str) -> None:
    table = nx.act_table(act, 0.05, 0.04)
    for v in range(-128, 128):
        x = v * 0.05
        y = x * 0.5 * math.erfc(-x / math.sqrt(2)) if act == "gelu" else x / (1 + math.exp(-x))
        assert abs(int(table[v + 128]) - min(127, y / 0.04)) <= 0.5 + 1e-9


def test_exp_table() -> None:
    want = [round(65535 * math.exp(-d * 0.03)) for d in range(256)]
    assert nx.exp_table(0.03).tolist() == want


def test_pools_and_depthwise() -> None:
    rng = np.random.default_rng(3)
    x = rng.integers(-128, 128, (9, 5, 4)).astype(np.int8)
    w = rng.integers(-128, 128, (9, 4)).astype(np.int8)
    assert (nx.maxpool_int8(x) == x.max(axis=0)).all()
    assert (nx.maxpool_int8(-np.abs(x // 2), nx.ACT_RELU) == 0).all()
    mult, _, shift = nx.fit_multipliers(np.array([1 / 9]))
    got = nx.avgpool_int8(x, int(mult[0]), shift)
    want = [[round(Fraction(int(s), 9)) for s in row] for row in x.sum(axis=0, dtype=int)]
    assert got.tolist() == want
    sums = nx.depthwise_sum_int8(x, w)
    assert sums.dtype == np.int32
    assert (sums == np.einsum("wrl,wl->rl", x.astype(int), w.astype(int))).all()


@given(INT32)
def test_words_of_imm(value: int) -> None:
    assert nx.signed32(value & 0xFFFFFFFF) == value
    real = float(np.float32(value))
    assert nx.fp32_of(nx.fp32_bits(real)) == real


def test_to_int8() -> None:
    x = np.array([0.125, 0.375, -0.5, 31.75, 99.0, -99.0])
    assert nx.to_int8(x, 0.25).tolist() == [0, 2, -2, 127, 127, -128]

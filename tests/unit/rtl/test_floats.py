"""Floating-point units in gates against NumPy: every class of words beside every other, and ten million random pairs."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Const, Mux, Value

from rtl.floats import units, words
from rtl.floats.pipe import spread
from rtl.floats.units import Add, Multiply, Narrow, Product
from tests.harness.float_gates import Compiled, Formula, Unit, compare, simulated
from tests.harness.float_words import CLASSES, HALVES, draw, expected, pairs
from tests.harness.twins import Disagreement

MILLIONS = 10
UNITS = [
    *(Unit("product", n, Product) for n in (0, 2)),
    *(Unit("multiply", n, Multiply) for n in (1, 3)),
    *(Unit("add", n, Add) for n in (1, 4, 6)),
    *(Unit("narrow", n, Narrow) for n in (1, 2)),
    Unit("widen", 0, lambda n: Formula(lambda m, a, b: words.widened(m, "a", a[:16]))),
    Unit("greater", 0, lambda n: Formula(lambda m, a, b: words.greater(m, "more", a, b))),
]


@pytest.fixture(scope="module")
def gates() -> Compiled:
    return Compiled(UNITS)


def test_every_class_beside_every_class(gates: Compiled) -> None:
    for a, b in (pairs(CLASSES), pairs(HALVES)):
        assert compare(gates(a, b), expected, a, b) == len(UNITS) * a.size > 200_000


def test_ten_million_random_pairs(gates: Compiled) -> None:
    rng, done = np.random.default_rng(1), 0
    for _ in range(MILLIONS):
        a, b = draw(rng, 1 << 20)
        done += compare(gates(a, b), expected, a, b)
    assert done >= MILLIONS * 10**6 * len(UNITS)


def test_every_fp16_is_widened_and_every_kind_of_fp32_narrowed(gates: Compiled) -> None:
    """Narrowing looks at the upper 20 bits and at whether others are set: those are all the kinds there are."""
    every = np.arange(1 << 20, dtype=np.uint32)
    for low in (0, 1, 0x800, 0xFFF):
        a = every << np.uint32(12) | np.uint32(low)
        compare(gates(a, every), expected, a, every)
    done = compare(gates(every[: 1 << 16], every[: 1 << 16]), expected, every[: 1 << 16], every[: 1 << 16])
    assert done == len(UNITS) << 16


@pytest.mark.nightly
def test_every_pair_of_fp16_magnitudes() -> None:
    alone = Compiled([Unit("product", 0, Product)])
    every, done = np.arange(1 << 15, dtype=np.uint32), 0
    for first in range(0, 1 << 15, 64):
        a, b = np.repeat(every[first : first + 64], every.size), np.tile(every, 64)
        done += compare(alone(a, b), expected, a, b)
    assert done == 1 << 30


def test_registers_are_spread_evenly() -> None:
    assert [spread(n, [1] * 4) for n in (0, 1, 2, 3, 4, 6)] == [
        [0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1], [1, 2, 1, 2]
    ]  # fmt: skip


def no_sticky(m: Any, name: str, value: Value, by: Value) -> Value:
    """What goes below the lowest bit is forgotten."""
    return words.wire(m, name, value >> by)


def tie_to_odd(m: Any, name: str, form: Any, sign: Any, exponent: Any, mantissa: Any, is_inf: Any, is_nan: Any) -> Value:
    half, rest, odd = mantissa[2], mantissa[:2].any(), mantissa[3]
    rounded = Mux(half & ~rest, Cat(Const(0, 3), mantissa[3:] | ~odd), mantissa)
    return words.together(m, name, form, sign, exponent, rounded, is_inf, is_nan)


def deaf_to_nan(m: Any, name: str, form: Any, sign: Any, exponent: Any, mantissa: Any, is_inf: Any, is_nan: Any) -> Value:
    return words.together(m, name, form, sign, exponent, mantissa, is_inf | is_nan, Const(0))


FAULTS = [("shifted_right", no_sticky), ("together", tie_to_odd), ("together", deaf_to_nan)]
FEW = CLASSES[np.isin(CLASSES & 15, (0, 1, 13, 15)) & np.isin(CLASSES >> 23 & 255, (1, 126, 127, 150, 255))]


@pytest.mark.parametrize("unit", [Add, Multiply])
@pytest.mark.parametrize("name, fault", FAULTS, ids=[f.__name__ for _, f in FAULTS])
def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch, name: str, fault: Any, unit: Any) -> None:
    a, b = pairs(FEW)
    here = [Unit(unit.__name__.lower(), 1, unit)]
    assert compare(simulated(here, a, b), expected, a, b) == a.size
    target = words if (unit, name) == (Multiply, "shifted_right") else units
    monkeypatch.setattr(target, name, fault)
    with pytest.raises(Disagreement, match=r"^(add|multiply), latency 1: 0x[0-9a-f]{8}, 0x[0-9a-f]{8}: gates 0x[0-9a-f]+, NumPy 0x"):
        compare(simulated(here, a, b), expected, a, b)


def test_a_result_a_cycle_late_is_reported() -> None:
    a, b = pairs(FEW[:12])
    with pytest.raises(Disagreement, match="^add, latency 1: "):
        compare(simulated([Unit("add", 1, lambda n: Add(2))], a, b), expected, a, b)

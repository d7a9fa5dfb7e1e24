"""exp, reciprocal, rsqrt, silu and gelu in gates against hwsim/spec/numerics/tables.py, bit by bit."""

from typing import Any

import numpy as np
import pytest

from hwsim.spec.numerics import tables
from rtl.floats import functions
from tests.harness.float_gates import Compiled, Function, Unit, compare, simulated
from tests.harness.float_words import CLASSES, HALVES, canonical, halves, singles
from tests.harness.twins import Disagreement

Array = np.ndarray[Any, Any]
UNITS = [Unit(name, depth, lambda n, name=name: Function(name, 1)) for name, depth in functions.DEPTH.items()]  # type: ignore[misc]
EDGES = np.float32([-87, 88, 8, -8, 1, 2, 4, 0.5, 2.0**-126, 2.0**126])


def expected(name: str, a: Array, b: Array) -> Array:
    with np.errstate(all="ignore"):
        return canonical(getattr(tables, name)(singles(a)))


def around(x: Array) -> Array:
    """Each number, its two neighbours, and the negatives of all."""
    three = np.concatenate([np.nextafter(x, np.float32(-np.inf)), x, np.nextafter(x, np.float32(np.inf))])
    return np.concatenate([three, -three]).view(np.uint32)


def arguments(rng: np.random.Generator, n: int) -> Array:
    """Bare bits, and numbers of the sizes in which the functions do something."""
    near = (rng.standard_normal(n) * 10.0 ** rng.integers(-5, 3, n)).astype(np.float32).view(np.uint32)
    return np.concatenate([rng.integers(0, 1 << 32, n, np.uint32), near])


@pytest.fixture(scope="module")
def gates() -> Compiled:
    return Compiled(UNITS)


def test_every_fp16_and_every_edge(gates: Compiled) -> None:
    every = np.arange(1 << 16, dtype=np.uint32)
    a = np.concatenate([canonical(halves(every).astype(np.float32)), CLASSES, around(EDGES)])
    assert compare(gates(a, a), expected, a, a) > len(UNITS) << 16


def test_random_arguments(gates: Compiled) -> None:
    a = arguments(np.random.default_rng(1), 250_000)
    assert compare(gates(a, a), expected, a, a) == len(UNITS) * 500_000


def test_operations_of_two_cycles() -> None:
    a = np.concatenate([around(EDGES), canonical(halves(HALVES).astype(np.float32))[::7]])
    slow = [Unit("reciprocal", 4, lambda n: Function("reciprocal", 2)), Unit("rsqrt", 4, lambda n: Function("rsqrt", 2))]
    assert compare(simulated(slow, a, a), expected, a, a) > 100


def test_a_wrong_line_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    base, slope = functions.RECIPROCAL
    wrong = slope.copy()
    wrong[128] *= np.float32(1.125)
    monkeypatch.setattr(functions, "RECIPROCAL", (base, wrong))
    a = np.float32([1.25, 3, 1.501, 7]).view(np.uint32)  # the third lies in segment 128
    with pytest.raises(Disagreement, match="^reciprocal, latency 2: 0x3fc020c5, "):
        compare(simulated([Unit("reciprocal", 2, lambda n: Function("reciprocal", 1))], a, a), expected, a, a)

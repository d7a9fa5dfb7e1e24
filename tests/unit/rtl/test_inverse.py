"""Inverse: roots and quotients of Python's integers, in the cycles that it promises."""

import random
from math import isqrt
from typing import Any

import pytest
from amaranth.sim import Simulator

from hwsim.spec.numerics.integer import NORM_INV_BITS, NORM_ROOT_BITS, SOFTMAX_BITS, SOFTMAX_STEPS
from rtl.vector.inverse import NORM_CYCLES, SOFTMAX_CYCLES, VALUE_BITS, Inverse

EDGES = [1, 2, 3, 4, (1 << 24) - 1, 1 << 24, (1 << 46) - 1, (1 << 47) - 1]


def softmax(value: int) -> int:
    return ((SOFTMAX_STEPS << SOFTMAX_BITS) + value // 2) // value if value > 0 else 0


def layernorm(value: int) -> int:
    return (1 << NORM_INV_BITS) // isqrt(value << NORM_ROOT_BITS)


@pytest.mark.parametrize(("norm", "cycles", "inverse"), [(0, SOFTMAX_CYCLES, softmax), (1, NORM_CYCLES, layernorm)])
def test_one_row_after_the_other(norm: int, cycles: int, inverse: Any) -> None:
    rng, dut, found = random.Random(norm), Inverse(), []
    values = [*EDGES, *(rng.getrandbits(rng.randint(1, 47)) + 1 for _ in range(60)), *([] if norm else [0, -1, -(1 << 46)])]

    async def bench(ctx: Any) -> None:
        ctx.set(dut.i_norm, norm)
        for value in values:
            ctx.set(dut.i_value, value & ((1 << VALUE_BITS) - 1))
            ctx.set(dut.i_start, 1)
            await ctx.tick()
            ctx.set(dut.i_start, 0)
            await ctx.tick().repeat(cycles)
            found.append(ctx.get(dut.o))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert found == [inverse(value) for value in values]

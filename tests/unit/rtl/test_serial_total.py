"""SerialTotal: biased*multiplier + b*factor in 32 steps, exact for every corner."""

import random
from typing import Any

from amaranth.sim import Simulator

from rtl.vector.serial import SERIAL_CYCLES, SerialTotal


def test_totals_are_exact_and_take_as_many_steps_as_a_scale_has_bits() -> None:
    dut, rng = SerialTotal(), random.Random(1)

    def draw(bits: int) -> int:
        low = -(1 << (bits - 1))
        return rng.choice([low, ~low, 0, 1, -1, rng.randrange(low, ~low)])

    async def bench(ctx: Any) -> None:
        for _ in range(80):
            biased, multiplier, b, factor = draw(32), draw(32), draw(8), draw(32)
            operands = {"i_biased": biased, "i_multiplier": multiplier, "i_b": b, "i_factor": factor, "i_start": 1}
            for name, value in operands.items():
                ctx.set(getattr(dut, name), value)
            await ctx.tick()
            ctx.set(dut.i_start, 0)
            steps = 1
            while not ctx.get(dut.o_last):
                await ctx.tick()
                steps += 1
            await ctx.tick()
            assert steps == SERIAL_CYCLES and ctx.get(dut.o) == biased * multiplier + b * factor

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()

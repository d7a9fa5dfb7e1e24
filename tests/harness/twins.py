"""Runs gates beside a model in Amaranth's simulator, a clock edge at a time, and words what differs."""

from collections.abc import Callable
from typing import Any

from amaranth.sim import Simulator


class Disagreement(AssertionError):
    pass


def differ(cycle: int, block: str, what: str, gates: Any, model: Any) -> None:
    if gates != model:
        raise Disagreement(
            f"cycle {cycle}: {block}: gates and model disagree on {what}: gates {gates}, model {model}"
        )


def simulate(dut: Any, cycle: Callable[[Any, int], bool], clocked: bool = True) -> int:
    """Cycles run. `cycle(ctx, n)` sets inputs, reads settled outputs, compares; it is called before each edge until it returns False."""
    cycles = 0

    async def bench(ctx: Any) -> None:
        nonlocal cycles
        while cycle(ctx, cycles):
            await (ctx.tick() if clocked else ctx.delay(1e-6))
            cycles += 1

    sim = Simulator(dut)
    if clocked:
        sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return cycles

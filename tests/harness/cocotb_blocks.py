"""Runs inside the Verilog simulator: the benches of Amaranth's simulator, as they are, on the emitted Verilog.

A bench is plain Python that sets and reads ports; it runs in a thread of its own (cocotb's bridge) and stops there whenever it wants to
know what follows from what it has set.
"""

import os
from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.task import bridge, resume
from cocotb.triggers import Timer

from tests.harness import verilog_blocks
from tests.harness.verilog_blocks import MACHINES, PROGRAMS, RUNS, patch_simulate, run_machine
from tests.harness.verilog_ports import Ports

CHOSEN = os.environ["BENCH_BLOCKS"].split()
LONGEST = 1_000_000
FLUSH = 16  # edges that bring known values into what has no reset


class Simulated:
    """One bench's gates in the simulator. `top`: the handle of all."""

    def __init__(self, top: Any, block: str, dut: Any, clocked: bool) -> None:
        self.top, self.ports, self.clocked = top, Ports(dut, f"{block}__"), clocked
        self.read: dict[str, int] | None = None

    def set(self, target: Any, value: Any) -> None:
        self.ports.set(target, value)

    def get(self, target: Any) -> Any:
        if self.read is None or self.ports.changed:
            self.read = resume(self._settle)()
        return self.ports.get(target, self.read)

    async def _drive(self) -> None:
        for name, value in self.ports.changed.items():
            getattr(self.top, name).value = value
        self.ports.changed.clear()
        await Timer(1, "ns")

    async def _settle(self) -> dict[str, int]:
        """A bit that is neither 0 nor 1 (Icarus knows more) ends the bench."""
        await self._drive()
        return {name: int(getattr(self.top, name).value) for name in self.ports.outputs}

    async def _pulse(self, clock: Any) -> None:
        clock.value = 1
        await Timer(1, "ns")
        clock.value = 0
        await Timer(1, "ns")

    async def _edge(self) -> None:
        await self._drive()
        if self.clocked:
            await self._pulse(self.top.clk)

    async def _power_up(self) -> None:
        self.top.clk.value = 0
        self.top.rst.value = 1
        for _ in range(FLUSH):
            await self._edge()
        self.top.rst.value = 0

    def run(self, cycle: Callable[[Any, int], bool]) -> int:
        resume(self._power_up)()
        for n in range(LONGEST):
            if not cycle(self, n):
                return n
            resume(self._edge)()
            self.read = None
        raise AssertionError("the bench does not end")


def run_block(top: Any, block: str) -> None:
    def simulate(dut: Any, cycle: Callable[[Any, int], bool], clocked: bool = True) -> int:
        return Simulated(top, block, dut, clocked).run(cycle)

    patch_simulate(simulate)
    done = run_machine(block, int(os.environ.get("BENCH_PROGRAMS", PROGRAMS))) if block in MACHINES else RUNS[block]()
    assert done, "the bench did no work"
    top._log.info("%s: %s", block, done)


@cocotb.test(timeout_time=100, timeout_unit="ms")
@cocotb.parametrize(block=CHOSEN)
async def gates_equal_model(dut: Any, block: str) -> None:
    assert block in {*verilog_blocks.RUNS, *MACHINES}
    await bridge(run_block)(dut, block)

"""Runs inside the Verilog simulator: the bench of the array, on the emitted Verilog."""

import os

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, RisingEdge

from tests.harness.array_bench import INPUTS, OUTPUTS, ArrayBench
from tests.harness.programs import TINY4
from tests.harness.stimulus import random_work


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def gates_equal_model(dut):
    bench = ArrayBench(
        TINY4, random_work(int(os.environ["BENCH_SEED"]), TINY4, 20), gaps=0.2, seed=1
    )
    for name in INPUTS:
        getattr(dut, name).value = 0
    dut.rst.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    for _ in range(2):
        await RisingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    more = True
    while more:
        for name, value in bench.drive().items():
            getattr(dut, name).value = value
        await ReadOnly()
        more = bench.check({name: int(getattr(dut, name).value) for name in OUTPUTS})
        await FallingEdge(dut.clk)
    bench.assert_worked()
    dut._log.info("compared %s", dict(bench.count))

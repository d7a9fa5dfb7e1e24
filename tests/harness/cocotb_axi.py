"""Runs inside the Verilog simulator: a Program through AXI4-Lite registers, its memory behind AXI4, both with random back-pressure."""

import itertools
import logging
import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam, AxiResp

from rtl.axi.control import IDENTITY, REGISTERS

AT = {r.name: r.address for r in REGISTERS}


def pauses(seed: int, share: float):
    """Endless: whether a channel pauses in a cycle."""
    rng = random.Random(seed)
    return (rng.random() < share for _ in itertools.count())


class Bench:
    def __init__(self, dut) -> None:
        logging.getLogger("cocotb.axi_top").setLevel(logging.WARNING)
        self.dut, self.case = dut, np.load(os.environ["AXI_CASE"])
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=1 << 16)
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.digest = int(os.environ["AXI_DIGEST"], 16)

    def hinder(self, share: float) -> None:
        for n, side in enumerate((self.ram.write_if, self.ram.read_if, self.master.write_if, self.master.read_if)):
            for k, channel in enumerate(c for c in (f"{p}_channel" for p in ("aw", "w", "b", "ar", "r")) if hasattr(side, c)):
                getattr(side, channel).set_pause_generator(pauses(10 * n + k, share))

    async def reset(self) -> None:
        Clock(self.dut.clk, 10, unit="ns").start()
        self.dut.rst.value = 1
        await ClockCycles(self.dut.clk, 4)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def read(self, name: str) -> int:
        return int.from_bytes((await self.master.read(AT[name], 4)).data, "little")

    async def write(self, name: str, value: int):
        return await self.master.write(AT[name], value.to_bytes(4, "little"))

    async def run(self) -> int:
        """Cycles until the end."""
        self.ram.write(0, self.case["memory"].tobytes())
        await self.write("base_low", int(self.case["base"]))
        await self.write("words", int(self.case["words"]))
        await self.write("control", 1)
        while not await self.read("status") & 2:
            await ClockCycles(self.dut.clk, 20)
        return await self.read("cycles_low")

    def assert_memory(self) -> None:
        after = np.frombuffer(self.ram.read(0, self.case["after"].size), np.uint8)
        differ = np.flatnonzero(after != self.case["after"])
        assert differ.size == 0, f"{differ.size} bytes differ, the first at {differ[0]}"
        assert np.any(self.case["after"] != self.case["memory"]), "the Program wrote nothing"


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def a_program_runs_twice_under_back_pressure(dut):
    bench = Bench(dut)
    await bench.reset()
    assert await bench.read("identity") == IDENTITY
    assert await bench.read("digest_low") | await bench.read("digest_high") << 32 == bench.digest
    free = await bench.run()
    bench.assert_memory()
    assert dut.o_interrupt.value == 1
    await bench.write("control", 0)
    bench.hinder(0.4)
    hindered = await bench.run()
    bench.assert_memory()
    assert hindered > free, "back-pressure cost nothing"
    assert await bench.read("status") == 2


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def registers_refuse_what_they_are_not(dut):
    bench = Bench(dut)
    bench.hinder(0.3)
    await bench.reset()
    await bench.write("words", 0x11223344)
    await bench.master.write(AT["words"] + 1, b"\xee")  # strobes
    assert await bench.read("words") == 0x1122EE44
    assert (await bench.write("identity", 0)).resp == AxiResp.SLVERR
    assert (await bench.master.read(4 * len(REGISTERS), 4)).resp == AxiResp.SLVERR
    assert await bench.read("identity") == IDENTITY
    assert await bench.read("status") == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def a_program_is_stopped_and_memory_that_refuses_is_told(dut):
    bench = Bench(dut)
    await bench.reset()
    bench.ram.read_if.r_channel.set_pause_generator(itertools.cycle([True] * 30 + [False]))
    bench.ram.write(0, bench.case["memory"].tobytes())
    await bench.write("base_low", int(bench.case["base"]))
    await bench.write("words", int(bench.case["words"]))
    await bench.write("control", 1)
    await ClockCycles(dut.clk, 50)
    assert await bench.read("status") == 1
    await bench.write("control", 0)  # reads are under way
    bench.ram.read_if.r_channel.clear_pause_generator()
    bench.ram.read_if.r_channel.pause = False
    await bench.run()
    bench.assert_memory()
    await bench.write("control", 0)
    bench.ram.read_if._read = bench.ram.write_if._write = refuse
    await bench.write("control", 1)
    await ClockCycles(dut.clk, 100)
    assert await bench.read("status") & 4
    assert dut.o_interrupt.value == 1


async def refuse(*_):
    raise ValueError("outside memory")

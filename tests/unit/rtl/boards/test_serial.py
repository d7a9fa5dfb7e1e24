"""Pins to bytes and back: clock drift, spikes, missing stop bits, lost bytes."""

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from rtl.boards.serial import Receiver, Sender


def bits(byte: int, stop: int = 1) -> list[int]:
    return [0, *((byte >> n) & 1 for n in range(8)), stop]


def received(line: list[int], clocks_per_bit: int, takes: bool = True) -> list[tuple[int, int]]:
    """Bytes and whether they are bad; `line`: a level a clock. Without `takes` only the byte that is there at the end."""
    dut, out = Receiver(clocks_per_bit), []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.o.ready, takes)
        for level in [*line, *[1] * 3 * clocks_per_bit]:
            ctx.set(dut.i, level)
            if takes and ctx.get(dut.o.valid):
                out.append((ctx.get(dut.o.payload.byte), ctx.get(dut.o.payload.bad)))
            await ctx.tick()
        if not takes and ctx.get(dut.o.valid):
            out.append((ctx.get(dut.o.payload.byte), ctx.get(dut.o.payload.bad)))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return out


@pytest.mark.parametrize("clocks_per_bit", [8, 21])
@pytest.mark.parametrize("drift", [0.97, 1.0, 1.03])
def test_bytes_arrive_in_spite_of_drift(clocks_per_bit: int, drift: float) -> None:
    data = random.Random(1).randbytes(6)
    levels = [level for byte in data for level in bits(byte)]
    clocks = [levels[int(n / (clocks_per_bit * drift))] for n in range(int(len(levels) * clocks_per_bit * drift))]
    assert received(clocks, clocks_per_bit) == [(byte, 0) for byte in data]


def test_a_spike_is_no_start_bit() -> None:
    assert received([1, 1, 0, 0, *[1] * 100], 8) == []


def test_a_byte_without_its_stop_bit_is_bad() -> None:
    assert received([level for level in [*bits(0x41, stop=0), 1] for _ in range(8)], 8)[0] == (0x41, 1)


def test_a_byte_that_finds_no_room_makes_itself_bad() -> None:
    levels = bits(1) + bits(2)
    assert received([level for level in levels for _ in range(8)], 8, takes=False) == [(2, 1)]
    assert received([level for level in bits(3) for _ in range(8)], 8, takes=False) == [(3, 0)]


@pytest.mark.parametrize("clocks_per_bit", [4, 8])
def test_what_is_sent_is_received(clocks_per_bit: int) -> None:
    data, dut, line = random.Random(2).randbytes(8), Sender(clocks_per_bit), []

    async def bench(ctx: Any) -> None:
        for byte in data:
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            sent = False
            while not sent:
                sent = bool(ctx.get(dut.i.ready))
                line.append(ctx.get(dut.o))
                await ctx.tick()
        ctx.set(dut.i.valid, 0)
        for _ in range(12 * clocks_per_bit):
            line.append(ctx.get(dut.o))
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert received(line, clocks_per_bit) == [(byte, 0) for byte in data]

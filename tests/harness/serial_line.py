"""A bridge with its memory, a byte at a time; the machine behind it is played by the test."""

from collections.abc import Iterator
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator

from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.serial import ANSWER_BYTE, CHECKSUM_BYTES, checksum
from rtl.boards.bridge import ANSWER_HEAD, Bridge
from rtl.boards.ram import Ram

SILENCE = 40


class Board:
    """`refuses`: in which cycles the line takes no byte of an answer and memory no request."""

    def __init__(self, spec: AcceleratorSpec, size: int = 256, refuses: Iterator[bool] | None = None) -> None:
        self.bridge, self.ram = Bridge(spec, size, SILENCE), Ram(spec, size)
        self.refuses = refuses

    async def ask(self, ctx: Any, frame: bytes, gap: int = 3, bad: int = -1) -> bytes:
        """The bytes of the answer; `bad`: the byte of the question that comes without a stop bit."""
        out, line = bytearray(), self.bridge.i
        for n, byte in enumerate(frame):
            ctx.set(line.payload, {"byte": byte, "bad": n == bad})
            ctx.set(line.valid, 1)
            while not ctx.get(line.ready):
                await self.tick(ctx, out)
            await self.tick(ctx, out)
            ctx.set(line.valid, 0)
            for _ in range(gap):
                await self.tick(ctx, out)
        for _ in range(4000):
            if len(out) > 4 and len(out) == ANSWER_HEAD + int.from_bytes(out[3:5], "little") + CHECKSUM_BYTES:
                break
            await self.tick(ctx, out)
        return bytes(out)

    async def tick(self, ctx: Any, out: bytearray) -> None:
        free = not (self.refuses and next(self.refuses))
        ctx.set(self.bridge.o.ready, free)
        if free and ctx.get(self.bridge.o.valid):
            out.append(ctx.get(self.bridge.o.payload))
        await ctx.tick()

    def simulate(self, bench: Any) -> None:
        m = Module()
        m.submodules.bridge, m.submodules.ram = self.bridge, self.ram
        wiring.connect(m, self.bridge.o_request, self.ram.i_request)
        m.d.comb += [
            self.bridge.i_response.payload.eq(self.ram.o_response.payload),
            self.bridge.i_response.valid.eq(self.ram.o_response.valid),
        ]
        sim = Simulator(m)
        sim.add_clock(1e-6)
        sim.add_testbench(bench)
        sim.run()


def parsed(answer: bytes) -> tuple[int, int, bytes]:
    """Operation, status, payload of a whole answer."""
    assert answer[0] == ANSWER_BYTE and checksum(answer[1:-CHECKSUM_BYTES]) == answer[-CHECKSUM_BYTES:]
    assert len(answer) == ANSWER_HEAD + int.from_bytes(answer[3:5], "little") + CHECKSUM_BYTES
    return answer[1], answer[2], answer[ANSWER_HEAD:-CHECKSUM_BYTES]

"""Block RAM behind the machine's memory port. Twin: hwsim/components/memory.py, kind `ideal`: the same cycles, from the first request on.

Addresses wrap at the end.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


class Ram(wiring.Component):
    def __init__(self, spec: AcceleratorSpec, size: int):
        """`size`: bytes, a power of two, at least two beats."""
        self.spec, self.size = spec, size
        super().__init__(
            {
                "i_request": In(stream.Signature(signatures.memory_request(spec), always_ready=True)),
                "o_response": Out(signatures.flow(signatures.beat(spec))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beat, request = self.spec.memory.beat_bytes, self.i_request
        m.submodules.memory = memory = Memory(shape=self.spec.memory.width_bits, depth=self.size // beat, init=[])
        write, read = memory.write_port(granularity=8), memory.read_port()
        row = request.payload.address[(beat - 1).bit_length() : (self.size - 1).bit_length()]
        reads = request.valid & ~request.payload.write
        m.d.comb += [
            write.addr.eq(row),
            write.data.eq(request.payload.data),
            write.en.eq(request.payload.mask & (request.valid & request.payload.write).replicate(beat)),
            read.addr.eq(row),
        ]
        valid, payload = Signal(name="valid_0"), read.data
        m.d.sync += valid.eq(reads)
        for n in range(self.spec.memory.latency_cycles):
            valid_later, later = Signal(name=f"valid_{n + 1}"), Signal.like(payload, name=f"payload_{n + 1}")
            m.d.sync += [valid_later.eq(valid), later.eq(payload)]
            valid, payload = valid_later, later
        m.d.comb += [self.o_response.valid.eq(valid), self.o_response.payload.eq(payload)]
        return m

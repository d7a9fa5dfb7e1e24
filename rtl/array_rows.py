"""What a row of PEs keeps of a batch: its chunks while the batch is issued, and blocks that wait until the row may start."""

from amaranth.hdl import Array as Select
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


class Issued(wiring.Component):
    """A chunk for each lane, the block that is issued lowest. `i_take`: a new batch; `i_next`: os, the next block."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, log2 = spec, range(spec.pe.block_max.bit_length())
        acts = signatures.acts(spec)
        super().__init__({"i": In(acts), "i_take": In(1), "i_next": In(1), "i_block_log2": In(log2), "o": Out(acts)})

    def elaborate(self, platform):
        m = Module()
        with m.If(self.i_next):
            m.d.sync += [its.eq(self._next_block(its.as_value())) for its in self.o]
        with m.If(self.i_take):
            m.d.sync += self.o.eq(self.i)
        return m

    def _next_block(self, chunk):
        bits = self.spec.pe.element_bits
        moved = [chunk >> (bits << n) for n in range(self.spec.pe.block_max.bit_length())]
        return Select(moved)[self.i_block_log2]


class Waiting(wiring.Component):
    """A place of the triangle: a block for each lane, taken with `i_go`."""

    def __init__(self, spec: AcceleratorSpec):
        bits = signatures.block(spec.pe).size * spec.pe.adder_latency_cycles
        super().__init__({"i": In(bits), "i_go": In(1), "o": Out(bits)})

    def elaborate(self, platform):
        m = Module()
        with m.If(self.i_go):
            m.d.sync += self.o.eq(self.i)
        return m

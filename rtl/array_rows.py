"""What a row of PEs keeps of a batch: its chunks while the batch is issued, and blocks that wait until the row may start."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures, turns


class Issued(wiring.Component):
    """A chunk for each lane. `i_take`: a new batch, whose first block is `o` from the next cycle on; `i_next`: os, the next block is."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, log2 = spec, range(spec.pe.block_max.bit_length())
        blocks = data.ArrayLayout(signatures.block(spec.pe), spec.pe.adder_latency_cycles)
        acts = signatures.acts(spec)
        super().__init__({"i": In(acts), "i_take": In(1), "i_next": In(1), "i_block_log2": In(log2), "o": Out(blocks)})

    def elaborate(self, platform):
        m = Module()
        kept = Signal(signatures.acts(self.spec), name="kept", reset_less=True)
        at = Signal(range(signatures.chunk_elements(self.spec)), name="at")  # of the block in the chunk
        with m.If(self.i_next):
            m.d.sync += at.eq(at + (1 << self.i_block_log2))
        with m.If(self.i_take):
            m.d.sync += [kept.eq(self.i), at.eq(0)]
        for its, chunk in zip(self.o, kept, strict=True):
            m.d.comb += [its[n].eq(self._element(chunk, at, n)) for n in range(self.spec.pe.block_max)]
        return m

    def _element(self, chunk, at: Signal, n: int) -> Value:
        """Element n of the block at `at`. It has one where blocks are larger than n, and such blocks begin at multiples of their size."""
        size = n.bit_length()
        return turns.pick([chunk[n + first] for first in range(0, len(chunk), 1 << size)], at[size:])


class Waiting(wiring.Component):
    """A place of the triangle: a block for each lane, taken with `i_go`."""

    def __init__(self, spec: AcceleratorSpec):
        bits = signatures.block(spec.pe).size * spec.pe.adder_latency_cycles
        super().__init__({"i": In(bits), "i_go": In(1), "o": Out(bits)})

    def elaborate(self, platform):
        m = Module()
        block = Signal.like(self.o, name="block", reset_less=True)
        with m.If(self.i_go):
            m.d.sync += block.eq(self.i)
        m.d.comb += self.o.eq(block)
        return m

"""What a batch brings to one row of the PEs, read by read: what level act has, turned to the read's first byte (os) or to the row's
block (ws). All rows are alike: which one it is comes by `i_row` and, the number of its first pixel (os), by `i_pixel`.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures, turns


class FeedRow(wiring.Component):
    """`i_data`: the answer to the read, which began at byte `i_at` of the level. `i_fresh`: a batch begins. `o`: a chunk for each lane."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.lanes = spec, spec.pe.adder_latency_cycles
        bytes_read = signatures.lanes_of(spec, "act")
        super().__init__(
            {
                "i_row": In(range(spec.array.rows)),
                "i_pixel": In(range(spec.array.rows * self.lanes)),
                "i_data": In(8 * bytes_read),
                "i_at": In(range(bytes_read)),
                "i_read": In(signatures.act_read(spec)),
                "i_os": In(1),
                "i_block_log2": In(range(spec.pe.block_max.bit_length())),
                "i_fresh": In(1),
                "o": Out(signatures.acts(spec)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        read = self.i_read
        place = Signal.like(self.i_row, name="place")  # ws: which block of the read is the row's
        start = Signal.like(self.i_at, name="start")
        m.d.comb += [
            place.eq(self.i_row - read.fold),
            start.eq(self.i_at + Mux(self.i_os, 0, (place << self.i_block_log2) * self.spec.pe.element_bytes)),
        ]
        part = Signal(self.spec.levels.act.width_bits)
        m.d.comb += part.eq(turns.right(self.i_data, start, 8))
        its_block = (self.i_row >= read.fold) & (place < read.count)
        for k in range(self.lanes):
            early = Signal.like(part, name=f"held_{k}")
            its = Mux(self.i_os, read.fold == self.i_pixel + k, its_block & (read.lane == k))
            m.d.comb += self.o[k].as_value().eq(Mux(its, part, Mux(self.i_fresh, 0, early)))
            m.d.sync += early.eq(self.o[k])
        return m

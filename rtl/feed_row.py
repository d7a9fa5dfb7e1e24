"""What a batch brings to one row of the PEs, read by read. Feed turns what level act has to the read's first byte (os), or to where the
block of row 0 is or would be (ws); from there a row's own block is a distance away that the size of a block alone tells.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures, turns


class FeedRow(wiring.Component):
    """`i_part`: the answer to the read, turned. `i_fresh`: a batch begins. `o`: a chunk for each lane."""

    def __init__(self, spec: AcceleratorSpec, row: int):
        self.spec, self.row, self.lanes = spec, row, spec.pe.adder_latency_cycles
        super().__init__(
            {
                "i_part": In(8 * signatures.lanes_of(spec, "act")),
                "i_read": In(signatures.act_read(spec)),
                "i_os": In(1),
                "i_block_log2": In(range(spec.pe.block_max.bit_length())),
                "i_fresh": In(1),
                "o": Out(signatures.acts(spec)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        read, part = self.i_read, Signal(self.spec.levels.act.width_bits)
        whole, block = self.i_part, signatures.block(self.spec.pe).size
        steps = [(self.row << n) * self.spec.pe.element_bits for n in range(self.spec.pe.block_max.bit_length())]
        moved = [whole.rotate_right(step)[:block] for step in steps]
        m.d.comb += part.eq(Cat(Mux(self.i_os, whole[:block], turns.pick(moved, self.i_block_log2)), whole[block : len(part)]))
        its_block = (read.fold <= self.row) & (self.row < read.fold + read.count)
        for k in range(self.lanes):
            early = Signal.like(part, name=f"held_{k}", reset_less=True)
            pixel = (self.spec.array.rows - 1 - self.row) * self.lanes + k
            its = Mux(self.i_os, read.fold == pixel, its_block & (read.lane == k))
            m.d.comb += self.o[k].as_value().eq(Mux(its, part, Mux(self.i_fresh, 0, early)))
            m.d.sync += early.eq(self.o[k])
        return m

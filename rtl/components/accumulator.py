"""Accumulator in gates: writes the array's rows into level acc, or adds them. Twin: hwsim/components/accumulator.py, which says what it
does and in which cycle.

A row that arrives asks level acc for its place in the same cycle and is written in the next: visible L + 1 cycles after its arrival, L = 1.
Commands wait in a queue that holds all that can be between feed and here: a batch each in the link and in the array.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


class Accumulator(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        signatures.check_gates(spec)
        self.spec, row = spec, signatures.acc_row(spec)
        super().__init__(
            {
                "i_walk": In(signatures.flow(signatures.sum_walk(spec))),
                "i": In(signatures.flow(signatures.row(spec))),
                "o_read": Out(row),
                "i_data": In(signatures.sums_row(spec)),  # a cycle later, with what was written until then
                "o_write": Out(signatures.flow(signatures.acc_write(spec))),
                "o_give": Out(4),
                "o_done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layout, array = signatures.sum_walk(self.spec), self.spec.array
        depth = self.spec.link_depth + array.rows + array.cols + self.spec.pe.multiplier_latency_cycles + 4
        m.submodules.walks = walks = SyncFIFO(width=layout.size, depth=depth)
        walk, at, added = Signal(layout), Signal(signatures.pixels(self.spec)), Signal()
        place, last = walk.acc + at, at + 1 == walk.pixels
        ends, row = self.i.valid & self.i.payload.end, Signal(signatures.row(self.spec))
        m.d.comb += [
            walk.eq(walks.r_data),
            walks.w_data.eq(self.i_walk.payload),
            walks.w_en.eq(self.i_walk.valid),
            walks.r_en.eq(ends),
            self.o_read.eq(place),
        ]
        with m.If(self.i.valid):
            m.d.sync += at.eq(Mux(last, 0, at + 1))
            m.d.sync += added.eq(~ends & (added | last))
        write, adds, valid = self.o_write.payload, Signal(), Signal()
        m.d.sync += [
            row.eq(self.i.payload),
            valid.eq(self.i.valid),
            write.row.eq(place),
            adds.eq(walk.accumulate | added),
        ]
        m.d.comb += self.o_write.valid.eq(valid)
        for c in range(array.cols):
            m.d.comb += write.sums[c].eq(row.sums[c] + Mux(adds, self.i_data[c], 0))
        signals = Signal(4)
        later = Signal(4)
        m.d.sync += [signals.eq(Mux(ends, walk.signals, 0)), later.eq(signals)]
        ended, done = Signal(), Signal()
        m.d.sync += [ended.eq(ends), done.eq(ended)]
        m.d.comb += [self.o_give.eq(later), self.o_done.eq(done)]
        return m

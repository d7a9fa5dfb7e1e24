"""Link in gates. Twin: hwsim/components/link.py, which says what it does and in which cycle.

The item that is next to leave is in registers, so that its taker need not wait for a memory; those behind it are in one.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out


class Link(wiring.Component):
    def __init__(self, shape, depth):
        self.shape, self.depth = shape, depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        new, head, there = Value.cast(self.i.payload), Signal(self.shape), Signal()
        free, push = Signal(), Signal()
        m.submodules.behind = behind = SyncFIFO(width=len(new), depth=self.depth - 1)
        m.d.comb += [
            self.o.payload.eq(head),
            self.o.valid.eq(there),
            free.eq(~there | self.o.ready),
            self.i.ready.eq(~there | behind.w_rdy),
            push.eq(self.i.valid & self.i.ready),
            behind.w_data.eq(new),
            behind.w_en.eq(push & ~(free & ~behind.r_rdy)),
            behind.r_en.eq(free),
        ]
        with m.If(free):
            m.d.sync += [there.eq(behind.r_rdy | push), Value.cast(head).eq(Mux(behind.r_rdy, behind.r_data, new))]
        return m

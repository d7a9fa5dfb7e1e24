"""Link in gates. Twin: hwsim/components/link.py, which says what it does and in which cycle.

The item that is next to leave is in registers, so that its taker need not wait for a memory; those behind it are in one. What comes is
written there in any case, so that the write waits for nobody who takes; the pointers say whether it stays.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


class Link(wiring.Component):
    def __init__(self, shape, depth):
        self.shape, self.depth = shape, depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        new, head, there = Value.cast(self.i.payload), Signal(self.shape, reset_less=True), Signal()
        free, push, level = Signal(), Signal(), Signal(range(self.depth))  # behind the head
        waits = level != 0
        m.d.comb += [
            self.o.payload.eq(head),
            self.o.valid.eq(there),
            free.eq(~there | self.o.ready),
            self.i.ready.eq(~there | (level != self.depth - 1)),
            push.eq(self.i.valid & self.i.ready),
        ]
        first = self._behind(m, new, push, push & ~(free & ~waits), free & waits, level) if self.depth > 1 else new
        with m.If(free):
            m.d.sync += [there.eq(waits | push), Value.cast(head).eq(Mux(waits, first, new))]
        return m

    def _behind(self, m: Module, new: Value, push: Value, stays: Value, leaves: Value, level: Signal) -> Value:
        """The first of the items that wait."""
        depth = self.depth - 1
        m.submodules.storage = storage = Memory(shape=len(new), depth=depth, init=[])
        write, read = storage.write_port(), storage.read_port(domain="comb")
        m.d.comb += [write.data.eq(new), write.en.eq(push)]
        m.d.sync += level.eq(level + stays - leaves)
        for moves, pointer in ((stays, write.addr), (leaves, read.addr)):
            place = Signal(range(depth), name="produce" if moves is stays else "consume")
            m.d.comb += pointer.eq(place)
            with m.If(moves):
                m.d.sync += place.eq(Mux(place == depth - 1, 0, place + 1))
        return read.data

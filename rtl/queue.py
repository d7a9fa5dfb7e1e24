"""Queue: a link that is never full, equal to it in every cycle. What is behind its head stands in a memory that is read a cycle ahead, with
what is written then put in behind it, so that it may be block RAM."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from rtl import signatures
from rtl.components.buffer import RACES


class Queue(wiring.Component):
    def __init__(self, shape, depth: int):
        self.shape, self.depth = shape, depth
        super().__init__({"i": In(signatures.flow(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        item, head, there = Value.cast(self.i.payload), Signal(self.shape, reset_less=True), Signal()
        m.submodules.behind = behind = Memory(shape=len(item), depth=self.depth - 1, init=[], attrs=RACES)
        write, read = behind.write_port(), behind.read_port(domain="comb")
        next_read, held = Signal.like(read.addr), Signal(range(self.depth))
        old, new = (Signal(len(item), reset_less=True) for _ in range(2))
        is_new, free = Signal(), Signal()
        stays, leaves = Signal(), Signal()
        m.d.comb += [
            free.eq(~there | self.o.ready),
            leaves.eq(free & (held != 0)),
            stays.eq(self.i.valid & ~(free & (held == 0))),
            write.en.eq(self.i.valid),  # in any case, so that the write waits for nobody who takes
            write.data.eq(item),
            read.addr.eq(Mux(leaves, self._after(next_read), next_read)),
            self.o.payload.eq(head),
            self.o.valid.eq(there),
        ]
        m.d.sync += [
            next_read.eq(read.addr),
            held.eq(held + stays - leaves),
            old.eq(read.data),
            new.eq(item),
            is_new.eq(write.en & (write.addr == read.addr)),
        ]
        with m.If(stays):
            m.d.sync += write.addr.eq(self._after(write.addr))
        with m.If(free):
            m.d.sync += [there.eq(leaves | self.i.valid), Value.cast(head).eq(Mux(leaves, Mux(is_new, new, old), item))]
        return m

    def _after(self, place: Value) -> Value:
        return Mux(place == self.depth - 2, 0, place + 1)

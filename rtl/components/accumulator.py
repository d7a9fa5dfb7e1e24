"""Accumulator in gates: writes the array's rows into level acc, or adds them. Twin: hwsim/components/accumulator.py, which says what it
does and in which cycle.

A row that arrives asks level acc for its place in the same cycle, is added from the next on, and is written L cycles after its arrival.
Commands wait in a queue that holds all that can be between feed and here: a batch each in the link and in the array.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.floats.pipe import delayed
from rtl.floats.units import Add
from rtl.queue import Queue


class Accumulator(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
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
        m.submodules.walks = walks = Queue(layout, depth)
        walk, at, added = walks.o.payload, Signal(signatures.pixels(self.spec)), Signal()
        place, last = walk.acc + at, at + 1 == walk.pixels
        ends, row = self.i.valid & self.i.payload.end, Signal(signatures.row(self.spec), reset_less=True)
        m.d.comb += [
            walks.i.payload.eq(self.i_walk.payload),
            walks.i.valid.eq(self.i_walk.valid),
            walks.o.ready.eq(ends),
            self.o_read.eq(place),
        ]
        with m.If(self.i.valid):
            m.d.sync += at.eq(Mux(last, 0, at + 1))
            m.d.sync += added.eq(~ends & (added | last))
        write, adds, latency = self.o_write.payload, Signal(), self.spec.pe.adder_latency_cycles
        m.d.sync += [row.eq(self.i.payload), adds.eq(walk.accumulate | added)]
        told = self._told(m, Cat(self.i.valid, ends, Mux(ends, walk.signals, 0)), latency + 1)
        m.d.comb += [
            self.o_write.valid.eq(told[latency - 1][0]),
            write.row.eq(delayed(m, Value.cast(place)[: len(write.row)], latency, "place")),
            self.o_done.eq(told[latency][1]),
            self.o_give.eq(told[latency][2:]),
        ]
        for c in range(array.cols):
            before = Mux(adds, self.i_data[c], 0)
            if self.spec.pe.number == "int8":
                m.d.comb += write.sums[c].eq(row.sums[c] + before)
            else:
                m.submodules[f"add_{c}"] = add = Add(latency - 1)  # the level's own register is the last
                m.d.comb += [add.i_a.eq(row.sums[c]), add.i_b.eq(before), write.sums[c].eq(add.o)]
        return m

    @staticmethod
    def _told(m: Module, value: Value, cycles: int) -> list[Signal]:
        """What was told 1, 2, ... `cycles` ago."""
        out: list[Signal] = []
        for k in range(cycles):
            out.append(Signal(len(value), name=f"told_{k}"))
            m.d.sync += out[k].eq(out[k - 1] if k else value)
        return out

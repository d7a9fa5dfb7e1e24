"""Weight loader in gates: reads weight rows in order into the weight link. Twin: hwsim/components/weight_loader.py, which says what it does
and in which cycle. Levels weight and meta are asked a cycle ahead, with the addresses of the state to come.
"""

from amaranth.hdl import Array as Select
from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


class WeightLoader(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.group = spec, spec.array.rows * spec.pe.adder_latency_cycles  # os: pixels that a pass serves
        super().__init__(
            {
                "i": In(stream.Signature(signatures.weight_walk(spec))),
                "o_read_weight": Out(signatures.read_side(spec)),
                "o_read_meta": Out(signatures.read_side(spec)),
                "i_weight": In(spec.array.cols * spec.pe.element_bits),
                "i_meta": In(max(1, spec.array.cols * spec.pe.offset_bits)),
                "o": Out(stream.Signature(signatures.weight_row(spec))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        level = signatures.level_address(self.spec)
        place = data.StructLayout(
            {
                "slot": range(self.spec.pe.kept_max + 1), "row": range(self.spec.array.rows), "k": 16, "s": 16, "r": 16,
                "weight": level, "meta": level, "pixels": signatures.pixels(self.spec),
            }
        )  # fmt: skip
        walk, there = Signal(self.i.payload.shape()), Signal()
        now, later, begin = Signal(place), Signal(place), Signal(place, name="begin")
        push, take, new = self.o.valid & self.o.ready, Signal(), self.i.payload
        ends, done, fold_ends = self._moved(m, walk, now, later, begin, push)
        from_walk = Mux(take, new.as_value(), walk.as_value())
        source = data.View(walk.shape(), from_walk)
        m.d.comb += [
            begin.weight.eq(source.weight),
            begin.meta.eq(source.meta),
            begin.pixels.eq(Mux(take, new.pixels, now.pixels - self.group)),
            take.eq(self.i.valid & (~there | (push & done))),
            self.i.ready.eq(~there | (push & done)),
            self.o_read_weight.address.eq(later.weight),
            self.o_read_meta.address.eq(later.meta),
            self.o.valid.eq(there),
        ]
        with m.If(take):
            m.d.comb += later.eq(begin)
            m.d.sync += walk.eq(new)
        with m.If(take | (push & done)):
            m.d.sync += there.eq(take)
        m.d.sync += now.eq(later)
        self._row(m, walk, fold_ends | ends)
        return m

    def _moved(self, m: Module, walk, now, later, begin, push):
        """One row on. Whether the row ends the pass over the weights, the command, or a full fold."""
        slot_ends, run_ends = now.slot + 1 == walk.kept, now.k + 1 == walk.run_blocks
        line_ends, row_ends = now.s + 1 == walk.count_s, now.row == self.spec.array.rows - 1
        ends = slot_ends & run_ends & line_ends & (now.r + 1 == walk.count_r)
        done = ends & (~walk.dataflow | (now.pixels <= self.group))
        m.d.comb += later.eq(now)
        with m.If(push):
            m.d.comb += [
                later.slot.eq(Mux(slot_ends, 0, now.slot + 1)),
                later.weight.eq(now.weight + self.spec.array.cols * self.spec.pe.element_bytes),
                later.meta.eq(now.meta + self._meta_bytes(walk.block_log2)),
            ]
            with m.If(slot_ends):
                m.d.comb += [
                    later.row.eq(Mux(row_ends, 0, now.row + 1)),
                    later.k.eq(Mux(run_ends, 0, now.k + 1)),
                ]
            with m.If(slot_ends & run_ends):
                m.d.comb += [later.s.eq(Mux(line_ends, 0, now.s + 1)), later.r.eq(now.r + line_ends)]
            with m.If(ends):
                m.d.comb += later.eq(begin)
        return ends, done, slot_ends & row_ends

    def _meta_bytes(self, block_log2):
        most = self.spec.pe.offset_bits
        return Select([Const(-(-self.spec.array.cols * k // 8), 16) for k in range(most + 1)])[block_log2]

    def _row(self, m: Module, walk, last) -> None:
        out, bits = self.o.payload, self.spec.pe.element_bits
        m.d.comb += [out.os.eq(walk.dataflow), out.kept.eq(walk.kept), out.last.eq(last)]
        for c in range(self.spec.array.cols):
            offsets = [self.i_meta[c * k : (c + 1) * k] if k else Const(0) for k in range(self.spec.pe.offset_bits + 1)]
            m.d.comb += [
                out.weights[c].payload.eq(self.i_weight[c * bits : (c + 1) * bits]),
                out.weights[c].offset.eq(Select(offsets)[walk.block_log2]),
            ]

"""Weight loader in gates: reads weight rows in order into the weight link. Twin: hwsim/components/weight_loader.py, which says what it does
and in which cycle. It stands one row ahead: levels weight and meta are asked for the row of the next cycle.
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
        walk, there, moves = Signal(self.i.payload.shape()), Signal(), Signal()
        # whether no row stands, or the last one that its command asks for
        opens, opens_place = (Signal(init=1, name=f"copy_of_opens_{n}") for n in range(2))
        now, ahead = Signal(self._row_shape(), name="now"), Signal(self._row_shape(), name="ahead")
        current = Signal(walk.shape(), name="current")
        take, push, stays = self.i.valid & self.i.ready, self.o.valid & self.o.ready, there & ~self.o.ready
        m.d.comb += [
            current.eq(Mux(opens, self.i.payload.as_value(), walk.as_value())),
            current.dataflow.eq(signatures.dataflow(self.spec, Mux(opens, self.i.payload.dataflow, walk.dataflow))),
            self.i.ready.eq(~there | (push & now.done)),
            moves.eq(push | take),
            self.o_read_weight.address.eq(Mux(stays, now.weight, ahead.weight)),
            self.o_read_meta.address.eq(Mux(stays, now.meta, ahead.meta)),
            self.o.valid.eq(there),
        ]
        with m.If(moves):
            m.d.sync += [there.eq(take | ~now.done), walk.eq(current), now.eq(ahead)]
            m.d.sync += [copy.eq(ahead.done | (opens & ~take)) for copy in (opens, opens_place)]
        self._ahead(m, current, opens_place, moves, ahead)
        self._row(m, walk, now.last)
        return m

    def _row_shape(self) -> data.StructLayout:
        """A row: where it stands; whether it is the last of a fold, and of what its command asks for."""
        level = signatures.level_address(self.spec)
        return data.StructLayout({"weight": level, "meta": level, "last": 1, "done": 1})

    def _ahead(self, m: Module, walk, opens: Signal, moves: Signal, ahead) -> None:
        """The row behind the one that stands, or the first of `walk` if it `opens`. A place is what is left: slots, blocks of the run, runs
        of the line, lines, pixels."""
        spec, rank, level = self.spec, range(signatures.most_blocks(self.spec) + 1), signatures.level_address(self.spec)
        place = data.StructLayout(
            {
                "slot": range(spec.pe.kept_max + 1), "row": range(spec.array.rows), "k": rank, "s": rank, "r": rank,
                "weight": level, "meta": level, "pixels": signatures.pixels(spec),
            }
        )  # fmt: skip
        begin, now, later, kept = (Signal(place, name=f"place_{n}") for n in ("begin", "now", "later", "kept"))
        slot_ends, run_ends, line_ends, row_ends = now.slot == 1, now.k == 1, now.s == 1, now.row == spec.array.rows - 1
        ends = slot_ends & run_ends & line_ends & (now.r == 1)
        starts = {"slot": walk.kept, "k": walk.run_blocks, "s": walk.count_s, "r": walk.count_r, "weight": walk.weight, "meta": walk.meta}
        m.d.comb += [begin[name].eq(value) for name, value in starts.items()]
        m.d.comb += [
            begin.pixels.eq(Mux(opens, walk.pixels, kept.pixels)),
            now.eq(Mux(opens, begin.as_value(), kept.as_value())),
            ahead.weight.eq(now.weight),
            ahead.meta.eq(now.meta),
            ahead.last.eq((slot_ends & row_ends) | ends),
            ahead.done.eq(ends & (~walk.dataflow | (now.pixels <= self.group))),
            later.eq(now),
            later.slot.eq(Mux(slot_ends, walk.kept, now.slot - 1)),
            later.weight.eq(now.weight + spec.array.cols * spec.pe.element_bytes),
            later.meta.eq(now.meta + self._meta_bytes(walk.block_log2)),
        ]
        with m.If(slot_ends):
            m.d.comb += [later.row.eq(Mux(row_ends, 0, now.row + 1)), later.k.eq(Mux(run_ends, walk.run_blocks, now.k - 1))]
        with m.If(slot_ends & run_ends):
            m.d.comb += [later.s.eq(Mux(line_ends, walk.count_s, now.s - 1)), later.r.eq(now.r - line_ends)]
        with m.If(ends):
            m.d.comb += [later.eq(begin), later.pixels.eq(now.pixels - self.group)]
        with m.If(moves):
            m.d.sync += kept.eq(later)

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

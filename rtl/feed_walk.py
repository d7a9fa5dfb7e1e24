"""FeedWalk: the reads of level act that compute commands make, one after the other.

Two walks: over the blocks of the reduced rank (r, s, k), and over the pixels of the output (b, p, q). One of them is within the other: ws,
the blocks of a fold for each pixel; os, the pixels of a group for each chunk of blocks. FeedWalk stands one read ahead: what follows the
read that is shown is worked out before it is known whether it follows, so that nothing is reckoned behind a link's `ready`.
"""

from dataclasses import dataclass

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


@dataclass
class Walk:
    """A place in three loops, the innermost first: what is `left` of each, and where it began. `now`: of the next read; `first`: of a
    command's first read; `moved`: one further than `now`. `ends`: with `now` the loops are through."""

    now: data.View
    first: data.View
    moved: data.View
    ends: Signal


class FeedWalk(wiring.Component):
    """`o_read` is the read that stands, one of `o_command`. With `i_move` another one stands in the next cycle: the first of `i_command`,
    with `i_take`, else the one that follows; behind a command's last one none does. `i_stays`: the same one stands again. `o_at`: where the
    read that stands reads; `o_next`: where the one does that stands in the next cycle, if there is one."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.level = spec, signatures.level_address(spec)
        super().__init__(
            {
                "i_command": In(signatures.command(spec, "compute")),
                "i_take": In(1),
                "i_move": In(1),
                "i_stays": In(1),
                "o_command": Out(signatures.command(spec, "compute")),
                "o_read": Out(signatures.act_read(spec)),
                "o_at": Out(self.level),
                "o_next": Out(self.level),
            }
        )

    def elaborate(self, platform):
        m = Module()
        c = Signal(self.o_command.shape(), name="command")
        # whether no read stands, or a command's last one: a register for each of those that load a new command
        self.open = {name: Signal(init=1, name=f"copy_of_open_{name}") for name in ("command", "read", "blocks", "pixels")}
        new = self.open["command"]
        m.d.comb += c.eq(Mux(new, self.i_command.as_value(), self.o_command.as_value()))
        m.d.comb += c.dataflow.eq(signatures.dataflow(self.spec, Mux(new, self.i_command.dataflow, self.o_command.dataflow)))
        read = Signal(self.o_read.shape(), name="read")
        self.fold_full = Signal()  # ws: with the read its pixel has all blocks of a full fold
        blocks, pixels = self._blocks(m, c, read), self._pixels(m, c)
        self._read(m, c, read, blocks.ends, pixels.ends)
        self._goes_on(m, "blocks", blocks, ~c.dataflow, read.part_ends, pixels.ends)
        self._goes_on(m, "pixels", pixels, c.dataflow, read.part_ends, blocks.ends)
        ahead = blocks.now.at[0] + pixels.now.at[0]
        m.d.comb += self.o_next.eq(Mux(self.i_stays, self.o_at, ahead))
        with m.If(self.i_move):
            m.d.sync += [self.o_command.eq(c), self.o_read.eq(read), self.o_at.eq(ahead)]
            m.d.sync += [new.eq((read.last & blocks.ends & pixels.ends) | (new & ~self.i_take)) for new in self.open.values()]
        return m

    def _read(self, m: Module, c, read, blocks_end: Value, pixels_end: Value) -> None:
        """What the batch has before this read, and what ends with it."""
        fold, lane, first = Signal.like(read.fold), Signal.like(read.lane), Signal()
        rows, lanes = self.spec.array.rows, self.spec.pe.adder_latency_cycles
        group_full = read.fold == rows * lanes - 1
        m.d.comb += [
            read.fold.eq(Mux(self.open["read"], 0, fold)),
            read.lane.eq(Mux(self.open["read"], 0, lane)),
            read.first.eq(self.open["read"] | first),
            read.blocks_end.eq(blocks_end),
            read.pixels_end.eq(pixels_end),
            read.part_ends.eq(Mux(c.dataflow, group_full | pixels_end, self.fold_full | blocks_end)),
            read.last.eq(read.part_ends & (c.dataflow | (read.lane == lanes - 1) | pixels_end)),
        ]
        with m.If(self.i_move):
            m.d.sync += [fold.eq(read.fold + Mux(c.dataflow, 1, read.count)), lane.eq(read.lane), first.eq(read.first)]
            with m.If(read.part_ends):
                m.d.sync += [fold.eq(0), lane.eq(Mux(read.last, 0, read.lane + 1))]
            with m.If(read.last):
                m.d.sync += first.eq(Mux(c.dataflow, blocks_end, pixels_end))

    def _walk(self, m: Module, name: str, counts: tuple[Value, ...], at: Value, most: int) -> Walk:
        """`most`: what `counts` can be."""
        shape = data.StructLayout({"left": data.ArrayLayout(range(most + 1), 3), "at": data.ArrayLayout(self.level, 3)})
        now, first, moved = (Signal(shape, name=f"{name}_{n}") for n in ("now", "first", "moved"))
        walk = Walk(now, first, moved, Signal(name=f"{name}_end"))
        m.d.comb += [walk.first.left[k].eq(count) for k, count in enumerate(counts)]
        m.d.comb += [walk.first.at[k].eq(at) for k in range(3)]
        return walk

    def _move(self, m: Module, walk: Walk, by: Value | int, bytes_on: Value, strides: tuple[Value, Value], ends: Value) -> None:
        """`ends`: of the innermost loop, which is otherwise `by` places and `bytes_on` further."""
        now, moved, first, line_ends = walk.now, walk.moved, walk.first, walk.now.left[1] == 1
        m.d.comb += [
            walk.ends.eq(ends & line_ends & (now.left[2] == 1)),
            moved.eq(now),
            moved.left[0].eq(now.left[0] - by),
            moved.at[0].eq(now.at[0] + bytes_on),
        ]
        with m.If(ends):
            at = Mux(line_ends, now.at[2] + strides[1], now.at[1] + strides[0])
            m.d.comb += [moved.left[0].eq(first.left[0]), moved.at[0].eq(at), moved.at[1].eq(at)]
            m.d.comb += moved.left[1].eq(Mux(line_ends, first.left[1], now.left[1] - 1))
        with m.If(ends & line_ends):
            m.d.comb += [moved.left[2].eq(now.left[2] - 1), moved.at[2].eq(now.at[2] + strides[1])]

    def _blocks(self, m: Module, c, read) -> Walk:
        """Over the reduced rank, in elements; places begin at 0, the pixel is added. The read brings what is left of the run, of a chunk,
        and of a ws fold."""
        elements, rows, blocks = signatures.chunk_elements(self.spec), self.spec.array.rows, signatures.most_blocks(self.spec)
        walk = self._walk(m, "blocks", (c.run, c.count_s, c.count_r), Const(0), blocks * self.spec.pe.block_max)
        rows_left, most, brought = (Signal(range(n + 1)) for n in (rows * self.spec.pe.block_max, elements, elements))
        run_left, run_ends = walk.now.left[0], Signal(name="run_ends")
        m.d.comb += [
            rows_left.eq((rows - read.fold) << c.block_log2),
            most.eq(Mux(~c.dataflow & (rows_left < elements), rows_left, elements)),
            run_ends.eq(run_left <= most),
            brought.eq(Mux(run_ends, run_left, most)),
            read.count.eq(brought >> c.block_log2),
            self.fold_full.eq(Mux(run_ends, run_left == rows_left, rows_left <= elements)),
        ]
        self._move(m, walk, most, most * self.spec.pe.element_bytes, (c.stride_s, c.stride_r), run_ends)
        return walk

    def _pixels(self, m: Module, c) -> Walk:
        walk = self._walk(m, "pixels", (c.count_q, c.count_p, c.count_b), c.act, self.spec.acc_rows)
        self._move(m, walk, 1, c.stride_q, (c.stride_p, c.stride_b), walk.now.left[0] == 1)
        return walk

    def _goes_on(self, m: Module, name: str, walk: Walk, within: Value, part_ends: Value, other_ends: Value) -> None:
        """`within`: it is the one within the other, and goes back when its part ends, unless the other one ends with it: then the next part
        begins. The other one moves when a part ends, and begins again after its end."""
        kept, begun = Signal(walk.now.shape(), name=f"{name}_kept"), Signal(walk.now.shape(), name=f"{name}_begun")
        back = data.View(begun.shape(), Mux(self.open[name], walk.first.as_value(), begun.as_value()))
        m.d.comb += walk.now.eq(Mux(self.open[name], walk.first.as_value(), kept.as_value()))
        later = Signal(walk.now.shape(), name=f"{name}_later")
        m.d.comb += later.eq(Mux(within | part_ends, walk.moved.as_value(), walk.now.as_value()))
        with m.If(part_ends & within & ~other_ends):
            m.d.comb += later.eq(back)
        with m.If(part_ends & ~within & walk.ends):
            m.d.comb += later.eq(walk.first)
        with m.If(self.i_move):
            m.d.sync += [kept.eq(later), begun.eq(Mux(within & part_ends & other_ends, walk.moved.as_value(), back.as_value()))]

"""Feed in gates: reads activations and pushes them to the array in batches. Twin: hwsim/components/feed.py, which says what it does and in
which cycle.

Two walks: `blocks` over the reduced rank (r, s, k), `pixel` over the output (b, p, q); each has a place and a place to go back to. ws:
the pixels are gone through for each fold; os: the blocks for each group of pixels. Level act is asked a cycle ahead, with the address of
the state to come.
"""

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


def check_feed(spec: AcceleratorSpec) -> None:
    width = spec.levels.act.width_bits
    if width & (width - 1):
        raise SpecError(f"levels.act.width_bits: {width} has no gates; use a power of two")


@dataclass
class Step:
    """What happens in this cycle: a read, one that ends a batch, a command that is taken; and what the walks come to."""

    read: Signal
    push: Signal
    take: Signal
    count: Signal  # blocks of the read
    blocks_end: Signal  # with this read the blocks of the command are through
    pixels_end: Signal  # this is the last pixel of the command
    fold_end: Signal  # ws: the fold's last read of a pixel; os: the group's last pixel
    pixel_done: Signal  # ws: this read is the fold's last of a pixel


class Feed(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        check_feed(spec)
        self.spec, self.level, self.lanes = spec, signatures.level_address(spec), spec.pe.adder_latency_cycles
        super().__init__(
            {
                "i": In(stream.Signature(signatures.command("compute"))),
                "tokens": Out(signatures.token_side()),
                "o_read": Out(signatures.read_side(spec)),
                "i_data": In(spec.levels.act.width_bits),
                "o_weights": Out(stream.Signature(signatures.weight_walk(spec))),
                "o_sums": Out(signatures.flow(signatures.sum_walk(spec))),
                "o_batch": Out(stream.Signature(signatures.batch(spec))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cmd, there = Signal(signatures.command("compute")), Signal()
        s = Step(*(Signal() for _ in range(3)), Signal(16), *(Signal() for _ in range(4)))
        fold = Signal(range(self.spec.array.rows * self.lanes + 1))  # ws: blocks of the pixel that are read; os: pixels of the group
        lane = Signal(range(self.lanes))  # ws: pixels of the batch that are read
        self._take(m, cmd, there, s)
        blocks_next = self._blocks(m, cmd, s, fold)
        pixel_next = self._pixel(m, cmd, s)
        m.d.comb += self.o_read.address.eq(pixel_next + blocks_next)
        last_read = s.fold_end & (cmd.dataflow | (lane == self.lanes - 1) | s.pixels_end)
        m.d.comb += [
            self.o_batch.valid.eq(there & last_read),
            s.push.eq(self.o_batch.valid & self.o_batch.ready),
            s.read.eq(there & (~last_read | self.o_batch.ready)),
            s.pixel_done.eq(s.read & s.fold_end & ~cmd.dataflow),
        ]
        with m.If(s.read):
            m.d.sync += fold.eq(fold + Mux(cmd.dataflow, 1, s.count))
        with m.If(s.pixel_done):
            m.d.sync += [fold.eq(0), lane.eq(lane + 1)]
        with m.If(s.push | s.take):
            m.d.sync += [fold.eq(0), lane.eq(0)]
        self._batch(m, cmd, s, fold, lane)
        return m

    def _take(self, m: Module, cmd, there: Signal, s: Step) -> None:
        head, ends = self.i.payload, s.push & s.blocks_end & s.pixels_end
        bits = len(Signal(signatures.pixels(self.spec)))
        # no more pixels than rows of acc: the product fits, whatever the fields could hold
        pixels = (head.count_q[:bits] * head.count_p[:bits])[:bits] * head.count_b[:bits]
        walk, sums = self.o_weights.payload, self.o_sums.payload
        wanted = self.i.valid & (~there | ends) & ((head.waits & ~self.tokens.there) == 0)
        m.d.comb += [
            self.o_weights.valid.eq(wanted),
            s.take.eq(wanted & self.o_weights.ready),
            self.i.ready.eq(s.take),
            self.tokens.take.eq(Mux(s.take, head.waits, 0)),
            self.o_sums.valid.eq(s.take),
            walk.run_blocks.eq(head.run >> head.block_log2),
            walk.pixels.eq(pixels),
            sums.pixels.eq(pixels),
        ]
        for name in ("dataflow", "kept", "block_log2", "count_s", "count_r", "weight", "meta"):
            m.d.comb += walk[name].eq(head[name])
        for name in ("accumulate", "signals", "acc"):
            m.d.comb += sums[name].eq(head[name])
        with m.If(s.take | ends):
            m.d.sync += there.eq(s.take)
        with m.If(s.take):
            m.d.sync += cmd.eq(head)

    def _blocks(self, m: Module, cmd, s: Step, fold: Signal) -> Value:
        """The walk over the reduced rank: the bytes from a pixel to the place of the next cycle."""
        elements = signatures.chunk_elements(self.spec)
        place = data.StructLayout(
            {"k": 16, "s": 16, "r": 16, "at": self.level, "at_s": self.level, "at_r": self.level}
        )
        now, back, moved, later = (Signal(place, name=f"blocks_{n}") for n in ("now", "back", "moved", "later"))
        run, left = cmd.run >> cmd.block_log2, Signal(16)
        m.d.comb += left.eq(run - now.k)
        room, rows_left = Signal(range(elements + 1)), Signal(range(self.spec.array.rows + 1))
        m.d.comb += [room.eq(elements >> cmd.block_log2), rows_left.eq(self.spec.array.rows - fold)]
        whole = Mux(left < room, left, room)
        m.d.comb += s.count.eq(Mux(~cmd.dataflow & (rows_left < whole), rows_left, whole))
        run_ends, line_ends = s.count == left, now.s + 1 == cmd.count_s
        m.d.comb += [
            s.blocks_end.eq(run_ends & line_ends & (now.r + 1 == cmd.count_r)),
            moved.eq(now),
            moved.k.eq(now.k + s.count),
            moved.at.eq(now.at + (s.count << cmd.block_log2) * self.spec.pe.element_bytes),
        ]
        with m.If(run_ends):
            at_r = now.at_r + cmd.stride_r
            at_s = Mux(line_ends, at_r, now.at_s + cmd.stride_s)
            m.d.comb += [moved.k.eq(0), moved.at.eq(at_s), moved.at_s.eq(at_s), moved.s.eq(Mux(line_ends, 0, now.s + 1))]
            with m.If(line_ends):
                m.d.comb += [moved.r.eq(now.r + 1), moved.at_r.eq(at_r)]
        m.d.comb += later.eq(now)
        with m.If(s.take):
            m.d.comb += later.eq(0)
            m.d.sync += back.eq(0)
        with m.Elif(cmd.dataflow & s.push):  # a chunk is the same for all pixels of its group
            m.d.comb += later.eq(Mux(s.blocks_end, 0, moved))
        with m.Elif(~cmd.dataflow & s.read):
            m.d.comb += later.eq(moved)
            with m.If(s.pixel_done & ~s.pixels_end):
                m.d.comb += later.eq(back)
            with m.If(s.pixel_done & s.pixels_end):
                m.d.sync += back.eq(moved)
        m.d.sync += now.eq(later)
        group_full = fold == self.spec.array.rows * self.lanes - 1
        fold_full = fold + s.count == self.spec.array.rows
        m.d.comb += s.fold_end.eq(Mux(cmd.dataflow, group_full | s.pixels_end, fold_full | s.blocks_end))
        self._begins = now.as_value() == 0  # os: the first chunk of the group
        return later.at

    def _pixel(self, m: Module, cmd, s: Step) -> Value:
        """The walk over pixels: the address of the one of the next cycle."""
        place = data.StructLayout(
            {"q": 16, "p": 16, "b": 16, "at": self.level, "at_p": self.level, "at_b": self.level}
        )
        now, back, moved, later, first = (Signal(place, name=f"pixel_{n}") for n in ("now", "back", "moved", "later", "first"))
        q_ends, p_ends = now.q + 1 == cmd.count_q, now.p + 1 == cmd.count_p
        m.d.comb += [
            s.pixels_end.eq(q_ends & p_ends & (now.b + 1 == cmd.count_b)),
            moved.eq(now),
            moved.q.eq(now.q + 1),
            moved.at.eq(now.at + cmd.stride_q),
        ]
        with m.If(q_ends):
            at_b = now.at_b + cmd.stride_b
            at_p = Mux(p_ends, at_b, now.at_p + cmd.stride_p)
            m.d.comb += [moved.q.eq(0), moved.at.eq(at_p), moved.at_p.eq(at_p), moved.p.eq(Mux(p_ends, 0, now.p + 1))]
            with m.If(p_ends):
                m.d.comb += [moved.b.eq(now.b + 1), moved.at_b.eq(at_b)]
        base = Mux(s.take, self.i.payload.act, cmd.act)
        m.d.comb += [later.eq(now), first.at.eq(base), first.at_p.eq(base), first.at_b.eq(base)]
        with m.If(s.take):
            m.d.comb += later.eq(first)
            m.d.sync += back.eq(first)
        with m.Elif(s.pixel_done):
            m.d.comb += later.eq(Mux(s.pixels_end, first, moved))
        with m.Elif(cmd.dataflow & s.read):
            m.d.comb += later.eq(moved)
            with m.If(s.push & ~s.blocks_end):
                m.d.comb += later.eq(back)
            with m.If(s.push & s.blocks_end):
                m.d.sync += back.eq(moved)
        m.d.sync += now.eq(later)
        return later.at

    def _batch(self, m: Module, cmd, s: Step, fold: Signal, lane: Signal) -> None:
        out, first = self.o_batch.payload, Signal()  # ws: the first batch of its fold
        with m.If(s.push):
            m.d.sync += first.eq(s.pixels_end)
        with m.If(s.take):
            m.d.sync += first.eq(1)
        m.d.comb += [
            out.config.os.eq(cmd.dataflow),
            out.config.kept.eq(cmd.kept),
            out.config.block_log2.eq(cmd.block_log2),
            out.steps.eq(Mux(cmd.dataflow, cmd.kept * s.count, cmd.kept) * self.lanes),
            out.pixels.eq(Mux(cmd.dataflow, fold, lane) + 1),
            out.blocks.eq(fold + s.count),
            out.first.eq(Mux(cmd.dataflow, self._begins, first)),
            out.last.eq(Mux(cmd.dataflow, s.blocks_end, s.pixels_end)),
            out.end.eq(s.blocks_end & s.pixels_end),
        ]
        for r in range(self.spec.array.rows):
            self._row(m, cmd, s, fold, lane, r)

    def _row(self, m: Module, cmd, s: Step, fold: Signal, lane: Signal, r: int) -> None:
        """What a batch brings to row r of the PEs, gathered read by read."""
        width, bits = self.spec.levels.act.width_bits, self.spec.pe.element_bits
        place = Signal(16, name=f"place_{r}")  # ws: which block of the read is row r's
        shift = (place[: len(fold)] << cmd.block_log2)[: len(Signal(range(width // bits)))]
        part = Signal(width, name=f"part_{r}")
        m.d.comb += [place.eq(r - fold), part.eq(Mux(cmd.dataflow, self.i_data, self.i_data >> (shift << (bits - 1).bit_length())))]
        for k in range(self.lanes):
            now, early = Signal(width, name=f"acts_{k}_{r}"), Signal(width, name=f"held_{k}_{r}")
            its_pixel = fold == (self.spec.array.rows - 1 - r) * self.lanes + k
            its_block = (r >= fold) & (place < s.count) & (lane == k)
            m.d.comb += now.eq(Mux(Mux(cmd.dataflow, its_pixel, its_block), part, early))
            m.d.comb += self.o_batch.payload.acts[k][r].as_value().eq(now)
            m.d.sync += early.eq(Mux(s.push | s.take, 0, now))

"""Feed in gates: reads activations and pushes them to the array in batches. Twin: hwsim/components/feed.py, which says what it does and in
which cycle. FeedWalk knows the reads; level act is asked a cycle ahead.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures, turns
from rtl.feed_row import FeedRow
from rtl.feed_walk import FeedWalk


def check_feed(spec: AcceleratorSpec) -> None:
    width = spec.levels.act.width_bits
    if width & (width - 1):
        raise SpecError(f"levels.act.width_bits: {width} has no gates; use a power of two")


class Feed(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        check_feed(spec)
        self.spec, self.level, self.lanes = spec, signatures.level_address(spec), spec.pe.adder_latency_cycles
        super().__init__(
            {
                "i": In(stream.Signature(signatures.command(spec, "compute"))),
                "tokens": Out(signatures.token_side()),
                "o_read": Out(signatures.read_side(spec)),
                "i_data": In(8 * signatures.lanes_of(spec, "act")),
                "o_weights": Out(stream.Signature(signatures.weight_walk(spec))),
                "o_sums": Out(signatures.flow(signatures.sum_walk(spec))),
                "o_batch": Out(stream.Signature(signatures.batch(spec))),
                "o_acts": Out(signatures.acts(spec)).array(spec.array.rows),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walk = self.walk = walk = FeedWalk(self.spec)
        read, there = walk.o_read, Signal()
        push, take, ends = Signal(), Signal(), Signal()
        fresh = Signal()  # in the last cycle a batch began
        m.d.comb += [
            ends.eq(read.last & read.blocks_end & read.pixels_end),
            self.o_batch.valid.eq(there & read.last),
            push.eq(self.o_batch.valid & self.o_batch.ready),
            walk.i_command.eq(self.i.payload),
            walk.i_take.eq(take),
            walk.i_move.eq(take | (there & (~read.last | self.o_batch.ready))),
            walk.i_stays.eq(there & read.last & ~self.o_batch.ready),
            self.o_read.address.eq(walk.o_next),
        ]
        m.d.sync += fresh.eq(push | take)
        with m.If(take | (push & ends)):
            m.d.sync += there.eq(take)
        self._take(m, take, ~there | (push & ends))
        self._batch(m, walk.o_command, read)
        self._rows(m, walk, fresh)
        return m

    def _take(self, m: Module, take: Signal, free: Value) -> None:
        head = self.i.payload
        bits = len(Signal(signatures.pixels(self.spec)))
        # no more pixels than rows of acc: the product fits, whatever the fields could hold
        pixels = (head.count_q[:bits] * head.count_p[:bits])[:bits] * head.count_b[:bits]
        walk, sums = self.o_weights.payload, self.o_sums.payload
        m.d.comb += [
            self.o_weights.valid.eq(self.i.valid & free & ((head.waits & ~self.tokens.there) == 0)),
            take.eq(self.o_weights.valid & self.o_weights.ready),
            self.i.ready.eq(take),
            self.tokens.take.eq(Mux(take, head.waits, 0)),
            self.o_sums.valid.eq(take),
            walk.run_blocks.eq(head.run >> head.block_log2),
            walk.pixels.eq(pixels),
            sums.pixels.eq(pixels),
        ]
        for name in ("dataflow", "kept", "block_log2", "count_s", "count_r", "weight", "meta"):
            m.d.comb += walk[name].eq(head[name])
        for name in ("accumulate", "signals", "acc"):
            m.d.comb += sums[name].eq(head[name])

    def _batch(self, m: Module, cmd, read) -> None:
        out = self.o_batch.payload
        m.d.comb += [
            out.config.os.eq(cmd.dataflow),
            out.config.kept.eq(cmd.kept),
            out.config.block_log2.eq(cmd.block_log2),
            out.steps.eq(Mux(cmd.dataflow, cmd.kept * read.count, cmd.kept) * self.lanes),
            out.pixels.eq(Mux(cmd.dataflow, read.fold, read.lane) + 1),
            out.blocks.eq(read.fold + read.count),
            out.first.eq(read.first),
            out.last.eq(Mux(cmd.dataflow, read.blocks_end, read.pixels_end)),
            out.end.eq(read.blocks_end & read.pixels_end),
        ]

    def _rows(self, m: Module, walk: FeedWalk, fresh: Signal) -> None:
        """What a batch brings to each row of the PEs."""
        cmd, read, pe = walk.o_command, walk.o_read, self.spec.pe
        start = Signal(range(signatures.lanes_of(self.spec, "act")), name="start")
        part = Signal.like(self.i_data, name="part")
        before = (read.fold << cmd.block_log2) * pe.element_bytes
        m.d.comb += [start.eq(walk.o_at - Mux(cmd.dataflow, 0, before)), part.eq(turns.right(self.i_data, start, 8))]
        for r in range(self.spec.array.rows):
            m.submodules[f"row_{r}"] = row = FeedRow(self.spec, r)
            m.d.comb += [
                row.i_part.eq(part),
                row.i_read.eq(read),
                row.i_os.eq(cmd.dataflow),
                row.i_block_log2.eq(cmd.block_log2),
                row.i_fresh.eq(fresh),
                self.o_acts[r].eq(row.o),
            ]

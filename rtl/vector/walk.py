"""Walk of the vector unit: takes a command, reads its parameters, then goes through its rows, beat after beat.

Cycles: hwsim/components/vector.py. A chunk reads its a, b, bias and scale in this order; the beat of its last read writes, and so do the
WRITE beats behind it, where elements share lanes of bytes. What a beat reads is asked in its cycle, and there in the next. What a command
settles for all of its beats is in registers from the first of them on.
"""

from enum import IntEnum

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import ACT
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.signatures import TABLE_BYTES, Stage


class Phase(IntEnum):
    IDLE, SETUP, ROWS, TAIL = range(4)


SIDES = ("a", "b", "dst")


class Walk(wiring.Component):
    """`o_beat`: the beat of this cycle. `i_popped`: a result is written in this cycle."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.level = spec, signatures.level_address(spec)
        self.bytes, self.lanes = spec.levels.vec.width_bits // 8, spec.vector.lanes
        self.lanes_acc = min(spec.vector.lanes, spec.array.cols)
        self.table = spec.pe.number == "int8" and bool({"gelu", "silu"} & set(spec.vector.functions))
        super().__init__(
            {
                "i": In(stream.Signature(signatures.command("vector"))),
                "tokens": Out(signatures.token_side()),
                "i_popped": In(1),
                "o_command": Out(signatures.command("vector")),
                "o_step": Out(range(self.bytes.bit_length())),  # log2 of the elements that a beat writes
                "o_beat": Out(signatures.flow(signatures.vector_beat(spec))),
                "o_holds": Out(spec.levels.vec.banks),  # banks that are read in this cycle
                "o_read": Out(signatures.read_side(spec)),
                "o_read_acc": Out(signatures.acc_row(spec)),
                "o_done": Out(1),
            }
        )

    def _place(self) -> data.StructLayout:
        """Where the walk stands. `chunk`, `out`: where the chunk's and the beat's first result goes."""
        level = self.level
        return data.StructLayout(
            {
                "phase": Phase, "beat": signatures.vector_beat(self.spec), "i0": 16, "i1": 16, "chunk": level,
                "h": 8, "w": 8, "window": level, "window_line": level,
                **dict.fromkeys(SIDES, level), **{f"{side}_line": level for side in SIDES},
            }
        )  # fmt: skip

    def _settled(self) -> data.StructLayout:
        """`setup`, `rows`: stages that are there before the rows, and in a chunk; `pitch`: from chunk to chunk of the result."""
        return data.StructLayout(
            {"setup": len(Stage), "rows": len(Stage), "by_row": 1, "lanes": range(self.lanes + 1), "step": self.o_step.shape(),
             "pitch": self.level, "bias": self.level, "scale": self.level, "table": self.level}
        )  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        cmd, head = self.o_command, self.i.payload
        now, later = Signal(self._place()), Signal(self._place())
        fixed, new = Signal(self._settled()), Signal(self._settled())
        take, done, under_way = Signal(), Signal(), Signal(range(self.spec.vector.results + 1))
        m.d.comb += [
            later.eq(now),
            done.eq((now.phase == Phase.TAIL) & (under_way == 1) & self.i_popped),
            take.eq(self.i.valid & ((now.phase == Phase.IDLE) | done) & ((head.waits & ~self.tokens.there) == 0)),
            self.i.ready.eq(take),
            self.tokens.take.eq(Mux(take, head.waits, 0)),
            self.tokens.give.eq(Mux(done, cmd.signals, 0)),
            self.o_done.eq(done),
            self.o_step.eq(fixed.step),
        ]
        self._settle(m, head, new)
        goes, writes = self._walk(m, cmd, fixed, now, later, under_way)
        with m.If(done):
            m.d.comb += later.phase.eq(Phase.IDLE)
        with m.If(take):
            m.d.sync += [cmd.eq(head), fixed.eq(new)]
            self._open(m, head, new, later)
        m.d.sync += [now.eq(later), under_way.eq(under_way + writes - self.i_popped)]
        m.d.comb += [self.o_beat.valid.eq(goes), self.o_beat.payload.eq(now.beat), self.o_beat.payload.writes.eq(writes)]
        self._reads(m, cmd, fixed, now)
        return m

    def _settle(self, m: Module, c, new) -> None:
        lanes = Mux(c.from_vec, self.lanes, self.lanes_acc)
        by_row, bytes_of = c.len > lanes, c.len << 2
        table = ((c.act == ACT.index("gelu")) | (c.act == ACT.index("silu"))) & self.table
        setup = {Stage.BIAS: c.has_bias & ~by_row, Stage.SCALE: c.has_scale & ~by_row, Stage.TABLE: table}
        rows = {Stage.A: c.from_vec, Stage.B: c.has_b, Stage.BIAS: c.has_bias & by_row, Stage.SCALE: c.has_scale & by_row}
        m.d.comb += [
            new.setup.eq(Cat(setup.get(s, 0) for s in Stage)),
            new.rows.eq(Cat(rows.get(s, 0) for s in Stage)),
            new.by_row.eq(by_row & (c.has_bias | c.has_scale)),
            new.lanes.eq(lanes),
            new.step.eq(self._elements_log2(c)),
            new.pitch.eq(Mux(c.from_vec, self.lanes * c.dst_lane, self.lanes_acc * c.dst_lane)),
            new.bias.eq(c.param),
            new.scale.eq(c.param + Mux(c.has_bias, bytes_of, 0)),
            new.table.eq(c.param + Mux(c.has_bias, bytes_of, 0) + Mux(c.has_scale, bytes_of, 0)),
        ]

    def _elements_log2(self, c) -> Value:
        """Of elements that a beat writes: neighbours share a way of the bank after ways / gcd(dst_lane, ways) of them."""
        size = self.spec.pe.element_bytes
        ways, lane = self.bytes // size, c.dst_lane >> (size - 1)
        most = min(ways, 1 << (self.lanes - 1).bit_length()).bit_length() - 1
        whole = ways.bit_length() - 1
        out: Value = Value.cast(0)
        for zeros in reversed(range(whole)):
            out = Mux(lane[zeros], min(most, whole - zeros), out)
        return out

    def _open(self, m: Module, c, fixed, later) -> None:
        setup = fixed.setup.any()
        m.d.comb += [
            later.eq(0),
            later.phase.eq(Mux(setup, Phase.SETUP, Phase.ROWS)),
            later.beat.stage.eq(Mux(setup, first_stage(fixed.setup), first_stage(fixed.rows))),
            later.beat.first.eq(1),
            later.chunk.eq(c.dst),
            later.beat.out.eq(c.dst),
        ]
        for side in SIDES:
            m.d.comb += [later[side].eq(c[side]), later[f"{side}_line"].eq(c[side])]

    def _walk(self, m: Module, c, fixed, now, later, under_way) -> tuple[Value, Value]:
        """One beat on. Returns whether there is a beat, and whether it writes."""
        beat, setup, rows, after = now.beat, now.phase == Phase.SETUP, now.phase == Phase.ROWS, Signal(Stage)
        table, params = beat.stage == Stage.TABLE, Signal()
        m.d.comb += params.eq((beat.stage == Stage.BIAS) | (beat.stage == Stage.SCALE) | table)
        wanted = Mux(table, TABLE_BYTES, Mux(setup, c.len, fixed.lanes) << 2)
        window_ends = (now.h + 1 == c.window_h) & (now.w + 1 == c.window_w)
        read_ends = Mux(params, (beat.k + 1) * self.bytes >= wanted, (beat.stage != Stage.A) | window_ends)
        with m.Switch(beat.stage):
            for s in Stage:
                with m.Case(s):
                    m.d.comb += after.eq(first_stage(Mux(setup, fixed.setup, fixed.rows), s))
        ends, writes, goes = Signal(), Signal(), Signal()
        m.d.comb += [
            ends.eq(read_ends & (after == Stage.WRITE)),
            writes.eq(rows & ends & (under_way != self.spec.vector.results)),
            goes.eq(setup | writes | (rows & ~ends)),
        ]
        with m.If(goes):
            m.d.comb += [later.beat.k.eq(Mux(read_ends, 0, beat.k + 1))]
            with m.If(read_ends):
                m.d.comb += later.beat.stage.eq(after)
        with m.If(setup & ends):
            m.d.comb += [later.phase.eq(Phase.ROWS), later.beat.stage.eq(first_stage(fixed.rows))]
        with m.If(goes & rows & (beat.stage == Stage.A)):
            self._next_of_window(m, c, now, later, window_ends)
        with m.If(writes):
            m.d.comb += [later.beat.j.eq(beat.j + (1 << fixed.step)), later.beat.out.eq(beat.out + (c.dst_lane << fixed.step))]
            with m.If(beat.j + (1 << fixed.step) >= fixed.lanes):
                self._next_chunk(m, c, fixed, now, later)
        return goes, writes

    def _next_of_window(self, m: Module, c, now, later, ends: Value) -> None:
        line_ends, line = now.w + 1 == c.window_w, now.window_line + c.window_stride_h
        m.d.comb += [
            later.w.eq(Mux(line_ends, 0, now.w + 1)),
            later.h.eq(Mux(ends, 0, now.h + line_ends)),
            later.beat.first.eq(ends),
            later.window.eq(Mux(ends, 0, Mux(line_ends, line, now.window + c.window_stride_w))),
            later.window_line.eq(Mux(ends, 0, Mux(line_ends, line, now.window_line))),
        ]

    def _next_chunk(self, m: Module, c, fixed, now, later) -> None:
        chunk, row_ends = now.chunk + fixed.pitch, now.beat.e + fixed.lanes >= c.len
        m.d.comb += [
            later.beat.j.eq(0),
            later.beat.e.eq(now.beat.e + fixed.lanes),
            later.chunk.eq(chunk),
            later.beat.out.eq(chunk),
            later.beat.stage.eq(first_stage(fixed.rows)),
        ]
        with m.If(row_ends):
            line_ends = now.i0 + 1 == c.count0
            m.d.comb += [later.beat.e.eq(0), later.i0.eq(Mux(line_ends, 0, now.i0 + 1)), later.i1.eq(now.i1 + line_ends)]
            for side in SIDES:
                line = now[f"{side}_line"] + c[f"{side}_stride1"]
                m.d.comb += later[side].eq(Mux(line_ends, line, now[side] + c[f"{side}_stride0"]))
                with m.If(line_ends):
                    m.d.comb += later[f"{side}_line"].eq(line)
            m.d.comb += [later.chunk.eq(later.dst), later.beat.out.eq(later.dst)]
            with m.If(line_ends & (now.i1 + 1 == c.count1)):
                m.d.comb += later.phase.eq(Phase.TAIL)

    def _reads(self, m: Module, c, fixed, now) -> None:
        """What this cycle reads, and which banks it holds."""
        beat, address = now.beat, self.o_read.address
        part, shift = beat.k * self.bytes + (beat.e << 2), self.spec.pe.element_bytes - 1
        with m.Switch(beat.stage):
            with m.Case(Stage.A):
                m.d.comb += address.eq(now.a + (beat.e << shift) + now.window)
            with m.Case(Stage.B):
                m.d.comb += address.eq(now.b + (beat.e << shift))
            for stage in (Stage.BIAS, Stage.SCALE, Stage.TABLE):
                with m.Case(stage):
                    m.d.comb += address.eq(fixed[stage.name.lower()] + part)
        rows = now.phase == Phase.ROWS
        wanted = (
            (rows & c.from_vec, now.a),
            (rows & c.has_b, now.b),
            ((rows & fixed.by_row) | (now.phase == Phase.SETUP), c.param),
        )
        held = [Cat(there & (self._bank(at) == k) for k in range(self.spec.levels.vec.banks)) for there, at in wanted]
        m.d.comb += [
            self.o_read_acc.eq(now.a),
            self.o_holds.eq(held[0] | held[1] | held[2]),
            self.o_read.bank.eq(self._bank(address)),
        ]

    def _bank(self, at: Value) -> Value:
        return signatures.bank_of(self.spec, at[: self.level.width])


def first_stage(there: Value, behind: int = -1) -> Value:
    """Of the stages that are there, the first behind one; WRITE if there is none."""
    out: Value = Value.cast(Stage.WRITE.value)
    for s in reversed(Stage):
        if behind < s.value < Stage.WRITE.value:
            out = Mux(there[s.value], s.value, out)
    return out

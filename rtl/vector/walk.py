"""Walk of the vector unit: takes a command, reads its parameters, then goes through its rows, beat after beat, pass after pass.

Cycles: hwsim/components/vector.py. A chunk reads its a, b, bias and scale in this order; the beat of its last read writes, and so do the
WRITE beats behind it, where elements share lanes of bytes. What a beat reads is asked in its cycle, and there in the next. What a command
settles for all of its beats is in registers from the first of them on.
"""

from enum import IntEnum

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.signatures import Stage
from rtl.vector.settled import first_stage, is_fn, reduces, settle


class Phase(IntEnum):
    IDLE, SETUP, ROWS, PAUSE, TAIL = range(5)


SIDES = ("a", "b", "dst")


class Walk(wiring.Component):
    """`o_beat`: the beat of this cycle; `o_command`, `o_settled`: for as long as the command has results under way. `i_popped`: a result is
    written in this cycle."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.level = spec, signatures.level_address(spec)
        self.bytes, self.reduces = spec.levels.vec.width_bits // 8, reduces(spec)
        super().__init__(
            {
                "i": In(stream.Signature(signatures.command("vector"))),
                "tokens": Out(signatures.token_side()),
                "i_popped": In(1),
                "o_command": Out(signatures.command("vector")),
                "o_settled": Out(signatures.vector_settled(spec)),
                "o_beat": Out(signatures.flow(signatures.vector_beat(spec))),
                "o_holds": Out(spec.levels.vec.banks),  # banks that are read in this cycle
                "o_read": Out(signatures.read_side(spec)),
                "o_read_acc": Out(signatures.acc_row(spec)),
                "o_done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cmd, fixed, head = self.o_command, self.o_settled, self.i.payload
        now, later, new = Signal(self._place()), Signal(self._place()), Signal(fixed.shape())
        fresh = Signal()  # the command's first beat: element and place are 0, its parameters stand behind the weights
        take, done, under_way = Signal(), Signal(), Signal(range(self.spec.vector.results + 1))
        m.d.comb += [
            later.eq(now),
            done.eq((now.phase == Phase.TAIL) & (under_way == 1) & self.i_popped),
            take.eq(self.i.valid & ((now.phase == Phase.IDLE) | done) & ((head.waits & ~self.tokens.there) == 0)),
            self.i.ready.eq(take),
            self.tokens.take.eq(Mux(take, head.waits, 0)),
            self.tokens.give.eq(Mux(done, cmd.signals, 0)),
            self.o_done.eq(done),
        ]
        settle(m, self.spec, head, new)
        self._walk(m, cmd, fixed, now, later, under_way)
        with m.If(done):
            m.d.comb += later.phase.eq(Phase.IDLE)
        padded = (fixed.weights + 3) & ~3
        with m.If(fresh):
            m.d.sync += [fixed[name].eq(fixed[name] + padded) for name in ("bias", "scale", "table")]
        with m.If(take):
            m.d.sync += [cmd.eq(head), fixed.eq(new)]
            self._open(m, head, new, later)
        m.d.sync += fresh.eq(take)
        m.d.sync += [now.eq(later), under_way.eq(under_way + self.o_beat.payload.writes - self.i_popped)]
        self._reads(m, cmd, fixed, now, Mux(fresh, padded, now.beat.k * self.bytes + (now.beat.e << 2)))
        return m

    def _place(self) -> data.StructLayout:
        """Where the walk stands. `beat`: its `ends`, `last`, `writes` and `bank` are made anew each cycle; `chunk`: where the
        chunk's first result goes; `at`: the row, `home`: the first row of the group; `pause`: cycles to the next pass."""
        level = self.level
        row = data.StructLayout({"i0": 16, "i1": 16, **dict.fromkeys(SIDES, level), **{f"{side}_line": level for side in SIDES}})
        most = max(self.spec.vector.latency_cycles, self.spec.vector.reduce_cycles)
        again = {"home": row, "pause": range(most + 1)} if self.reduces else {}
        return data.StructLayout(
            {
                "phase": Phase, "beat": signatures.vector_beat(self.spec), "chunk": level, "at": row,
                "h": 8, "w": 8, "window": level, "window_line": level, **again,
            }
        )  # fmt: skip

    def _open(self, m: Module, c, fixed, later) -> None:
        setup, rows, final = fixed.setup.any(), fixed.final, fixed.passes == 0
        m.d.comb += [
            later.eq(0),
            later.phase.eq(Mux(setup, Phase.SETUP, Phase.ROWS)),
            later.beat.stage.eq(Mux(setup, first_stage(fixed.setup), first_stage(Mux(final, rows, fixed.reduce)))),
            later.beat.first.eq(1),
            later.beat.final.eq(final),
            later.chunk.eq(c.dst),
            later.beat.out.eq(c.dst),
        ]
        for side in SIDES:
            m.d.comb += [later.at[side].eq(c[side]), later.at[f"{side}_line"].eq(c[side])]
        if self.reduces:
            m.d.comb += later.home.eq(later.at)

    def _walk(self, m: Module, c, fixed, now, later, under_way) -> None:
        """One beat on."""
        beat, setup, rows, after = now.beat, now.phase == Phase.SETUP, now.phase == Phase.ROWS, Signal(Stage)
        stages = Mux(setup, fixed.setup, Mux(beat.final, fixed.final, fixed.reduce))
        with m.Switch(beat.stage):
            for s in Stage:
                with m.Case(s):
                    m.d.comb += after.eq(first_stage(stages, s))
        window_ends = (now.h + 1 == c.window_h) & (now.w + 1 == c.window_w)
        read_ends, ends, writes, goes, out = Signal(), Signal(), Signal(), Signal(), self.o_beat
        m.d.comb += [
            read_ends.eq(self._read_ends(fixed, beat, setup, Mux(setup, c.len, fixed.lanes), window_ends)),
            ends.eq(read_ends & (after == Stage.WRITE)),
            writes.eq(rows & ends & beat.final & (under_way != self.spec.vector.results)),
            goes.eq(setup | writes | (rows & ~(ends & beat.final))),
            out.valid.eq(goes),
            out.payload.eq(beat),
            out.payload.writes.eq(writes),
            out.payload.bank.eq(self._bank(now.at.dst)),
            out.payload.ends.eq(rows & ends & (beat.j == 0)),
            out.payload.last.eq(beat.e + fixed.lanes >= c.len),
        ]
        with m.If(goes):
            m.d.comb += later.beat.k.eq(Mux(read_ends, 0, beat.k + 1))
            with m.If(read_ends):
                m.d.comb += later.beat.stage.eq(after)
        with m.If(setup & ends):
            m.d.comb += [later.phase.eq(Phase.ROWS), later.beat.stage.eq(self._first_of_chunk(fixed, beat.final))]
        with m.If(goes & rows & (beat.stage == Stage.A)):
            self._next_of_window(m, c, now, later, window_ends)
        with m.If(writes):
            m.d.comb += [later.beat.j.eq(beat.j + (1 << fixed.step)), later.beat.out.eq(beat.out + (c.dst_lane << fixed.step))]
        with m.If(goes & rows & ends & (~beat.final | (beat.j + (1 << fixed.step) >= fixed.lanes))):
            self._next_chunk(m, c, fixed, now, later)
        if self.reduces:
            with m.If(now.phase == Phase.PAUSE):
                m.d.comb += later.pause.eq(now.pause - 1)
                with m.If(now.pause == 1):
                    m.d.comb += later.phase.eq(Phase.ROWS)

    def _read_ends(self, fixed, beat, setup: Value, params: Value, window_ends: Value) -> Value:
        """Whether this is the last beat of its stage. `params`: elements whose bias or scale is read."""
        wanted = {Stage.BIAS: params << 2, Stage.SCALE: params << 2, Stage.WEIGHT: fixed.weights, Stage.TABLE: fixed.tables}
        out: Value = Value.cast(1)
        for stage, size in wanted.items():
            out = Mux(beat.stage == stage, (beat.k + 1) * self.bytes >= size, out)
        out = Mux(beat.stage == Stage.PAUSE, beat.k + 1 >= fixed.pauses, out)
        return Mux(beat.stage == Stage.A, window_ends, out)

    def _first_of_chunk(self, fixed, final: Value) -> Value:
        return Mux(final, first_stage(fixed.final), first_stage(fixed.reduce))

    def _next_of_window(self, m: Module, c, now, later, ends: Value) -> None:
        line_ends, line = now.w + 1 == c.window_w, now.window_line + c.window_stride_h
        m.d.comb += [
            later.w.eq(Mux(line_ends, 0, now.w + 1)),
            later.h.eq(Mux(ends, 0, now.h + line_ends)),
            later.beat.first.eq(ends),
            later.window.eq(Mux(ends, 0, Mux(line_ends, line, now.window + c.window_stride_w))),
            later.window_line.eq(Mux(ends, 0, Mux(line_ends, line, now.window_line))),
        ]
        if "depthwise" in self.spec.vector.functions:
            m.d.comb += later.beat.weight.eq(Mux(ends, 0, now.beat.weight + c.len * self.spec.pe.element_bytes))

    def _next_chunk(self, m: Module, c, fixed, now, later) -> None:
        chunk = now.chunk + fixed.pitch
        m.d.comb += [
            later.beat.j.eq(0),
            later.beat.e.eq(now.beat.e + fixed.lanes),
            later.chunk.eq(chunk),
            later.beat.out.eq(chunk),
            later.beat.stage.eq(self._first_of_chunk(fixed, now.beat.final)),
        ]
        with m.If(self.o_beat.payload.last):
            m.d.comb += later.beat.e.eq(0)
            self._next_row(m, c, now.at, later.at)
            at_end = (now.at.i0 + 1 == c.count0) & (now.at.i1 + 1 == c.count1)
            if self.reduces:
                self._next_of_group(m, c, fixed, now, later, at_end)
            else:
                with m.If(at_end):
                    m.d.comb += later.phase.eq(Phase.TAIL)
            m.d.comb += [later.chunk.eq(later.at.dst), later.beat.out.eq(later.at.dst)]

    def _next_row(self, m: Module, c, at, later) -> None:
        line_ends = at.i0 + 1 == c.count0
        m.d.comb += [later.i0.eq(Mux(line_ends, 0, at.i0 + 1)), later.i1.eq(at.i1 + line_ends)]
        for side in SIDES:
            line = at[f"{side}_line"] + c[f"{side}_stride1"]
            m.d.comb += later[side].eq(Mux(line_ends, line, at[side] + c[f"{side}_stride0"]))
            with m.If(line_ends):
                m.d.comb += later[f"{side}_line"].eq(line)

    def _next_of_group(self, m: Module, c, fixed, now, later, at_end: Value) -> None:
        """Behind a row: the next of its group, or the group again for the next pass, or the next group."""
        beat = now.beat
        with m.If((fixed.passes != 0) & ~at_end & (beat.row + 1 != self.spec.vector.rows_in_flight)):
            m.d.comb += later.beat.row.eq(beat.row + 1)
        with m.Elif(~beat.final):
            final = beat.passed + 1 == fixed.passes
            largest = is_fn(self.spec, c, "softmax") & (beat.passed == 0)
            m.d.comb += [
                later.at.eq(now.home),
                later.beat.row.eq(0),
                later.beat.passed.eq(beat.passed + 1),
                later.beat.final.eq(final),
                later.beat.stage.eq(self._first_of_chunk(fixed, final)),
                later.phase.eq(Phase.PAUSE),
                later.pause.eq(Mux(largest, self.spec.vector.latency_cycles, self.spec.vector.reduce_cycles)),
            ]
        with m.Else():
            again = fixed.passes != 0
            m.d.comb += [
                later.home.eq(later.at),
                later.beat.row.eq(0),
                later.beat.passed.eq(0),
                later.beat.final.eq(~again),
                later.beat.stage.eq(self._first_of_chunk(fixed, ~again)),
            ]
            with m.If(at_end):
                m.d.comb += later.phase.eq(Phase.TAIL)

    def _reads(self, m: Module, c, fixed, now, part: Value) -> None:
        """What this cycle reads, and which banks it holds. `part`: where in its parameters."""
        beat, at, address = now.beat, now.at, self.o_read.address
        element = beat.e * self.spec.pe.element_bytes
        asked = {
            Stage.A: at.a + element + now.window, Stage.B: at.b + element, Stage.BIAS: fixed.bias + part, Stage.SCALE: fixed.scale + part,
            Stage.WEIGHT: c.param + beat.k * self.bytes, Stage.TABLE: fixed.table + part,
        }  # fmt: skip
        with m.Switch(beat.stage):
            for stage, where in asked.items():
                with m.Case(stage):
                    m.d.comb += address.eq(where)
        rows = now.phase == Phase.ROWS
        wanted = (
            (rows & c.from_vec, at.a),
            (rows & c.has_b, at.b),
            ((rows & fixed.by_row & beat.final) | (now.phase == Phase.SETUP), c.param),
        )
        held = [Cat(there & (self._bank(where) == k) for k in range(self.spec.levels.vec.banks)) for there, where in wanted]
        m.d.comb += [
            self.o_read_acc.eq(at.a),
            self.o_holds.eq(held[0] | held[1] | held[2]),
            self.o_read.bank.eq(self._bank(address)),
        ]

    def _bank(self, at: Value) -> Value:
        return signatures.bank_of(self.spec, at[: self.level.width])

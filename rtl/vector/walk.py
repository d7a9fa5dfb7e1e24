"""Walk of the vector unit: takes a command, reads its parameters, then goes through its rows, beat after beat, pass after pass.

Cycles: hwsim/components/vector.py. A chunk reads its a, b, bias and scale in this order; the beat of its last read writes, and so do the
WRITE beats behind it, where elements share lanes of bytes. What a beat reads is asked in its cycle, and there in the next. What a command
settles for all of its beats is in registers from the first of them on; the places of its parameters from the second.

While no command has beats left, the walk's registers load what the head of the queue would begin with. Otherwise they load what comes
next, reckoned early in the cycle; whether a stage ends with this beat, which is known late, only lets them load.
"""

from dataclasses import dataclass, fields
from enum import IntEnum

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.signatures import Stage
from rtl.vector.settled import first_stage, is_fn, reduces, settle


class Phase(IntEnum):
    """One bit each, but TAIL and IDLE: no command has beats left."""

    IDLE, TAIL, SETUP, ROWS, PAUSE = 0, 1, 2, 4, 8


SIDES = ("a", "b", "dst")


@dataclass
class Step:
    """What this cycle's beat does; `late` with the end of its stage, which is one of the two that say `late`."""

    idle: Signal
    setup: Signal
    rows: Signal
    room: Signal  # for one result more
    more: Signal  # stages behind this one
    read_ends: Signal  # late: the beat is the last of its stage
    chunk_ends: Signal  # late
    chunk_may: Signal  # the chunk ends, if the stage does and is the last one
    at_end: Signal  # the row is the last of the command
    held: Signal  # behind the row comes the next of its group, in the same pass
    final: Signal  # what comes behind the chunk is in the last pass


class Walk(wiring.Component):
    """`o_beat`: the beat of this cycle; `o_command`, `o_settled`: for as long as the command has results under way. `i_popped`: a result is
    written in this cycle."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.level = spec, signatures.level_address(spec)
        self.bytes, self.reduces = spec.levels.vec.width_bits // 8, reduces(spec)
        self.windows = bool(signatures.WINDOWED & set(spec.vector.functions))
        super().__init__(
            {
                "i": In(stream.Signature(signatures.command(spec, "vector"))),
                "tokens": Out(signatures.token_side()),
                "i_popped": In(1),
                "o_command": Out(signatures.command(spec, "vector")),
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
        now, new = Signal(self._place(), name="now"), Signal(fixed.shape())
        take, done, under_way = Signal(), Signal(), Signal(range(self.spec.vector.results + 1))
        s = Step(*(Signal(name=f.name) for f in fields(Step)))
        m.d.comb += [
            s.setup.eq((now.phase & Phase.SETUP).any()),
            s.rows.eq((now.phase & Phase.ROWS).any()),
            s.idle.eq((now.phase & ~Phase.TAIL) == 0),
            s.room.eq(under_way != self.spec.vector.results),
            done.eq((now.phase & Phase.TAIL).any() & (under_way == 1) & self.i_popped),
            take.eq(self.i.valid & ((now.phase == Phase.IDLE) | done) & ((head.waits & ~self.tokens.there) == 0)),
            self.i.ready.eq(take),
            self.tokens.take.eq(Mux(take, head.waits, 0)),
            self.tokens.give.eq(Mux(done, cmd.signals, 0)),
            self.o_done.eq(done),
        ]
        settle(m, self.spec, head, new)
        with m.If(take):
            m.d.sync += [cmd.eq(head), fixed.eq(new)]
        self._beat(m, s, cmd, fixed, now)
        self._stages(m, s, fixed, new, now)
        if self.windows:
            self._window(m, s, cmd, head, now)
        else:
            m.d.comb += self.o_beat.payload.first.eq(1)
        row = self._next_row(m, s, cmd, head, now)
        self._chunk(m, s, cmd, fixed, head, now, row)
        self._passes(m, s, fixed, new, now, take, done)
        m.d.sync += under_way.eq(under_way + self.o_beat.payload.writes - self.i_popped)
        self._reads(m, s, cmd, fixed, now, take)
        return m

    def _place(self) -> data.StructLayout:
        """Where the walk stands. `beat`: its `ends`, `last`, `writes` and `bank` are made anew each cycle; `again`: it is not the first of
        its stage, and `k_ends`: then the last; `chunk`: where the chunk's first result goes; `a`, `b`: where its elements are read, with
        `a_chunk` and `a_line` where the window and its line began; `param`: bytes from the first parameter on; `at`: the row, with the rows
        left in its line and the lines left; `home`: the first row of the group; `h`, `w`: lines and elements left of the window; `pause`:
        cycles to the next pass."""
        level, command = self.level, signatures.command(self.spec, "vector").members
        at = {name: level for side in SIDES for name in (side, f"{side}_line")}
        row = data.StructLayout({"left0": command["count0"], "left1": command["count1"], **at})
        most = max(self.spec.vector.latency_cycles, self.spec.vector.reduce_cycles)
        again = {"home": row, "pause": range(most + 1)} if self.reduces else {}
        return data.StructLayout(
            {
                "phase": 4, "beat": signatures.vector_beat(self.spec), "again": 1, "k_ends": 1, "chunk": level, "at": row,
                "h": command["window_h"], "w": command["window_w"], "a": level, "a_line": level, "a_chunk": level, "b": level,
                "param": level, **again,
            }
        )  # fmt: skip

    def _beat(self, m: Module, s: Step, c, fixed, now) -> None:
        """The beat of this cycle, and whether the walk goes on behind it."""
        beat, out, ends, goes, k_late = now.beat, self.o_beat, Signal(), Signal(), Signal()
        window_ends = (now.h == 1) & (now.w == 1) if self.windows else Value.cast(1)
        k_ends = Mux(now.again, now.k_ends, fixed.brief.bit_select(beat.stage, 1))
        writes = s.rows & ~s.more & beat.final & s.room
        m.d.comb += [
            s.read_ends.eq(Mux(beat.stage == Stage.A, window_ends, k_ends)),
            ends.eq(s.read_ends & ~s.more),
            s.chunk_may.eq(s.rows & (~beat.final | (s.room & (beat.j + (1 << fixed.step) >= fixed.lanes)))),
            s.chunk_ends.eq(s.read_ends & (~s.more & s.chunk_may)),
            goes.eq(s.setup | (s.rows & (s.room | ~beat.final | s.more | ~s.read_ends))),
            k_late.eq(self._k_ends_next(fixed, beat)),
            out.valid.eq(goes),
            out.payload.eq(beat),
            out.payload.writes.eq(s.read_ends & writes),
            out.payload.bank.eq(self._bank(now.at.dst)),
            out.payload.ends.eq(s.rows & ends & (beat.j == 0)),
            out.payload.last.eq(beat.e + fixed.lanes >= c.len),
        ]
        with m.If(s.idle | goes):
            m.d.sync += [beat.k.eq(Mux(s.idle | s.read_ends, 0, beat.k + 1)), now.again.eq(~(s.idle | s.read_ends)), now.k_ends.eq(k_late)]

    def _k_ends_next(self, fixed, beat) -> Value:
        """Whether the stage has all of its bytes with the next beat, which is not its first."""
        wanted = {
            Stage.BIAS: fixed.params << 2, Stage.SCALE: fixed.params << 2, Stage.WEIGHT: fixed.weights, Stage.TABLE: fixed.tables,
            Stage.PAUSE: fixed.pauses * self.bytes,
        }  # fmt: skip
        return ~Cat((beat.stage == at) & ((beat.k + 2) * self.bytes < size) for at, size in wanted.items()).any()

    def _stages(self, m: Module, s: Step, fixed, new, now) -> None:
        beat, stages, behind = now.beat, Signal(len(Stage)), Signal(len(Stage))
        opens = Mux(new.setup.any(), new.setup, Mux(new.passes == 0, new.final, new.reduce))
        first = first_stage(Mux(s.final, fixed.final, fixed.reduce))
        m.d.comb += [
            stages.eq(Mux(s.setup, fixed.setup, Mux(beat.final, fixed.final, fixed.reduce))),
            behind.eq(stages & Cat(beat.stage < n.value for n in Stage)),
            s.more.eq(behind.any()),
        ]
        with m.If(s.idle):
            m.d.sync += beat.stage.eq(first_stage(opens))
        with m.Elif(s.read_ends & (s.setup | (s.rows & (s.room | ~beat.final | s.more)))):
            m.d.sync += beat.stage.eq(Mux(s.more, first_stage(behind), Mux(s.setup | s.chunk_may, first, Stage.WRITE)))

    def _window(self, m: Module, s: Step, c, head, now) -> None:
        """One element on in the window; behind its last, to its first."""
        line_ends, goes = now.w == 1, self.o_beat.valid & s.rows & (now.beat.stage == Stage.A)
        ends, line = s.idle | (line_ends & (now.h == 1)), now.a_line + c.window_stride_h
        height, width = (Mux(s.idle, head[name], c[name]) for name in ("window_h", "window_w"))
        with m.If(s.idle | goes):
            m.d.sync += [
                now.w.eq(Mux(s.idle | line_ends, width, now.w - 1)),
                now.h.eq(Mux(ends, height, now.h - line_ends)),
                now.beat.first.eq(ends),
                now.a.eq(Mux(ends, now.a_chunk, Mux(line_ends, line, now.a + c.window_stride_w))),
                now.a_line.eq(Mux(ends, now.a_chunk, Mux(line_ends, line, now.a_line))),
            ]
            if "depthwise" in self.spec.vector.functions:
                m.d.sync += now.beat.weight.eq(Mux(ends, 0, now.beat.weight + c.len * self.spec.pe.element_bytes))

    def _next_row(self, m: Module, s: Step, c, head, now) -> data.View:
        """The row behind this one, or the first of the group for its next pass, or of a command. It is loaded with the end of a row."""
        at, row = now.at, Signal(now.at.shape())
        line_ends, loads, again = at.left0 == 1, s.idle | (s.chunk_ends & self.o_beat.payload.last), ~s.held & ~now.beat.final
        m.d.comb += [
            s.at_end.eq(line_ends & (at.left1 == 1)),
            row.left0.eq(Mux(line_ends, c.count0, at.left0 - 1)),
            row.left1.eq(at.left1 - line_ends),
        ]
        for side in SIDES:
            line, start = row[f"{side}_line"], Mux(line_ends, at[f"{side}_line"], at[side])
            m.d.comb += [
                row[side].eq(start + Mux(line_ends, c[f"{side}_stride1"], c[f"{side}_stride0"])),
                line.eq(Mux(line_ends, row[side], at[f"{side}_line"])),
            ]
        if self.reduces:
            with m.If(again):
                m.d.comb += row.eq(now.home)
        with m.If(s.idle):
            m.d.comb += [row.left0.eq(head.count0), row.left1.eq(head.count1)]
            for side in SIDES:
                m.d.comb += [row[side].eq(head[side]), row[f"{side}_line"].eq(head[side])]
        with m.If(loads):
            m.d.sync += at.eq(row)
        if self.reduces:
            with m.If(loads & (s.idle | (~s.held & now.beat.final))):
                m.d.sync += now.home.eq(row)
        return row

    def _chunk(self, m: Module, s: Step, c, fixed, head, now, row) -> None:
        """Where the next chunk reads and writes."""
        beat, new, chunk, a = now.beat, s.idle | self.o_beat.payload.last, Signal.like(now.chunk), Signal.like(now.a)
        e, elements = Signal.like(beat.e), fixed.lanes * self.spec.pe.element_bytes
        m.d.comb += [
            chunk.eq(Mux(new, row.dst, now.chunk + fixed.pitch)),
            a.eq(Mux(new, row.a, now.a_chunk + elements)),
            e.eq(Mux(new, 0, beat.e + fixed.lanes)),
        ]
        with m.If(self.o_beat.valid):
            m.d.sync += now.param.eq(Mux(s.read_ends, beat.e << 2, now.param + self.bytes))
        with m.If(s.idle | s.chunk_ends):
            m.d.sync += [now.chunk.eq(chunk), beat.e.eq(e), now.param.eq(e << 2)]
            m.d.sync += [at.eq(a) for at in (now.a, now.a_line, now.a_chunk)] + [now.b.eq(Mux(new, row.b, now.b + elements))]
        with m.If(s.idle | (s.read_ends & (~s.more & s.rows & (~beat.final | s.room)))):
            whole = s.idle | s.chunk_may
            m.d.sync += [
                beat.j.eq(Mux(whole, 0, beat.j + (1 << fixed.step))),
                beat.out.eq(Mux(whole, chunk, beat.out + fixed.hop)),
            ]

    def _passes(self, m: Module, s: Step, fixed, new, now, take: Signal, done: Signal) -> None:
        """Behind a row: the next of its group, or the group again for the next pass, or the next group."""
        beat, row_ends, last = now.beat, s.chunk_ends & self.o_beat.payload.last, self.o_beat.payload.last
        m.d.comb += s.final.eq(beat.final)
        if self.reduces:
            largest = is_fn(self.spec, self.o_command, "softmax") & (beat.passed == 0)
            m.d.comb += s.held.eq((fixed.passes != 0) & ~s.at_end & (beat.row + 1 != self.spec.vector.rows_in_flight))
            with m.If(s.rows & last & ~s.held):
                m.d.comb += s.final.eq(Mux(beat.final, fixed.passes == 0, beat.passed + 1 == fixed.passes))
            with m.If(s.idle | row_ends):
                m.d.sync += [
                    beat.row.eq(Mux(~s.idle & s.held, beat.row + 1, 0)),
                    beat.passed.eq(Mux(s.idle | (beat.final & ~s.held), 0, beat.passed + ~s.held)),
                ]
            with m.If((now.phase & Phase.PAUSE).any()):
                m.d.sync += now.pause.eq(now.pause - 1)
            with m.Else():
                m.d.sync += now.pause.eq(Mux(largest, self.spec.vector.latency_cycles, self.spec.vector.reduce_cycles))
        with m.If(s.idle | row_ends):
            m.d.sync += beat.final.eq(Mux(s.idle, new.passes == 0, s.final))
        with m.If(take):
            m.d.sync += now.phase.eq(Mux(new.setup.any(), Phase.SETUP, Phase.ROWS))
        with m.Elif(done):
            m.d.sync += now.phase.eq(Phase.IDLE)
        with m.Elif(s.setup & s.read_ends & ~s.more):
            m.d.sync += now.phase.eq(Phase.ROWS)
        with m.Elif(row_ends & ~s.held & (~beat.final | s.at_end)):
            m.d.sync += now.phase.eq(Mux(beat.final, Phase.TAIL, Phase.PAUSE))
        if self.reduces:
            with m.If((now.phase & Phase.PAUSE).any() & (now.pause == 1)):
                m.d.sync += now.phase.eq(Phase.ROWS)

    def _reads(self, m: Module, s: Step, c, fixed, now, take: Signal) -> None:
        """What this cycle reads, and which banks it holds. Bias, scale and table stand behind the weights, which the first beat adds:
        its place is 0."""
        beat, at, address, fresh = now.beat, now.at, self.o_read.address, Signal()
        param = Mux(fresh, fixed.padded, now.param)
        asked = {
            Stage.A: now.a, Stage.B: now.b, Stage.WEIGHT: c.param + now.param, Stage.BIAS: fixed.bias + param,
            Stage.SCALE: fixed.scale + param, Stage.TABLE: fixed.table + param,
        }  # fmt: skip
        m.d.sync += fresh.eq(take)
        with m.If(fresh):
            m.d.sync += [fixed.bias.eq(asked[Stage.BIAS]), fixed.scale.eq(asked[Stage.SCALE]), fixed.table.eq(asked[Stage.TABLE])]
        with m.Switch(beat.stage):
            for stage, where in asked.items():
                with m.Case(stage):
                    m.d.comb += address.eq(where)
        wanted = (
            (s.rows & c.from_vec, at.a),
            (s.rows & c.has_b, at.b),
            ((s.rows & fixed.by_row & beat.final) | s.setup, c.param),
        )
        held = [Cat(there & (self._bank(where) == k) for k in range(self.spec.levels.vec.banks)) for there, where in wanted]
        m.d.comb += [
            self.o_read_acc.eq(at.a),
            self.o_holds.eq(held[0] | held[1] | held[2]),
            self.o_read.bank.eq(self._bank(address)),
        ]

    def _bank(self, at: Value) -> Value:
        return signatures.bank_of(self.spec, at[: self.level.width])

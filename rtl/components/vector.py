"""Vector unit in gates: `map`, `maxpool`, `avgpool` of INT8. Twin: hwsim/components/vector.py, which says what it does and in which cycle.

A chunk of a row reads its a, b, bias and scale in this order, and writes from the beat of its last read on, in as many beats as its
elements need that share lanes of bytes. What was read before waits in registers. Level vec and level acc are asked a cycle ahead, with the
addresses of the state to come. A chunk of several reads and several writes takes reads + writes - 1 beats: a result is not there before
its last operand.
"""

from enum import IntEnum

from amaranth.hdl import Array as Select
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import ACT, FN
from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


class Phase(IntEnum):
    IDLE, SETUP, ROWS, TAIL = range(4)


class Stage(IntEnum):
    A, B, BIAS, SCALE, TABLE, WRITE = range(6)


SIDES = ("a", "b", "dst")
TABLE = 256  # bytes


def check_vector(spec: AcceleratorSpec) -> None:
    width, lanes = spec.levels.vec.width_bits, spec.vector.lanes
    if width & (width - 1) or width < 32:
        raise SpecError(f"levels.vec.width_bits: {width} has no gates; use a power of two from 32 on")
    if lanes * spec.pe.element_bits > width:
        raise SpecError(f"vector.lanes: {lanes} elements are more than the {width} bits of a read; widen levels.vec.width_bits")


def requantised(m: Module, name: str, total: Value, shift: Value) -> Signal:
    """sat8(total / 2**shift), ties to even."""
    doubled, floor = Signal(signed(len(total) + 1), name=f"{name}_doubled"), Signal(signed(len(total)), name=f"{name}_floor")
    rest, rounded = Signal(len(total), name=f"{name}_rest"), Signal(signed(len(total) + 1), name=f"{name}_rounded")
    out = Signal(signed(8), name=name)
    below = (Const(1, len(total)) << shift)[: len(total)] - 1
    m.d.comb += [
        doubled.eq((total << 1) >> shift),
        floor.eq(doubled >> 1),
        rest.eq(total & (below >> 1)),
        rounded.eq(floor + (doubled[0] & ((rest != 0) | floor[0]))),
        out.eq(Mux(rounded > 127, 127, Mux(rounded < -128, -128, rounded))),
    ]
    return out


class Vector(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        signatures.check_gates(spec)
        check_vector(spec)
        self.spec, self.level = spec, signatures.level_address(spec)
        self.bytes, self.lanes = spec.levels.vec.width_bits // 8, spec.vector.lanes
        self.lanes_acc = min(spec.vector.lanes, spec.array.cols)
        self.param_beats = -(-4 * self.lanes // self.bytes)
        self.table = bool({"gelu", "silu"} & set(spec.vector.functions))
        super().__init__(
            {
                "i": In(stream.Signature(signatures.command("vector"))),
                "tokens": Out(signatures.token_side()),
                "i_written": In(signatures.flow(data.StructLayout({"bank": signatures.vec_bank(spec)}))),  # by fetch, in this cycle
                "o_reads": Out(spec.levels.vec.banks),  # banks held in this cycle
                "o_next_reads": Out(spec.levels.vec.banks),
                "o_read": Out(signatures.read_side(spec)),
                "i_data": In(spec.levels.vec.width_bits),
                "o_read_acc": Out(signatures.acc_row(spec)),
                "i_acc": In(signatures.sums_row(spec)),
                "o_write": Out(signatures.flow(signatures.vec_write(spec))),
                "o_done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        level, lanes = self.level, range(self.lanes + 1)
        most_beats = max(self.param_beats, TABLE // self.bytes)
        place = data.StructLayout(
            {
                "phase": Phase, "stage": Stage, "k": range(most_beats + 1), "j": lanes, "e": 17, "i0": 16, "i1": 16,
                "tail": range(self.spec.vector.latency_cycles + 1), "chunk": level, "out": level,
                "h": 8, "w": 8, "window": level, "window_line": level,
                **dict.fromkeys(SIDES, level), **{f"{side}_line": level for side in SIDES},
            }
        )  # fmt: skip
        layout = signatures.command("vector")
        cmd, held = Signal(layout), Signal(layout)
        now, later = Signal(place), Signal(place)
        take, done, head = Signal(), Signal(), self.i.payload
        m.d.comb += [
            cmd.eq(Mux(take, head.as_value(), held.as_value())),
            later.eq(now),
            done.eq((now.phase == Phase.TAIL) & (now.tail == 1)),
            take.eq(self.i.valid & ((now.phase == Phase.IDLE) | done) & ((head.waits & ~self.tokens.there) == 0)),
            self.i.ready.eq(take),
            self.tokens.take.eq(Mux(take, head.waits, 0)),
            self.tokens.give.eq(Mux(done, held.signals, 0)),
            self.o_done.eq(done),
        ]
        m.d.sync += [now.eq(later), held.eq(cmd)]
        writing = self._walk(m, held, now, later, done)
        with m.If(take):
            self._open(m, head, later)
        self._reads(m, cmd, later)
        self._write(m, held, now, writing, self._results(m, held, now))
        return m

    def _lanes_of(self, c) -> Value:
        return Mux(c.from_vec, self.lanes, self.lanes_acc)

    def _by_row(self, c) -> Value:
        """Parameters are read for every chunk, not once."""
        return c.len > self._lanes_of(c)

    def _has_table(self, c) -> Value:
        return ((c.act == ACT.index("gelu")) | (c.act == ACT.index("silu"))) & self.table

    def _after(self, c, stage: Stage | None, setup: Value) -> Value:
        """The stage that follows, before the rows (`setup`) or in a chunk of a row."""
        params = self._by_row(c) ^ setup
        there = {
            Stage.A: c.from_vec, Stage.B: c.has_b, Stage.BIAS: c.has_bias & params, Stage.SCALE: c.has_scale & params,
            Stage.TABLE: self._has_table(c) & setup,
        }  # fmt: skip
        out: Value = Const(Stage.WRITE.value, 3)
        for s in reversed(there):
            if stage is None or s.value > stage.value:
                out = Mux(there[s], Const(s.value, 3), out)
        return out

    def _open(self, m: Module, c, later) -> None:
        first = self._after(c, Stage.B, Const(1))
        setup = first != Stage.WRITE.value
        m.d.comb += [
            later.eq(0),
            later.phase.eq(Mux(setup, Phase.SETUP, Phase.ROWS)),
            later.stage.eq(Mux(setup, first, self._after(c, None, Const(0)))),
            later.chunk.eq(c.dst),
            later.out.eq(c.dst),
            later.tail.eq(self.spec.vector.latency_cycles),
        ]
        for side in SIDES:
            m.d.comb += [later[side].eq(c[side]), later[f"{side}_line"].eq(c[side])]

    def _walk(self, m: Module, c, now, later, done: Signal) -> Value:
        """One beat on. Returns whether this beat writes."""
        lanes, params, table = self._lanes_of(c), Signal(), now.stage == Stage.TABLE
        m.d.comb += params.eq((now.stage == Stage.BIAS) | (now.stage == Stage.SCALE) | table)
        wanted = Mux(table, TABLE, Mux(now.phase == Phase.SETUP, c.len, lanes) << 2)
        window_ends = (now.h + 1 == c.window_h) & (now.w + 1 == c.window_w)
        read_ends = Mux(params, (now.k + 1) * self.bytes >= wanted, (now.stage != Stage.A) | window_ends)
        after = Signal(3)
        with m.Switch(now.stage):
            for s in Stage:
                with m.Case(s):
                    m.d.comb += after.eq(self._after(c, s, now.phase == Phase.SETUP))
        dst_bank = signatures.bank_of(self.spec, now.dst)
        stalled = self.i_written.valid & (self.i_written.payload.bank == dst_bank)
        writing, step, self._moves = Signal(), Signal(range(self.lanes.bit_length() + 1)), ~stalled
        m.d.comb += [
            writing.eq((now.phase == Phase.ROWS) & ~stalled & read_ends & (after == Stage.WRITE.value)),
            step.eq(self._elements_log2(c)),
        ]
        chunk_ends = now.j + (1 << step) >= lanes
        with m.If(now.phase == Phase.SETUP):
            m.d.comb += later.k.eq(Mux(read_ends, 0, now.k + 1))
            with m.If(read_ends):
                m.d.comb += later.stage.eq(after)
                with m.If(after == Stage.WRITE.value):
                    m.d.comb += [later.phase.eq(Phase.ROWS), later.stage.eq(self._after(c, None, Const(0)))]
        with m.Elif(now.phase == Phase.TAIL):
            m.d.comb += later.tail.eq(now.tail - 1)
            with m.If(done):
                m.d.comb += later.phase.eq(Phase.IDLE)
        with m.Elif((now.phase == Phase.ROWS) & ~stalled):
            m.d.comb += later.k.eq(Mux(read_ends, 0, now.k + 1))
            with m.If(now.stage == Stage.A):
                self._next_of_window(m, c, now, later, window_ends)
            with m.If(read_ends):
                m.d.comb += later.stage.eq(after)
            with m.If(writing):
                m.d.comb += [later.j.eq(now.j + (1 << step)), later.out.eq(now.out + (c.dst_lane << step))]
            with m.If(writing & chunk_ends):
                self._next_chunk(m, c, now, later, lanes)
        return writing

    def _next_of_window(self, m: Module, c, now, later, ends: Value) -> None:
        line_ends, line = now.w + 1 == c.window_w, now.window_line + c.window_stride_h
        m.d.comb += [
            later.w.eq(Mux(line_ends, 0, now.w + 1)),
            later.h.eq(Mux(ends, 0, now.h + line_ends)),
            later.window.eq(Mux(ends, 0, Mux(line_ends, line, now.window + c.window_stride_w))),
            later.window_line.eq(Mux(ends, 0, Mux(line_ends, line, now.window_line))),
        ]

    def _elements_log2(self, c) -> Value:
        """Of elements that a beat writes: neighbours share a lane of bytes after bytes / gcd(dst_lane, bytes) of them."""
        most = min(self.bytes, 1 << (self.lanes - 1).bit_length()).bit_length() - 1
        whole = self.bytes.bit_length() - 1
        out: Value = Const(0)
        for zeros in reversed(range(whole)):
            out = Mux(c.dst_lane[zeros], min(most, whole - zeros), out)
        return out

    def _next_chunk(self, m: Module, c, now, later, lanes: Value) -> None:
        chunk, row_ends = now.chunk + lanes * c.dst_lane, now.e + lanes >= c.len
        m.d.comb += [
            later.j.eq(0),
            later.e.eq(now.e + lanes),
            later.chunk.eq(chunk),
            later.out.eq(chunk),
            later.stage.eq(self._after(c, None, Const(0))),
        ]
        with m.If(row_ends):
            line_ends = now.i0 + 1 == c.count0
            m.d.comb += [later.e.eq(0), later.i0.eq(Mux(line_ends, 0, now.i0 + 1)), later.i1.eq(now.i1 + line_ends)]
            for side in SIDES:
                line = now[f"{side}_line"] + c[f"{side}_stride1"]
                m.d.comb += later[side].eq(Mux(line_ends, line, now[side] + c[f"{side}_stride0"]))
                with m.If(line_ends):
                    m.d.comb += later[f"{side}_line"].eq(line)
            m.d.comb += [later.chunk.eq(later.dst), later.out.eq(later.dst)]
            with m.If(line_ends & (now.i1 + 1 == c.count1)):
                m.d.comb += later.phase.eq(Phase.TAIL)

    def _reads(self, m: Module, c, later) -> None:
        """What the next cycle reads, and which banks it holds."""
        address, part = self.o_read.address, later.k * self.bytes + (later.e << 2)
        with m.Switch(later.stage):
            with m.Case(Stage.A):
                m.d.comb += address.eq(later.a + later.e + later.window)
            with m.Case(Stage.B):
                m.d.comb += address.eq(later.b + later.e)
            with m.Case(Stage.BIAS):
                m.d.comb += address.eq(c.param + part)
            with m.Case(Stage.SCALE):
                m.d.comb += address.eq(c.param + Mux(c.has_bias, c.len << 2, 0) + part)
            with m.Case(Stage.TABLE):
                m.d.comb += address.eq(c.param + (c.len << 2) * (c.has_bias + c.has_scale) + part)
        at = {"a": later.a, "b": later.b, "param": c.param[: self.level.width]}
        bank = {name: signatures.bank_of(self.spec, byte) for name, byte in at.items()}
        banks, rows = self.spec.levels.vec.banks, later.phase == Phase.ROWS
        by_row = self._by_row(c) & (c.has_bias | c.has_scale)
        wanted = {
            "a": rows & c.from_vec,
            "b": rows & c.has_b & ~by_row,
            "param": (rows & by_row) | (later.phase == Phase.SETUP),
        }
        held = [Cat((wanted[n] & (bank[n] == k)) for k in range(banks)) for n in wanted]
        m.d.comb += [
            self.o_read_acc.eq(later.a),
            self.o_next_reads.eq(held[0] | held[1] | held[2]),
            self.o_read.bank.eq(signatures.bank_of(self.spec, address)),
        ]
        m.d.sync += self.o_reads.eq(self.o_next_reads)

    def _results(self, m: Module, c, now) -> list[Value]:
        """One INT8 a lane, of what this beat reads and what was read before."""
        read = {}
        kept, here = Signal(8 * self.lanes, name="b_kept"), Signal(8 * self.lanes, name="b_here")
        m.d.comb += here.eq(Mux(now.stage == Stage.B, self.i_data, kept))
        m.d.sync += kept.eq(here)
        read["b"], fn = here, {name: c.fn == FN.index(name) for name in ("maxpool", "avgpool")}
        for name, stage in (("bias", Stage.BIAS), ("scale", Stage.SCALE)):
            width = 8 * self.bytes
            kept, here = Signal(self.param_beats * width, name=f"{name}_kept"), Signal(self.param_beats * width, name=f"{name}_here")
            m.d.comb += here.eq(kept)
            with m.If(now.stage == stage):
                m.d.comb += here.word_select(now.k, width).eq(self.i_data)
            m.d.sync += kept.eq(here)
            read[name] = here
        sums = self.i_acc.as_value() >> (now.e << 5) if self.spec.array.cols > self.lanes else self.i_acc.as_value()
        out = []
        for n in range(self.lanes):
            word = slice(32 * n, 32 * n + 32)
            byte, pooled = read["b"][8 * n : 8 * n + 8].as_signed(), self._pooled(m, now, n, fn)
            a, total = Signal(signed(32), name=f"a_{n}"), Signal(signed(66), name=f"total_{n}")
            biased, scale = Signal(signed(32), name=f"biased_{n}"), Signal(signed(32), name=f"scale_{n}")
            m.d.comb += [
                a.eq(Mux(c.from_vec, pooled, sums[word].as_signed() if n < self.lanes_acc else 0)),
                biased.eq(a + Mux(c.has_bias, read["bias"][word].as_signed(), 0)),
                scale.eq(Mux(c.has_scale, read["scale"][word].as_signed(), Mux(fn["avgpool"], c.imm.as_signed(), 1))),
                total.eq(biased * scale + Mux(c.has_b, byte * c.imm.as_signed(), 0)),
            ]
            eight = requantised(m, f"eight_{n}", total, Mux(fn["maxpool"], 0, c.shift))
            result = Signal(8, name=f"result_{n}")
            m.d.comb += result.eq(Mux((c.act == ACT.index("relu")) & (eight < 0), 0, eight))
            out.append(result)
        if self.table:
            self._look_up(m, c, now, out)
        return out

    def _pooled(self, m: Module, now, n: int, fn: dict[str, Value]) -> Signal:
        """Of lane n: the element, or the largest or the sum of its window so far."""
        new = self.i_data[8 * n : 8 * n + 8].as_signed()
        kept, here = Signal(signed(24), name=f"a_kept_{n}"), Signal(signed(24), name=f"a_here_{n}")
        first, joined = (now.h == 0) & (now.w == 0), Mux(fn["maxpool"], Mux(new > kept, new, kept), kept + new)
        m.d.comb += here.eq(Mux(now.stage != Stage.A, kept, Mux(first, new, joined)))
        with m.If(self._moves):
            m.d.sync += kept.eq(here)
        return here

    def _look_up(self, m: Module, c, now, results: list[Value]) -> None:
        """gelu and silu: the result chooses a byte of the table, one reader a lane."""
        m.submodules.table = memory = Memory(shape=8 * self.bytes, depth=TABLE // self.bytes, init=[])
        write, bits = memory.write_port(), self.bytes.bit_length() - 1
        m.d.comb += [write.en.eq(now.stage == Stage.TABLE), write.addr.eq(now.k), write.data.eq(self.i_data)]
        for n, result in enumerate(results):
            read, place, byte = memory.read_port(domain="comb"), result ^ (TABLE // 2), Signal(8, name=f"looked_up_{n}")
            m.d.comb += [
                read.addr.eq(place[bits:]),
                byte.eq(read.data.word_select(place[:bits], 8)),
            ]
            results[n] = Mux(self._has_table(c), byte, result)

    def _write(self, m: Module, c, now, writing: Value, results: list[Value]) -> None:
        new, lanes, step = self.o_write.payload, self._lanes_of(c), self._elements_log2(c)
        m.d.comb += [self.o_write.valid.eq(writing), new.bank.eq(signatures.bank_of(self.spec, now.dst))]
        for t in range(signatures.scattered(self.spec)):
            place, item = now.j + t, new.elements[t]
            m.d.comb += [
                item.valid.eq((t < (1 << step)) & (place < lanes) & (now.e + place < c.len)),
                item.address.eq(now.out + c.dst_lane * t),
                item.data.eq(Select(results)[place[: max(1, (self.lanes - 1).bit_length())]]),
            ]

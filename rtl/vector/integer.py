"""Lanes of INT8: what they make of the beats of the walk. Arithmetic: hwsim/spec/numerics/integer.py.

A beat of cycle t has its operands together in t + 2; sum, product, total, shift, rounding and table take a cycle each; its results go into
the queue in t + `LATENCY` - 1, or later by what `latency_cycles` has more.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import ACT, FN
from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.signatures import TABLE_BYTES, Stage

LATENCY = 8  # cycles from a beat to the write of its results, at least


def check_lanes(spec: AcceleratorSpec) -> None:
    if spec.vector.latency_cycles < LATENCY:
        raise SpecError(f"vector.latency_cycles: {spec.vector.latency_cycles} has no gates; use {LATENCY} or more")


class IntegerLanes(wiring.Component):
    """`i_command`, `i_step`: as of the walk, for as long as the command has results under way. `i_data`, `i_acc`: what the beat of the
    last cycle has asked for."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.bytes, self.lanes = spec, spec.levels.vec.width_bits // 8, spec.vector.lanes
        self.lanes_acc = min(spec.vector.lanes, spec.array.cols)
        self.table = bool({"gelu", "silu"} & set(spec.vector.functions))
        super().__init__(
            {
                "i_command": In(signatures.command("vector")),
                "i_step": In(range(self.bytes.bit_length())),
                "i_beat": In(signatures.flow(signatures.vector_beat(spec))),
                "i_data": In(spec.levels.vec.width_bits),
                "i_acc": In(signatures.sums_row(spec)),
                "o": Out(signatures.flow(signatures.vector_results(spec))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._align(m)
        operands = self._operands(m)
        eight = [self._scaled(m, n, *x) for n, x in enumerate(operands)]
        self._give(m, self._looked_up(m, eight) if self.table else eight)
        return m

    def _align(self, m: Module) -> None:
        """`beats`, `valid`: of the beat 1, 2, ... cycles ago; `read`, `sums`: what the beat two cycles ago reads."""
        layout = signatures.vector_beat(self.spec)
        self.beats, self.valid = [self.i_beat.payload], [self.i_beat.valid]
        for n in range(1, self.spec.vector.latency_cycles):
            self.beats.append(Signal(layout, name=f"beat_{n}"))
            self.valid.append(Signal(name=f"valid_{n}"))
            m.d.sync += [self.beats[n].eq(self.beats[n - 1]), self.valid[n].eq(self.valid[n - 1])]
        self.read, self.sums = Signal(8 * self.bytes), Signal(32 * self.lanes_acc)
        row = self.i_acc.as_value()
        m.d.sync += [
            self.read.eq(self.i_data),
            self.sums.eq(row >> (self.beats[1].e << 5) if self.spec.array.cols > self.lanes else row),
        ]

    def _operands(self, m: Module) -> list[tuple[Value, Value, Value]]:
        """Of each lane: a + bias, scale, b; registers, in the third cycle behind the beat."""
        c, beat, valid = self.i_command, self.beats[2], self.valid[2]
        average, read = c.fn == FN.index("avgpool"), {}
        for name, stage in (("b", Stage.B), ("bias", Stage.BIAS), ("scale", Stage.SCALE)):
            size = 8 * self.lanes if name == "b" else -(-32 * self.lanes // (8 * self.bytes)) * 8 * self.bytes
            kept, here = Signal(size, name=f"{name}_kept"), Signal(size, name=f"{name}_here")
            m.d.comb += here.eq(kept)
            with m.If(valid & (beat.stage == stage)):
                parts = size // (8 * self.bytes)
                part = here if name == "b" else here.word_select(beat.k[: max(1, (parts - 1).bit_length())], 8 * self.bytes)
                m.d.comb += part.eq(self.read)
            m.d.sync += kept.eq(here)
            read[name] = here
        out = []
        for n in range(self.lanes):
            word, byte = slice(32 * n, 32 * n + 32), slice(8 * n, 8 * n + 8)
            biased, scale, b = (Signal(signed(w), name=f"{x}_{n}") for x, w in (("biased", 32), ("multiplier", 32), ("b", 8)))
            a = Mux(c.from_vec, self._pooled(m, n), self.sums[word].as_signed() if n < self.lanes_acc else 0)
            m.d.sync += [
                biased.eq(a + Mux(c.has_bias, read["bias"][word].as_signed(), 0)),
                scale.eq(Mux(c.has_scale, read["scale"][word].as_signed(), Mux(average, c.imm.as_signed(), 1))),
                b.eq(Mux(c.has_b, read["b"][byte].as_signed(), 0)),
            ]
            out.append((biased, scale, b))
        return out

    def _pooled(self, m: Module, n: int) -> Signal:
        """Of lane n: the element, or the largest or the sum of its window so far."""
        beat, new = self.beats[2], self.read[8 * n : 8 * n + 8].as_signed()
        kept, here = Signal(signed(24), name=f"a_kept_{n}"), Signal(signed(24), name=f"a_here_{n}")
        joined = Mux(self.i_command.fn == FN.index("maxpool"), Mux(new > kept, new, kept), kept + new)
        m.d.comb += here.eq(kept)
        with m.If(self.valid[2] & (beat.stage == Stage.A)):
            m.d.comb += here.eq(Mux(beat.first, new, joined))
        m.d.sync += kept.eq(here)
        return here

    def _scaled(self, m: Module, n: int, biased: Value, scale: Value, b: Value) -> Signal:
        """sat8((biased*scale + b*imm) / 2**shift), ties to even, then relu; a register, in the seventh cycle behind the beat."""
        c = self.i_command
        product, added = Signal(signed(64), name=f"product_{n}"), Signal(signed(40), name=f"added_{n}")
        total, floor = Signal(signed(66), name=f"total_{n}"), Signal(signed(66), name=f"floor_{n}")
        half, rest = Signal(name=f"half_{n}"), Signal(name=f"rest_{n}")
        shift = Signal(6, name=f"shift_{n}")
        below = (Const(1, 66) << shift)[:66] - 1
        doubled, rounded = Signal(signed(67), name=f"doubled_{n}"), Signal(signed(67), name=f"rounded_{n}")
        out = Signal(signed(8), name=f"eight_{n}")
        low = Mux(c.act == ACT.index("relu"), 0, -128)
        m.d.comb += [
            shift.eq(Mux(c.fn == FN.index("maxpool"), 0, c.shift)),
            doubled.eq((total << 1) >> shift),
            rounded.eq(floor + (half & (rest | floor[0]))),
        ]
        m.d.sync += [
            product.eq(biased * scale),
            added.eq(b * c.imm.as_signed()),
            total.eq(product + added),
            floor.eq(doubled >> 1),
            half.eq(doubled[0]),
            rest.eq((total & (below >> 1)) != 0),
            out.eq(Mux(rounded > 127, 127, Mux(rounded < low, low, rounded))),
        ]
        return out

    def _looked_up(self, m: Module, results: list[Signal]) -> list[Value]:
        """gelu and silu: the result chooses a byte of the table, one reader a lane."""
        c, beat = self.i_command, self.beats[2]
        m.submodules.table = memory = Memory(shape=8 * self.bytes, depth=TABLE_BYTES // self.bytes, init=[])
        write, bits = memory.write_port(), self.bytes.bit_length() - 1
        m.d.comb += [write.en.eq(self.valid[2] & (beat.stage == Stage.TABLE)), write.addr.eq(beat.k), write.data.eq(self.read)]
        tabled, out = (c.act == ACT.index("gelu")) | (c.act == ACT.index("silu")), []
        for n, result in enumerate(results):
            read, place, byte = memory.read_port(domain="comb"), result ^ (TABLE_BYTES // 2), Signal(8, name=f"looked_up_{n}")
            m.d.comb += [read.addr.eq(place[bits:]), byte.eq(read.data.word_select(place[:bits], 8))]
            out.append(Mux(tabled, byte, result))
        return out

    def _give(self, m: Module, results: list[Value]) -> None:
        """Elements j, j + 1, ... of the chunk, as many as are written together, are of the row and are left in the chunk."""
        c, beat = self.i_command, self.beats[LATENCY - 1]
        layout = signatures.vector_results(self.spec)
        given, valid = Signal(layout), Signal()
        lanes, elements = Mux(c.from_vec, self.lanes, self.lanes_acc), signatures.scattered(self.spec)
        shifted = Cat(Value.cast(r)[:8] for r in results) >> (beat.j << 3)
        m.d.comb += [
            valid.eq(self.valid[LATENCY - 1] & beat.writes),
            given.out.eq(beat.out),
            given.mask.eq(Cat((t < (1 << self.i_step)) & (beat.j + t < lanes) & (beat.e + beat.j + t < c.len) for t in range(elements))),
            given.elements.eq(shifted),
        ]
        for n in range(self.spec.vector.latency_cycles - LATENCY):
            before, given = (given, valid), Signal(layout, name=f"given_{n}")
            valid = Signal(name=f"given_valid_{n}")
            m.d.sync += [given.eq(before[0]), valid.eq(before[1])]
        m.d.comb += [self.o.payload.eq(given), self.o.valid.eq(valid)]

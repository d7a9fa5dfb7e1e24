"""Lanes of INT8: what they make of the beats of the walk. Arithmetic: hwsim/spec/numerics/integer.py.

Of a beat of cycle t, in cycle t + 1 comes what it reads; + 2 products of elements, and the table is asked for e; + 3 windows; + 4 bias and
scale; + 5 the product; + 6 the total; + 7 the shift; + 8 rounding, and the table is asked for gelu and silu; + 9 results go into the queue,
or later by what `latency_cycles` has more. layernorm takes the second half twice: first elements are scaled, then gamma and beta come.
"""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import ACT
from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.numerics.integer import NORM_Z_SHIFT, SOFTMAX_BITS
from rtl import signatures
from rtl.signatures import Stage
from rtl.vector.inverse import OUT_BITS
from rtl.vector.products import split_product
from rtl.vector.serial import SERIAL_CYCLES, TOTAL_BITS, SerialTotal
from rtl.vector.settled import has_table, is_fn
from rtl.vector.sums import Sums, least_cycles, levels
from rtl.vector.table import Table
from rtl.vector.weights import Weights

LATENCY = 10  # cycles from a beat to the write of its results, at least
LOWEST = -128
Z_BITS = 22  # of a scaled element of layernorm


def extra_cycles(spec: AcceleratorSpec) -> int:
    """Of a total that is made bit by bit, where chunks leave the time for it."""
    return SERIAL_CYCLES - 2 if spec.vector.lanes == 1 and spec.vector.chunk_beats >= SERIAL_CYCLES else 0


def check_lanes(spec: AcceleratorSpec) -> None:
    v, least = spec.vector, max(LATENCY + extra_cycles(spec), levels(spec) + 1)
    if v.latency_cycles < least:
        raise SpecError(f"vector.latency_cycles: {v.latency_cycles} has no gates; use {least} or more")
    if v.reduce_cycles < least_cycles(spec):
        raise SpecError(f"vector.reduce_cycles: {v.reduce_cycles} has no gates; use {least_cycles(spec)} or more")


def to_even(floor: Value, half: Value, rest: Value) -> Value:
    """What the shift left, rounded: `half`, the bit that fell out last, `rest`, whether any before it was 1."""
    return floor + (half & (rest | floor[0]))


@dataclass(frozen=True)
class Kind:
    """What a command is, as each lane sees it."""

    softmax: Signal
    norm: Signal
    depthwise: Signal
    average: Signal
    largest: Signal
    table: Signal
    relu: Signal


class IntegerLanes(wiring.Component):
    """`i_command`, `i_settled`: as of the walk, for as long as the command has results under way. `i_data`, `i_acc`: what the beat of the
    last cycle has asked for."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.bytes, self.lanes = spec, spec.levels.vec.width_bits // 8, spec.vector.lanes
        self.lanes_acc, self.serial = min(spec.vector.lanes, spec.array.cols), extra_cycles(spec) > 0
        super().__init__(
            {
                "i_command": In(signatures.command(spec, "vector")),
                "i_settled": In(signatures.vector_settled(spec)),
                "i_beat": In(signatures.flow(signatures.vector_beat(spec))),
                "i_data": In(spec.levels.vec.width_bits),
                "i_acc": In(signatures.sums_row(spec)),
                "o": Out(signatures.flow(signatures.vector_results(spec))),
            }
        )

    def elaborate(self, platform):
        m, c = Module(), self.i_command
        kinds = {fn: is_fn(self.spec, c, fn) for fn in ("softmax", "layernorm", "depthwise", "avgpool", "maxpool")}
        kinds |= {"table": has_table(self.spec, c), "relu": c.act == ACT.index("relu")}
        self.kinds = []  # one for each lane, from the command's second cycle on; nothing asks before its third
        for n in range(self.lanes):
            is_a = {name: Signal(name=f"copy_of_is_{name}_{n}") for name in kinds}
            m.d.sync += [is_a[name].eq(kind) for name, kind in kinds.items()]
            self.kinds.append(Kind(*is_a.values()))
        if self.serial:
            m.submodules.total = self.total = SerialTotal()
        self._align(m)
        self._parts(m)
        sources = [self._source(m, n) for n in range(self.lanes)]
        self._reduce(m, sources)
        parameters = self._parameters(m)
        self._shift(m)
        eight = [self._scaled(m, n, *self._operands(m, n, sources[n], parameters)) for n in range(self.lanes)]
        self._give(m, self._looked_up(m, eight))
        return m

    def _has(self, *functions: str) -> bool:
        return bool(set(functions) & set(self.spec.vector.functions))

    def _at(self, stage: Stage, cycles: int) -> Value:
        """Whether the beat of so many cycles ago was of a stage."""
        return self.valid[cycles] & (self.beats[cycles].stage == stage)

    def _align(self, m: Module) -> None:
        """`beats`, `valid`: of the beat 1, 2, ... cycles ago; `read`: what the beat 2, 3, 4 cycles ago reads; `acc`: 2, 3."""
        layout, acc = signatures.vector_beat(self.spec), 32 * self.lanes_acc
        self.beats, self.valid = [self.i_beat.payload], [self.i_beat.valid]
        for n in range(1, LATENCY):
            self.beats.append(Signal(layout, name=f"beat_{n}", reset_less=True))
            self.valid.append(Signal(name=f"valid_{n}"))
            if n == 7 and self.serial:
                self._hold(m)
            else:
                m.d.sync += [self.beats[n].eq(self.beats[n - 1]), self.valid[n].eq(self.valid[n - 1])]
        row = self.i_acc.as_value()
        self.read: dict[int, Value] = {1: self.i_data}
        self.acc: dict[int, Value] = {1: row >> (self.beats[1].e << 5) if self.spec.array.cols > self.lanes else row}
        for now, size, most in ((self.read, 8 * self.bytes, 4), (self.acc, acc, 3)):
            for n in range(2, most + 1):
                now[n] = Signal(size, name=f"{'read' if now is self.read else 'acc'}_{n}", reset_less=True)
                m.d.sync += now[n].eq(now[n - 1])

    def _hold(self, m: Module) -> None:
        """The beat of a chunk waits from the fifth cycle until its total is made."""
        held, total = Signal.like(self.beats[7], name="held"), self.total
        with m.If(total.i_start):
            m.d.sync += held.eq(self.beats[4])
        with m.If(total.o_last):
            m.d.sync += self.beats[7].eq(held)
        m.d.comb += total.i_start.eq(self.valid[4] & self.beats[4].writes)
        m.d.sync += self.valid[7].eq(total.o_last)

    def _parts(self, m: Module) -> None:
        """Stores that a command fills before its rows, and the unit that reduces."""
        write = {"k": self.beats[2].k, "data": self.read[2]}
        if signatures.table_bytes(self.spec):
            m.submodules.table = self.table = Table(self.spec)
            m.d.comb += [self.table.i_write.valid.eq(self._at(Stage.TABLE, 2)), self.table.i_words.eq(self.kinds[0].softmax)]
            m.d.comb += [self.table.i_write.payload[k].eq(v) for k, v in write.items()]
        if self._has("depthwise"):
            m.submodules.weights = self.weights = Weights(self.spec)
            self.weight, early = Signal(8 * self.bytes, reset_less=True), self.weights.i_write  # in the third cycle
            m.d.sync += self.weight.eq(self.weights.o)
            m.d.comb += [
                early.valid.eq(self._at(Stage.WEIGHT, 1)),
                early.payload.k.eq(self.beats[1].k),
                early.payload.data.eq(self.read[1]),
                self.weights.i_at.eq(self.beats[0].weight),
            ]
        if self._has("softmax", "layernorm"):
            self.by_length = [Signal(name=f"copy_of_by_length_{n}") for n in range(self.lanes)]  # in the third cycle
            m.d.sync += [x.eq(self.kinds[0].norm & self.beats[1].final) for x in self.by_length]
            m.submodules.sums = self.sums = Sums(self.spec)
            m.d.comb += [
                self.sums.i_command.eq(self.i_command),
                self.sums.i_row_top.eq(self.beats[2].row),
                self.sums.i_row_sum.eq(self.beats[3].row),
                self.sums.i_row_inverse.eq(self.beats[4].row),
            ]

    def _source(self, m: Module, n: int) -> dict[str, Value]:
        """Of lane n, registers. In the third cycle: `element`, `live` (in the row, and not masked); in the fourth: `source`, what bias and
        scale or the inverse is for, and `beside`, the element again, 0 if not live."""
        c, its, beat, byte = self.i_command, self.kinds[n], self.beats[2], slice(8 * n, 8 * n + 8)
        here = Signal(signed(8), name=f"here_{n}", reset_less=True)  # in the third cycle
        element, product = Signal(signed(8), name=f"element_{n}", reset_less=True), Signal(signed(26), name=f"square_{n}", reset_less=True)
        live = Signal(name=f"live_{n}", reset_less=True)
        source, beside = Signal(signed(32), name=f"source_{n}", reset_less=True), Signal(signed(8), name=f"beside_{n}", reset_less=True)
        masked, was_masked = Signal(name=f"masked_{n}"), Signal(name=f"was_masked_{n}")
        m.d.comb += masked.eq(Mux(self._at(Stage.B, 2), self.read[2][byte] != 0, was_masked) & its.softmax & c.has_b)
        m.d.sync += was_masked.eq(masked)
        with m.If(self._at(Stage.A, 1)):
            m.d.sync += here.eq(self.read[1][byte])
        m.d.sync += [element.eq(here), live.eq((beat.e + n < c.len) & ~masked)]
        window = self._window(m, n, Mux(its.depthwise, product, element))
        out = Mux(c.from_vec, window, self.acc[3][32 * n : 32 * n + 32].as_signed() if n < self.lanes_acc else 0)
        if self._has("depthwise", "layernorm"):
            factor = here if self._has("layernorm") else Const(0)
            factor = Mux(self.by_length[n], c.len, factor) if self._has("layernorm") else factor
            factor = Mux(its.depthwise, self.weight[byte].as_signed(), factor) if self._has("depthwise") else factor
            m.d.sync += product.eq(here * factor)
        if self._has("layernorm"):
            out = Mux(its.norm, Mux(self.beats[3].final, product - self.sums.o_sum, Mux(live, product, 0)), out)
        if self._has("softmax"):
            m.d.comb += self.table.i_index[n].eq(Mux(its.softmax, self.sums.o_top - here, 0))
            out = Mux(its.softmax, Mux(live, self.table.o_word[n].as_signed(), 0), out)
        m.d.sync += [source.eq(out), beside.eq(Mux(live, element, 0))]
        return {"element": element, "live": live, "source": source, "beside": beside}

    def _window(self, m: Module, n: int, new: Value) -> Value:
        """The element (times its weight), or the largest or the sum of its window so far."""
        if not self._has(*signatures.WINDOWED):
            return new
        kept, here = Signal(signed(24), name=f"window_kept_{n}", reset_less=True), Signal(signed(24), name=f"window_{n}")
        joined = Mux(self.kinds[n].largest, Mux(new > kept, new, kept), kept + new)
        m.d.comb += here.eq(kept)
        with m.If(self._at(Stage.A, 3)):
            m.d.comb += here.eq(Mux(self.beats[3].first, new, joined))
        m.d.sync += kept.eq(here)
        return here

    def _reduce(self, m: Module, sources: list[dict[str, Value]]) -> None:
        if not self._has("softmax", "layernorm"):
            return
        largest, terms = self.sums.i_largest, self.sums.i_terms
        for flow, cycles, passed in ((largest, 3, 0), (terms, 4, self.i_settled.passes - 1)):
            beat, which = self.beats[cycles], flow.payload.part
            there = self.valid[cycles] & beat.ends & ~beat.final & (beat.passed == passed)
            m.d.comb += [flow.valid.eq(there), which.row.eq(beat.row), which.first.eq(beat.e == 0), which.last.eq(beat.last)]
        for n, x in enumerate(sources):
            m.d.comb += [
                largest.payload.elements[n].eq(Mux(x["live"], x["element"], LOWEST)),
                terms.payload.terms[n].eq(x["source"]),
                terms.payload.elements[n].eq(x["beside"]),
            ]

    def _parameters(self, m: Module) -> dict[str, Signal]:
        """b, bias and scale of the chunk, in the fourth cycle."""
        out = {}
        for name, stage in (("b", Stage.B), ("bias", Stage.BIAS), ("scale", Stage.SCALE)):
            parts = 1 if name == "b" else signatures.param_beats(self.spec)
            kept = Signal(parts * 8 * self.bytes, name=f"{name}_kept", reset_less=True)
            here = Signal.like(kept, name=f"{name}_here", reset_less=False)
            m.d.comb += here.eq(kept)
            with m.If(self._at(stage, 4)):
                part = here.word_select(self.beats[4].k[: max(1, (parts - 1).bit_length())], 8 * self.bytes) if parts > 1 else here
                m.d.comb += part.eq(self.read[4])
            m.d.sync += kept.eq(here)
            out[name] = here
        return out

    def _operands(self, m: Module, n: int, source: dict[str, Value], parameters: dict[str, Signal]) -> tuple[Signal, ...]:
        """Of lane n, registers in the fifth cycle, or, of a serial total, what it takes at its start: the total will be biased*multiplier +
        b*factor."""
        c, its, word, byte = self.i_command, self.kinds[n], slice(32 * n, 32 * n + 32), slice(8 * n, 8 * n + 8)
        bits = OUT_BITS if self._has("softmax", "layernorm") else 32
        bias, scale = parameters["bias"][word].as_signed(), parameters["scale"][word].as_signed()
        shapes = {"biased": signed(32), "multiplier": signed(bits), "b": signed(8), "factor": signed(32)}
        biased, multiplier, b, factor = (Signal(shape, name=f"{x}_{n}", reset_less=True) for x, shape in shapes.items())
        first, domain = its.norm & self._at(Stage.A, 4), m.d.comb if self.serial else m.d.sync
        domain += [
            biased.eq(source["source"] + Mux(c.has_bias & ~its.norm, bias, 0)),
            multiplier.eq(Mux(c.has_scale, scale, Mux(its.average, c.imm.as_signed(), 1))),
            b.eq(Mux(c.has_b & ~its.softmax, parameters["b"][byte].as_signed(), 0)),
            factor.eq(Mux(its.norm, bias, c.imm.as_signed())),
        ]
        if self._has("softmax", "layernorm"):
            with m.If(its.softmax | first):
                m.d.sync += multiplier.eq(self.sums.o_inverse)
        if self._has("layernorm"):
            self.z = getattr(self, "z", []) + [z := Signal(signed(Z_BITS), name=f"z_{n}", reset_less=True)]
            with m.If(its.norm & ~first):
                m.d.sync += [biased.eq(z), b.eq(c.has_bias)]
        return biased, multiplier, b, factor

    def _shift(self, m: Module) -> None:
        """Of the total, in the eighth cycle; a register for each lane, since each of its bits moves a whole total."""
        self.shifts = [Signal(6, name=f"copy_of_shift_{n}", reset_less=True) for n in range(self.lanes)]
        z = self.kinds[0].norm & self._at(Stage.A, 6)
        wanted = Mux(self.kinds[0].largest, 0, Mux(z, NORM_Z_SHIFT, self.i_command.shift))
        m.d.sync += [shift.eq(Mux(self.kinds[0].softmax, SOFTMAX_BITS, wanted)) for shift in self.shifts]

    def _scaled(self, m: Module, n: int, biased: Signal, multiplier: Signal, b: Signal, factor: Signal) -> Signal:
        """sat8 of the total / 2**shift, ties to even, then relu: in the ninth cycle."""
        total, its = Signal(signed(TOTAL_BITS), name=f"total_{n}", reset_less=True), self.kinds[n]
        bits = Z_BITS if self._has("layernorm") else 9
        floor = Signal(signed(bits), name=f"floor_{n}", reset_less=True)
        half, rest, fits, negative = (Signal(name=f"{x}_{n}", reset_less=True) for x in ("half", "rest", "fits", "negative"))
        rounded, eight = Signal(signed(bits), name=f"rounded_{n}"), Signal(signed(8), name=f"eight_{n}")
        shifted, lost, beyond = self._shifted(m, n, total, bits)
        m.d.comb += [
            rounded.eq(to_even(floor, half, rest)),
            eight.eq(
                Mux(
                    fits,
                    Mux(rounded[8] & its.relu, 0, Mux(~rounded[8] & rounded[7], 127, rounded[:8])),
                    Mux(negative, Mux(its.relu, 0, LOWEST), 127),
                )
            ),
        ]
        if self.serial:
            serial = self.total
            m.d.comb += [serial.i_biased.eq(biased), serial.i_multiplier.eq(multiplier), serial.i_b.eq(b), serial.i_factor.eq(factor)]
            m.d.comb += total.eq(serial.o)
        else:
            product, added = split_product(m, f"product_{n}", biased, multiplier), split_product(m, f"added_{n}", factor, b)
            m.d.sync += total.eq(product + added)
        m.d.sync += [
            Cat(half, floor).eq(shifted),
            fits.eq(~beyond & (shifted[8:] == total[-1].replicate(bits - 7))),
            negative.eq(total[-1]),
            rest.eq(lost),
        ]
        if self._has("layernorm"):
            with m.If(self._at(Stage.A, 8)):
                m.d.sync += self.z[n].eq(rounded)
        return eight

    def _shifted(self, m: Module, n: int, total: Signal, bits: int) -> tuple[Value, Value, Value]:
        """2*total / 2**shift: the low `bits` + 1; whether any bit below them was 1; whether one above them is not the sign. A step keeps no
        more than those behind it can bring down."""
        value, lost, beyond, shift = Cat(Const(0, 1), total), list[Value](), list[Value](), self.shifts[n]
        for k in reversed(range(len(shift))):
            step, most = 1 << k, bits + (1 << k)
            moved = Signal(len(value), name=f"moved_{n}_{k}")
            m.d.comb += moved.eq(Mux(shift[k], Cat(value[step:], total[-1].replicate(min(step, len(value)))), value))
            lost.append(shift[k] & value[:step].any())
            beyond.append(moved[most:] != total[-1].replicate(max(0, len(value) - most)))
            value = moved[:most]
        return value, Cat(lost).any(), Cat(beyond).any()

    def _looked_up(self, m: Module, eight: list[Signal]) -> list[Value]:
        """Of elements j, j + 1, ... of the chunk, in the tenth cycle. gelu and silu: the result chooses a byte of the table."""
        chosen = [Signal(signed(8), name=f"chosen_{n}") for n in range(self.lanes)]
        kept = [Signal(signed(8), name=f"kept_eight_{n}", reset_less=True) for n in range(self.lanes)]
        m.d.comb += Cat(chosen).eq(Cat(eight) >> (self.beats[8].j << 3))
        m.d.sync += [k.eq(x) for k, x in zip(kept, chosen, strict=True)]
        if not self._has("gelu", "silu"):
            return list(kept)
        with m.If(~self.kinds[0].softmax):
            m.d.comb += [self.table.i_index[n].eq(x ^ 0x80) for n, x in enumerate(chosen)]
        return [Mux(self.kinds[n].table, self.table.o_byte[n], k) for n, k in enumerate(kept)]

    def _mask(self, m: Module) -> Value:
        """Of the elements that the beat of nine cycles ago writes; known two cycles after it."""
        beat, fixed, many = self.beats[1], self.i_settled, signatures.scattered(self.spec)
        if self.lanes == 1:
            return Const(1, 1)
        places = [beat.j + t for t in range(many)]
        mask = Cat((t < (1 << fixed.step)) & (at < fixed.lanes) & (beat.e + at < self.i_command.len) for t, at in enumerate(places))
        for n in range(2, LATENCY):
            later = Signal(many, name=f"mask_{n}", reset_less=True)
            m.d.sync += later.eq(mask)
            mask = later
        return mask

    def _give(self, m: Module, results: list[Value]) -> None:
        """As many as are written together, are of the row and are left in the chunk."""
        beat, layout = self.beats[LATENCY - 1], signatures.vector_results(self.spec)
        given, valid = Signal(layout), Signal()
        m.d.comb += [
            valid.eq(self.valid[LATENCY - 1] & beat.writes),
            given.out.eq(beat.out),
            given.bank.eq(beat.bank),
            given.mask.eq(self._mask(m)),
            given.elements.eq(Cat(r[:8] for r in results)),
        ]
        for n in range(self.spec.vector.latency_cycles - LATENCY - extra_cycles(self.spec)):
            before, given = (given, valid), Signal(layout, name=f"given_{n}", reset_less=True)
            valid = Signal(name=f"given_valid_{n}")
            m.d.sync += [given.eq(before[0]), valid.eq(before[1])]
        m.d.comb += [self.o.payload.eq(given), self.o.valid.eq(valid)]

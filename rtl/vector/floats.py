"""Lanes of FP16 machines: FP32 inside, one rounding at the end. Arithmetic: hwsim/spec/numerics/float32.py.

A beat of cycle t has its operands together in t + OPERANDS. From there on every lane is a pipeline whose additions and multiplications
take as many cycles as `latency_cycles` has room for; map, activations, softmax and layer norm go through the same ones:

    u = a + first     v = u * second     y = v + third     line = base + slope*f     t = y * line     e = exp(-t)     y / (1 + e)

Absent operands are -0 and 1, which change nothing.
"""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import ACT
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.floats import functions
from rtl.floats.flow import Flow, Timed
from rtl.floats.functions import word
from rtl.floats.units import Add, Narrow, Product
from rtl.floats.words import FP16, FP32, MINUS_ZERO, ONE, greater, is_nan, widened
from rtl.signatures import Stage
from rtl.vector.float_plan import OPERANDS, Plan, operation_cycles
from rtl.vector.float_sums import FloatSums
from rtl.vector.settled import is_fn
from rtl.vector.weights import Weights


@dataclass(frozen=True)
class Lane:
    """What one lane makes of a beat."""

    v: Timed
    y: Timed
    e: Timed | None
    out: Timed


class FloatLanes(wiring.Component):
    """Ports as those of IntegerLanes."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.bytes, self.lanes = spec, spec.levels.vec.width_bits // 8, spec.vector.lanes
        self.lanes_acc = min(spec.vector.lanes, spec.array.cols)
        self.plan, self.operation = Plan.of(spec), operation_cycles(spec)
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
        m = Module()
        self.softmax, self.norm, self.depthwise, self.average, self.largest = (
            is_fn(self.spec, self.i_command, fn) for fn in ("softmax", "layernorm", "depthwise", "avgpool", "maxpool")
        )
        self._align(m)
        if "depthwise" in self.spec.vector.functions:
            self._weights(m)
        kept = {n: self._kept(m, n, s, size) for n, s, size in (("b", Stage.B, 16), ("bias", Stage.BIAS, 32), ("scale", Stage.SCALE, 32))}
        self.flow = Flow(m, self.operation)
        self.sums = FloatSums(m, self.spec, self.operation, self.i_command, self.norm, self.beats, self.valid)
        lanes = []
        for n in range(self.lanes):
            a, bias, scale = self._source(m, n), kept["bias"].word_select(n, 32), kept["scale"].word_select(n, 32)
            b = widened(m, f"b_{n}", kept["b"].word_select(n, 16))
            lanes.append(self._lane(*(Timed(x, OPERANDS) for x in (a, bias, scale, b))))
        if self.plan.softmax:
            self.sums.largest([x.y for x in lanes])
        if self.plan.softmax or self.plan.layernorm:
            self.sums.sum([x.v for x in lanes if self.plan.layernorm], [x.e for x in lanes if self.plan.softmax and x.e])
        self._give(m, [self._narrowed(m, x.out) for x in lanes])
        return m

    def _act(self, *names: str) -> Value:
        return Cat(self.i_command.act == ACT.index(name) for name in names).any()

    def _align(self, m: Module) -> None:
        """`beats`, `valid`: of the beat 1, 2, ... cycles ago; `read`, `totals`: what the beat OPERANDS cycles ago reads."""
        layout = signatures.vector_beat(self.spec)
        self.beats, self.valid = [self.i_beat.payload], [self.i_beat.valid]
        for n in range(1, self.spec.vector.latency_cycles):
            self.beats.append(Signal(layout, name=f"beat_{n}"))
            self.valid.append(Signal(name=f"valid_{n}"))
            m.d.sync += [self.beats[n].eq(self.beats[n - 1]), self.valid[n].eq(self.valid[n - 1])]
        self.read, self.totals = Signal(8 * self.bytes), Signal(FP32.bits * self.lanes_acc)
        row = self.i_acc.as_value()
        chunk = (self.beats[1].e << 5) if self.spec.array.cols > self.lanes else 0
        m.d.sync += [self.read.eq(self.i_data), self.totals.eq(row >> chunk)]

    def _kept(self, m: Module, name: str, stage: Stage, bits: int) -> Signal:
        """What the lanes have read of an operand, this beat's part included."""
        beat, width = self.beats[OPERANDS], 8 * self.bytes
        parts = -(-bits * self.lanes // width)
        kept, here = Signal(parts * width, name=f"{name}_kept"), Signal(parts * width, name=f"{name}_here")
        m.d.comb += here.eq(kept)
        with m.If(self.valid[OPERANDS] & (beat.stage == stage)):
            m.d.comb += here.word_select(beat.k[: max(1, (parts - 1).bit_length())], width).eq(self.read)
        m.d.sync += kept.eq(here)
        return here

    def _source(self, m: Module, n: int) -> Signal:
        """Of lane n in FP32: the sum from level acc, the element, or the largest or the sum of its window so far."""
        beat, new = self.beats[OPERANDS], widened(m, f"new_{n}", self.read.word_select(n, FP16.bits))
        kept, here, out = (Signal(FP32.bits, name=f"{x}_{n}") for x in ("a_kept", "a_here", "a"))
        has, joined = self.spec.vector.functions, new
        if "maxpool" in has:
            larger = greater(m, f"larger_{n}", new, kept) | is_nan(new)
            joined = Mux(beat.first | ~self.largest | larger, new, kept)
        if {"avgpool", "depthwise"} & set(has):
            m.submodules[f"window_{n}"] = window = Add(0)
            term = Mux(self.depthwise, self._weighted(m, n), new) if "depthwise" in has else new
            m.d.comb += [window.i_a.eq(Mux(beat.first, 0, kept)), window.i_b.eq(term)]
            joined = Mux(self.average | self.depthwise, window.o, joined)
        m.d.comb += here.eq(Mux(self.valid[OPERANDS] & (beat.stage == Stage.A), joined, kept))
        m.d.sync += kept.eq(here)
        total = self.totals.word_select(n, FP32.bits) if n < self.lanes_acc else Const(0, FP32.bits)
        m.d.comb += out.eq(Mux(self.i_command.from_vec, here, total))
        return out

    def _weighted(self, m: Module, n: int) -> Value:
        """The element times its weight."""
        m.submodules[f"weighted_{n}"] = product = Product(0)
        m.d.comb += [product.i_a.eq(self.read.word_select(n, FP16.bits)), product.i_b.eq(self.weights.word_select(n, FP16.bits))]
        return product.o

    def _weights(self, m: Module) -> None:
        """`weights`: of the tap that the beat OPERANDS cycles ago reads."""
        m.submodules.weights = store = Weights(self.spec)
        beat, self.weights = self.beats[OPERANDS], store.o
        m.d.comb += [
            store.i_write.valid.eq(self.valid[OPERANDS] & (beat.stage == Stage.WEIGHT)),
            store.i_write.payload.k.eq(beat.k),
            store.i_write.payload.data.eq(self.read),
            store.i_at.eq(self.beats[OPERANDS - 1].weight),
        ]

    def _lane(self, a: Timed, bias: Timed, scale: Timed, b: Timed) -> Lane:
        """From the operands to y, and what follows from it. `sums` gives what the passes before have found."""
        c, flow, sums, beats = self.i_command, self.flow, self.sums, self.beats
        biased, added = c.has_bias & ~self.norm, c.has_b & self.softmax
        first = flow.logic("first", lambda x, y: Mux(added, y, Mux(biased, x, MINUS_ZERO)), bias, b)
        if self.plan.layernorm:
            first = flow.logic("first", lambda x, s: Mux(self.norm & (beats[OPERANDS].passed != 0), s, x), first, sums.shift_at(OPERANDS))
        u = flow.add(a, first)
        second = flow.logic("second", lambda x: Mux(c.has_scale & ~self.norm, x, Mux(self.average, c.imm[: FP32.bits], ONE)), scale)
        if self.plan.layernorm:
            which = beats[u.at].passed
            scaled = flow.logic("scaled", lambda x, s: Mux(which == 1, x, Mux(which == 2, s, ONE)), u, sums.scale_at(u.at))
            second = flow.logic("second", lambda x, s: Mux(self.norm, s, x), second, scaled)
        v = flow.multiply(u, second)
        third = flow.logic("third", lambda x: Mux(c.has_b & ~self.softmax, x, MINUS_ZERO), b)
        if self.plan.softmax:
            third = flow.logic("third", lambda x, s: Mux(self.softmax & (beats[v.at].passed != 0), s, x), third, sums.shift_at(v.at))
        y = flow.add(v, third)
        return Lane(v, y, *self._curve(y, bias, scale))

    def _curve(self, y: Timed, beta: Timed, gamma: Timed) -> tuple[Timed | None, Timed]:
        """exp of softmax's y, if there is one, and the result: y, y of a layer norm scaled again, gelu and silu, or softmax."""
        flow, c, e = self.flow, self.i_command, None
        out = flow.logic("plain", lambda v: self._clipped(v), y)
        safe, base, slope, f = functions.gelu_line(flow, y) if self.plan.gelu else (y, word(0), word(0), y)
        t, near = y, safe
        if self.plan.line:
            base = flow.logic("base", lambda x, v: Mux(self.norm, Mux(c.has_bias, v, MINUS_ZERO), x), base, beta)
            slope = flow.logic("slope", lambda x, v: Mux(self.norm, Mux(c.has_scale, v, ONE), x), slope, gamma)
            line = functions.on_line(flow, base, slope, flow.logic("f", lambda x, v: Mux(self.norm, v, x), f, y))
            out = flow.logic("out", lambda x, v: Mux(self.norm, x, v), line, out)
        if self.plan.gelu:
            t = flow.logic("t", lambda x, v: Mux(self._act("gelu"), x, v), flow.multiply(safe, line), y)
            near = flow.logic("near", lambda x, v: Mux(self._act("gelu"), x, v), safe, y)
        if self.plan.exp:
            e = functions.exp(flow, flow.logic("power", lambda x, v: Mux(self.softmax, v, x ^ MINUS_ZERO), t, y))
            q = self._last_product(near, e)
            out = flow.logic("out", lambda x, v: Mux(self.softmax, x, v), q, out)
            for name, ends in (("gelu", functions.gelu_ends), ("silu", functions.silu_ends)):
                if getattr(self.plan, name):
                    out = flow.logic("out", lambda x, v, name=name: Mux(self._act(name), x, v), ends(flow, y, q), out)
        return e, out

    def _last_product(self, x: Timed, e: Timed) -> Timed:
        """x / (1 + e), or e times the scale of the row."""
        flow = self.flow
        inverse = functions.sigmoid(flow, e) if self.plan.sigmoid else e
        if self.plan.softmax:
            inverse = flow.logic("inverse", lambda v, s: Mux(self.softmax, s, v), inverse, self.sums.scale_at(inverse.at))
            x = flow.logic("factor", lambda a, b: Mux(self.softmax, a, b), e, x)
        return flow.multiply(x, inverse)

    def _clipped(self, y: Value) -> Value:
        """relu and clip."""
        m, name, top = self.flow.m, self.flow.fresh("clip"), self.i_command.imm[: FP32.bits]
        kept = Mux(greater(m, f"{name}_positive", y, Const(0, FP32.bits)), y, Mux(is_nan(y), FP32.nan, 0))[: FP32.bits]
        over = greater(m, f"{name}_over", kept, top) & self._act("clip")
        return Mux(self._act("relu", "clip"), Mux(over, top, kept), y)

    def _narrowed(self, m: Module, x: Timed) -> Value:
        """In FP16, in the last cycle before the queue."""
        flow = self.flow
        name, last = flow.fresh("narrow"), self.spec.vector.latency_cycles - 1
        registers = min(Narrow.CUTS, last - x.at)
        m.submodules[name] = narrow = Narrow(registers)
        m.d.comb += narrow.i.eq(flow.later(x, last - registers).value)
        return narrow.o

    def _give(self, m: Module, results: list[Value]) -> None:
        """Elements j, j + 1, ... of the chunk, as many as are written together, are of the row and are left in the chunk."""
        c, last = self.i_command, self.spec.vector.latency_cycles - 1
        beat, given, together = self.beats[last], self.o.payload, 1 << self.i_settled.step
        lanes, elements = Mux(c.from_vec, self.lanes, self.lanes_acc), signatures.scattered(self.spec)
        m.d.comb += [
            self.o.valid.eq(self.valid[last] & beat.writes),
            given.out.eq(beat.out),
            given.bank.eq(beat.bank),
            given.mask.eq(Cat((t < together) & (beat.j + t < lanes) & (beat.e + beat.j + t < c.len) for t in range(elements))),
            given.elements.eq(Cat(*results) >> (beat.j << 4)),
        ]

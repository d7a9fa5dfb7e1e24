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

from hwsim.spec.commands import ACT, FN
from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.floats import functions
from rtl.floats.flow import Flow, Timed
from rtl.floats.units import Add, Narrow
from rtl.floats.words import FP16, FP32, MINUS_ZERO, ONE, greater, is_nan, widened
from rtl.signatures import Stage

OPERANDS = 2  # cycles from a beat to its operands


@dataclass(frozen=True)
class Plan:
    """Which parts of the lanes a set of functions needs."""

    gelu: bool
    silu: bool

    @classmethod
    def of(cls, spec: AcceleratorSpec) -> "Plan":
        return cls(**{name: name in spec.vector.functions for name in ("gelu", "silu")})

    @property
    def sigmoid(self) -> bool:
        return self.gelu or self.silu

    @property
    def operations(self) -> int:
        """Additions and multiplications on the longest way, one behind the other."""
        return 3 + 3 * self.gelu + 7 * self.sigmoid


def operation_cycles(spec: AcceleratorSpec) -> int:
    """As many as fit: the results of a beat are in the queue `latency_cycles` later."""
    needs, latency = Plan.of(spec).operations, spec.vector.latency_cycles
    if latency < OPERANDS + needs + 1:
        raise SpecError(f"vector.latency_cycles: {latency} has no gates; use {OPERANDS + needs + 1} or more")
    return (latency - 1 - OPERANDS) // needs


class FloatLanes(wiring.Component):
    """Ports as those of IntegerLanes."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.bytes, self.lanes = spec, spec.levels.vec.width_bits // 8, spec.vector.lanes
        self.lanes_acc = min(spec.vector.lanes, spec.array.cols)
        self.plan, self.operation = Plan.of(spec), operation_cycles(spec)
        super().__init__(
            {
                "i_command": In(signatures.command("vector")),
                "i_settled": In(signatures.vector_settled(spec)),
                "i_beat": In(signatures.flow(signatures.vector_beat(spec))),
                "i_data": In(spec.levels.vec.width_bits),
                "i_acc": In(signatures.sums_row(spec)),
                "o": Out(signatures.flow(signatures.vector_results(spec))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._align(m)
        kept = {n: self._kept(m, n, s, size) for n, s, size in (("b", Stage.B, 16), ("bias", Stage.BIAS, 32), ("scale", Stage.SCALE, 32))}
        flow, results = Flow(m, self.operation), []
        for n in range(self.lanes):
            a, bias, scale = self._source(m, n), kept["bias"].word_select(n, 32), kept["scale"].word_select(n, 32)
            b = widened(m, f"b_{n}", kept["b"].word_select(n, 16))
            results.append(self._lane(flow, *(Timed(x, OPERANDS) for x in (a, bias, scale, b))))
        self._give(m, [self._narrowed(m, flow, x) for x in results])
        return m

    def _fn(self, *names: str) -> Value:
        return Cat(self.i_command.fn == FN.index(name) for name in names).any()

    def _act(self, *names: str) -> Value:
        return Cat(self.i_command.act == ACT.index(name) for name in names).any()

    def _align(self, m: Module) -> None:
        """`beats`, `valid`: of the beat 1, 2, ... cycles ago; `read`, `sums`: what the beat OPERANDS cycles ago reads."""
        layout = signatures.vector_beat(self.spec)
        self.beats, self.valid = [self.i_beat.payload], [self.i_beat.valid]
        for n in range(1, self.spec.vector.latency_cycles):
            self.beats.append(Signal(layout, name=f"beat_{n}"))
            self.valid.append(Signal(name=f"valid_{n}"))
            m.d.sync += [self.beats[n].eq(self.beats[n - 1]), self.valid[n].eq(self.valid[n - 1])]
        self.read, self.sums = Signal(8 * self.bytes), Signal(FP32.bits * self.lanes_acc)
        row = self.i_acc.as_value()
        chunk = (self.beats[1].e << 5) if self.spec.array.cols > self.lanes else 0
        m.d.sync += [self.read.eq(self.i_data), self.sums.eq(row >> chunk)]

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
        m.submodules[f"window_{n}"] = window = Add(0)
        largest = Mux(greater(m, f"larger_{n}", new, kept) | is_nan(new), new, kept)
        m.d.comb += [window.i_a.eq(Mux(beat.first, 0, kept)), window.i_b.eq(new), here.eq(kept)]
        with m.If(self.valid[OPERANDS] & (beat.stage == Stage.A)):
            m.d.comb += here.eq(Mux(self._fn("avgpool"), window.o, Mux(beat.first | ~self._fn("maxpool"), new, largest)))
        m.d.sync += kept.eq(here)
        total = self.sums.word_select(n, FP32.bits) if n < self.lanes_acc else Const(0, FP32.bits)
        m.d.comb += out.eq(Mux(self.i_command.from_vec, here, total))
        return out

    def _lane(self, flow: Flow, a: Timed, bias: Timed, scale: Timed, b: Timed) -> Timed:
        c = self.i_command
        first = flow.logic("first", lambda x: Mux(c.has_bias, x, MINUS_ZERO), bias)
        second = flow.logic("second", lambda x: Mux(c.has_scale, x, Mux(self._fn("avgpool"), c.imm[: FP32.bits], ONE)), scale)
        third = flow.logic("third", lambda x: Mux(c.has_b, x, MINUS_ZERO), b)
        y = flow.add(flow.multiply(flow.add(a, first), second), third)
        plain = flow.logic("plain", lambda v: self._clipped(flow, v), y)
        return self._curved(flow, y, plain) if self.plan.sigmoid else plain

    def _clipped(self, flow: Flow, y: Value) -> Value:
        """relu and clip."""
        name, top = flow.fresh("clip"), self.i_command.imm[: FP32.bits]
        kept = Mux(greater(flow.m, f"{name}_positive", y, Const(0, FP32.bits)), y, Mux(is_nan(y), FP32.nan, 0))
        over = greater(flow.m, f"{name}_over", kept[: FP32.bits], top) & self._act("clip")
        return Mux(self._act("relu", "clip"), Mux(over, top, kept), y)

    def _curved(self, flow: Flow, y: Timed, plain: Timed) -> Timed:
        """gelu and silu; `plain` for other activations."""
        safe, t = y, y
        if self.plan.gelu:
            near, base, slope, f = functions.gelu_line(flow, y)
            bent = flow.multiply(near, functions.on_line(flow, base, slope, f))
            t = flow.logic("t", lambda x, v: Mux(self._act("gelu"), x, v), bent, y)
            safe = flow.logic("safe", lambda x, v: Mux(self._act("gelu"), x, v), near, y)
        q = flow.multiply(safe, functions.sigmoid(flow, functions.exp(flow, functions.negative(flow, t))))
        out = plain
        for name, ends in (("gelu", functions.gelu_ends), ("silu", functions.silu_ends)):
            if getattr(self.plan, name):
                out = flow.logic("curved", lambda x, v, name=name: Mux(self._act(name), x, v), ends(flow, y, q), out)
        return out

    def _narrowed(self, m: Module, flow: Flow, x: Timed) -> Value:
        """In FP16, in the last cycle before the queue."""
        name, last = flow.fresh("narrow"), self.spec.vector.latency_cycles - 1
        registers = min(Narrow.CUTS, last - x.at)
        m.submodules[name] = narrow = Narrow(registers)
        m.d.comb += narrow.i.eq(flow.later(x, last - registers).value)
        return narrow.o

    def _give(self, m: Module, results: list[Value]) -> None:
        """Elements j, j + 1, ... of the chunk, as many as are written together, are of the row and are left in the chunk."""
        c, last = self.i_command, self.spec.vector.latency_cycles - 1
        beat, given = self.beats[last], self.o.payload
        lanes, elements = Mux(c.from_vec, self.lanes, self.lanes_acc), signatures.scattered(self.spec)
        together = 1 << self.i_settled.step
        m.d.comb += [
            self.o.valid.eq(self.valid[last] & beat.writes),
            given.out.eq(beat.out),
            given.bank.eq(beat.bank),
            given.mask.eq(Cat((t < together) & (beat.j + t < lanes) & (beat.e + beat.j + t < c.len) for t in range(elements))),
            given.elements.eq(Cat(*results) >> (beat.j << 4)),
        ]

"""What softmax and layer norm of FP16 machines reduce a row to: by what its elements are shifted, and by what they are scaled.

Sums go lane by lane, then through a tree of neighbours (`lane_sum` of hwsim/spec/numerics/float32.py); each row in flight has its own
registers.
"""

from typing import Any

from amaranth.hdl import Array as Select
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from hwsim.spec.machine import AcceleratorSpec
from rtl.floats import functions
from rtl.floats.flow import Flow, Timed
from rtl.floats.units import Add
from rtl.floats.words import FP32, INF, MINUS_ZERO, leading_zeros, wire


class FloatSums:
    """`shift`: minus the largest (softmax), minus the mean (layernorm). `scale`: 1 / sum of e, 1 / deviation. One register a row in flight.

    `beats`, `valid`: of the beat 0, 1, ... cycles ago. `norm`: the command is a layernorm, else a softmax.
    """

    def __init__(self, m: Module, spec: AcceleratorSpec, operation: int, command, norm: Value, beats: list[Any], valid: list[Value]):
        self.m, self.spec, self.operation, self.c, self.norm = m, spec, operation, command, norm
        self.beats, self.valid = beats, valid
        self.lanes = Mux(command.from_vec, spec.vector.lanes, min(spec.vector.lanes, spec.array.cols))
        rows = range(spec.vector.rows_in_flight)
        self.shift, self.scale = ([Signal(FP32.bits, name=f"{name}_{r}") for r in rows] for name in ("shift", "scale"))

    def shift_at(self, at: int) -> Timed:
        """Of the row of the beat `at` cycles ago."""
        return Timed(Select(self.shift)[self.beats[at].row], at)

    def scale_at(self, at: int) -> Timed:
        return Timed(Select(self.scale)[self.beats[at].row], at)

    def _live(self, n: int, beat) -> Value:
        return (n < self.lanes) & (beat.e + n < self.c.len)

    def _store(self, registers: list[Signal], when: Value, row: Value, value: Value) -> None:
        with self.m.If(when), self.m.Switch(row):
            for r, register in enumerate(registers):
                with self.m.Case(r):
                    self.m.d.sync += register.eq(value)

    def largest(self, elements: list[Timed]) -> None:
        """Of softmax's first pass: a tree with a register behind each level, then chunk by chunk."""
        m, at = self.m, elements[0].at
        values = [Mux(self._live(n, self.beats[at]), x.value, MINUS_ZERO | INF) for n, x in enumerate(elements)]
        flow = Flow(m, 0, "largest_")
        front = [Timed(wire(m, f"candidate_{n}", v), at) for n, v in enumerate(values)]
        while len(front) > 1:
            pairs = [functions.larger(flow, a, b) for a, b in zip(front[::2], front[1::2], strict=False)]
            front = [flow.later(x, at + 1) for x in pairs + front[2 * len(pairs) :]]
            at += 1
        beat, kept = self.beats[at], Signal(FP32.bits, name="largest_kept")
        here = functions.larger(flow, Timed(Mux(beat.e == 0, MINUS_ZERO | INF, kept), at), front[0]).value
        found = self.valid[at] & beat.ends & ~beat.final & (beat.passed == 0) & ~self.norm
        with m.If(found):
            m.d.sync += kept.eq(here)
        self._store(self.shift, found & beat.last, beat.row, here ^ MINUS_ZERO)

    def sum(self, squares: list[Timed], exponentials: list[Timed]) -> None:
        """Of a pass that sums: the lanes' sums, then all that follows from them."""
        m, taps = self.m, [x for x in (squares, exponentials) if x]
        at = [x[0].at for x in taps]

        def pick(values: list[Any]) -> Value:
            return Mux(self.norm, values[0], values[-1])

        beat, valid = Signal(self.beats[0].shape(), name="summed"), Signal(name="summed_valid")
        adds = valid & beat.ends & ~beat.final & (self.norm | (beat.passed == 1))
        m.d.comb += [beat.eq(pick([self.beats[t].as_value() for t in at])), valid.eq(pick([self.valid[t] for t in at]))]
        lanes = []
        for n in range(self.spec.vector.lanes):
            total = Signal(FP32.bits, name=f"lane_sum_{n}")
            m.submodules[f"lane_sum_{n}_adder"] = adder = Add(0)
            term = Mux(self._live(n, beat), pick([x[n].value for x in taps]), 0)
            m.d.comb += [adder.i_a.eq(Mux(beat.e == 0, 0, total)), adder.i_b.eq(term)]
            with m.If(adds):
                m.d.sync += total.eq(adder.o)
            lanes.append(Timed(total, 0))
        there = Signal(2 + len(beat.row), name="summed_row")
        m.d.sync += there.eq(Cat(adds & beat.last, beat.passed == 0, beat.row))
        self._finish(lanes, Timed(there, 0))

    def _finish(self, lanes: list[Timed], there: Timed) -> None:
        flow, c, plan_norm = Flow(self.m, self.operation, "sums_"), self.c, "layernorm" in self.spec.vector.functions
        while len(lanes) > 1:
            pairs = [flow.add(a, b) for a, b in zip(lanes[::2], lanes[1::2], strict=False)]
            lanes = pairs + lanes[2 * len(pairs) :]
        total, scale = lanes[0], None
        if "softmax" in self.spec.vector.functions:
            scale = functions.reciprocal(flow, total)
        if plan_norm:
            settled = Timed(self._inverse_of_length(flow), 0, steady=True)
            mean = flow.multiply(total, settled)
            when = flow.later(there, mean.at).value
            self._store(self.shift, when[0] & when[1] & self.norm, when[2:], mean.value ^ MINUS_ZERO)
            deviation = functions.rsqrt(flow, flow.add(mean, Timed(c.imm[: FP32.bits], 0, steady=True)))
            scale = deviation if scale is None else flow.logic("scale", lambda a, b: Mux(self.norm, a, b), deviation, scale)
        assert scale is not None
        when = flow.later(there, scale.at).value
        self._store(self.scale, when[0] & ~when[1], when[2:], scale.value)

    def _inverse_of_length(self, flow: Flow) -> Value:
        """1 / len: stands from a few cycles behind the command's begin to its end."""
        zeros, bits = leading_zeros(self.m, "length_zeros", self.c.len), len(self.c.len)
        high = (self.c.len << zeros)[: bits - 1]
        exponent = (FP32.bias + bits - 1 - zeros)[: FP32.exponent_bits]
        word = wire(self.m, "length", Cat(Const(0, FP32.fraction_bits - bits + 1), high, exponent, Const(0, 1)))
        return functions.reciprocal(flow, Timed(word, 0)).value

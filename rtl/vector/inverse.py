"""Inverse: what a row's sum becomes before its last pass, one step of a long root or division after the other, two a cycle.

softmax: floor((127 * 2**24 + floor(sum / 2)) / sum), 0 where the sum is not positive. layernorm:
floor(2**40 / floor(sqrt(variance * 2**16))).
Root: the digit-by-digit square root; division: restoring. Source: Ercegovac and Lang 2004, Digital Arithmetic, chapters 5 and 6.
"""

from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.numerics.integer import NORM_INV_BITS, NORM_ROOT_BITS, SOFTMAX_BITS, SOFTMAX_STEPS

VALUE_BITS = 48  # of a sum (signed) or of a variance
OUT_BITS = 34  # of a quotient
ROOT_STEPS = (VALUE_BITS + NORM_ROOT_BITS) // 2
A_CYCLE = 2  # steps
NORM_CYCLES = (ROOT_STEPS + OUT_BITS) // A_CYCLE
SOFTMAX_CYCLES = OUT_BITS // A_CYCLE


class State(IntEnum):
    REST, ROOT, DIVIDE = range(3)


class Inverse(wiring.Component):
    """`o` stands `SOFTMAX_CYCLES` (`NORM_CYCLES` with `i_norm`) cycles behind the one after `i_start`, until the next start."""

    def __init__(self) -> None:
        super().__init__({"i_start": In(1), "i_norm": In(1), "i_value": In(VALUE_BITS), "o": Out(OUT_BITS)})

    def elaborate(self, platform):
        m = Module()
        state, left = Signal(State), Signal(range(max(ROOT_STEPS, OUT_BITS) // A_CYCLE))
        rest, by, bits = Signal(VALUE_BITS + 2), Signal(VALUE_BITS), Signal(VALUE_BITS)  # by: divisor, or root so far
        m.d.comb += self.o.eq(bits)
        m.d.sync += left.eq(left - 1)
        roots = divided = (Value.cast(rest), Value.cast(by), Value.cast(bits))
        for n in range(A_CYCLE):
            roots, divided = self._root(m, n, *roots), self._divide(m, n, *divided)
        with m.Switch(state):
            with m.Case(State.ROOT):
                m.d.sync += [rest.eq(roots[0]), by.eq(roots[1]), bits.eq(roots[2])]
                with m.If(left == 0):
                    m.d.sync += [state.eq(State.DIVIDE), left.eq(SOFTMAX_CYCLES - 1), *self._load(rest, bits, Const(1 << NORM_INV_BITS))]
            with m.Case(State.DIVIDE):
                m.d.sync += [rest.eq(divided[0]), bits.eq(divided[2])]
                with m.If(left == 0):
                    m.d.sync += state.eq(State.REST)
        value, positive = self.i_value, (self.i_value.as_signed() > 0)
        with m.If(self.i_start & self.i_norm):
            m.d.sync += [state.eq(State.ROOT), left.eq(ROOT_STEPS // A_CYCLE - 1), rest.eq(0), by.eq(0), bits.eq(value)]
        with m.Elif(self.i_start):
            dividend = Mux(positive, (SOFTMAX_STEPS << SOFTMAX_BITS) + (value >> 1), 0)
            m.d.sync += [state.eq(State.DIVIDE), left.eq(SOFTMAX_CYCLES - 1), by.eq(Mux(positive, value, 1))]
            m.d.sync += self._load(rest, bits, dividend)
        return m

    def _load(self, rest: Signal, bits: Signal, dividend: Value) -> list[Value]:
        """The quotient has OUT_BITS bits: what stands above them is a remainder from the start."""
        return [rest.eq(dividend[OUT_BITS:]), bits.eq(dividend[:OUT_BITS])]

    def _root(self, m: Module, n: int, rest: Value, root: Value, bits: Value) -> tuple[Value, Value, Value]:
        """One digit of the root: takes two bits."""
        have, trial = Signal(VALUE_BITS + 4, name=f"root_have_{n}"), Cat(Const(1, 2), root)
        fits, left = Signal(name=f"root_fits_{n}"), Signal(VALUE_BITS + 2, name=f"root_left_{n}")
        m.d.comb += [
            have.eq(Cat(bits[-2:], rest)),
            fits.eq(have >= trial),
            left.eq(Mux(fits, have - trial, have)),
        ]
        return left, Cat(fits, root)[:VALUE_BITS], Cat(Const(0, 2), bits)[:VALUE_BITS]

    def _divide(self, m: Module, n: int, rest: Value, by: Value, bits: Value) -> tuple[Value, Value, Value]:
        """One digit of the quotient: takes a bit above, gives one below."""
        have, fits = Signal(VALUE_BITS + 3, name=f"divide_have_{n}"), Signal(name=f"divide_fits_{n}")
        left = Signal(VALUE_BITS + 2, name=f"divide_left_{n}")
        m.d.comb += [
            have.eq(Cat(bits[OUT_BITS - 1], rest)),
            fits.eq(have >= by),
            left.eq(Mux(fits, have - by, have)),
        ]
        return left, by, Cat(fits, bits[: OUT_BITS - 1])

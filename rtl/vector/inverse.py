"""Inverse: what a row's sum becomes before its last pass, one step of a long root or division after the other, two a cycle.

softmax: floor((127 * 2**24 + floor(sum / 2)) / sum), 0 where the sum is not positive. layernorm:
floor(2**40 / floor(sqrt(variance * 2**16))).
Root: the digit-by-digit square root; division: restoring. Source: Ercegovac and Lang 2004, Digital Arithmetic, chapters 5 and 6.
"""

from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
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
        roots, divided = self._root(m, rest, by, bits), self._divide(m, rest, by, bits)
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

    def _root(self, m: Module, rest: Value, root: Value, bits: Value) -> tuple[Value, Value, Value]:
        """Two digits of the root: takes four bits."""
        have, digits = Cat(bits[-4:], rest), Signal(A_CYCLE, name="root_digits")
        first, second = Cat(Const(0, 2), Const(1, 2), root), Cat(Const(1, 3), root)
        left = self._two(m, "root", have, first, (second, Cat(Const(5, 3), root)), digits)
        return left, Cat(digits, root)[:VALUE_BITS], Cat(Const(0, 4), bits)[:VALUE_BITS]

    def _divide(self, m: Module, rest: Value, by: Value, bits: Value) -> tuple[Value, Value, Value]:
        """Two digits of the quotient: takes two bits above, gives two below."""
        have, digits = Cat(bits[OUT_BITS - 2 : OUT_BITS], rest), Signal(A_CYCLE, name="quotient_digits")
        left = self._two(m, "divide", have, Cat(Const(0, 1), by), (by, by), digits)
        return left, by, Cat(digits, bits[: OUT_BITS - 2])

    def _two(self, m: Module, name: str, have: Value, first: Value, second: tuple[Value, Value], digits: Signal) -> Signal:
        """Two digits at once: both ways for the second one are reckoned before the first is known, so that no carry waits for another's
        end. `first`: what the first digit takes away; `second`: what the second one does behind a 0 and behind a 1. Gives what is left."""
        wide, left = len(have) + 2, Signal(VALUE_BITS + 2, name=f"{name}_left")
        one, no_one, both = (Signal(signed(wide), name=f"{name}_{n}") for n in ("one", "no_one", "both"))
        m.d.comb += [one.eq(have - first), no_one.eq(have - second[0]), both.eq(one - second[1])]
        kept, taken = Mux(no_one < 0, have, no_one), Mux(both < 0, one, both)
        m.d.comb += [digits.eq(Cat(Mux(one < 0, no_one >= 0, both >= 0), one >= 0)), left.eq(Mux(one < 0, kept, taken))]
        return left

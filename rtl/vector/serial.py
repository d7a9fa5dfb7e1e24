"""The total of a result, biased*multiplier + b*factor, a bit of multiplier and b in a cycle: for machines whose chunks take the time."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

TOTAL_BITS = 66
SERIAL_CYCLES = 32  # bits of a scale


class SerialTotal(wiring.Component):
    """`i_start` takes the operands, but `i_factor`, which stays. `o_last`: the step of this cycle is the last; `o` is there in the next,
    for one cycle if other operands come with it."""

    def __init__(self):
        super().__init__(
            {
                "i_start": In(1),
                "i_biased": In(signed(32)),
                "i_multiplier": In(signed(32)),
                "i_b": In(signed(8)),
                "i_factor": In(signed(32)),
                "o_last": Out(1),
                "o": Out(signed(TOTAL_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        left, active, first = Signal(range(SERIAL_CYCLES)), Signal(), Signal()
        biased, multiplier, b = (Signal.like(i) for i in (self.i_biased, self.i_multiplier, self.i_b))
        high, added = Mux(first, 0, self.o[SERIAL_CYCLES:].as_signed()), Signal(signed(TOTAL_BITS - SERIAL_CYCLES + 1))
        terms = [(x & bit.replicate(32).as_signed(), bit & self.o_last) for x, bit in ((biased, multiplier[0]), (self.i_factor, b[0]))]
        m.d.comb += [
            self.o_last.eq(active & (left == 0)),  # the sign's step, which subtracts
            added.eq(sum(((x ^ minus.replicate(32).as_signed()) + minus for x, minus in terms), start=high)),
        ]
        with m.If(self.i_start):
            m.d.sync += [biased.eq(self.i_biased), multiplier.eq(self.i_multiplier), b.eq(self.i_b)]
            m.d.sync += [left.eq(SERIAL_CYCLES - 1), active.eq(1), first.eq(1)]
        with m.Else():
            m.d.sync += [multiplier.eq(multiplier >> 1), b.eq(b >> 1), left.eq(left - 1), active.eq(active & (left != 0)), first.eq(0)]
        with m.If(active):
            m.d.sync += self.o.eq(Cat(self.o[1:SERIAL_CYCLES], added))
        return m

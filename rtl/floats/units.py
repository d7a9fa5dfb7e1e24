"""Floating-point units: operands presented in cycle t give their result in cycle t + `latency`, one every cycle; latency 0 has no register.

Every result is the IEEE one, rounded to nearest, ties to even, with subnormal numbers; NaN is canonical (hwsim/spec/numerics).
"""

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.floats.pipe import Pipe
from rtl.floats.words import (
    EXTRA,
    FP16,
    FP32,
    apart,
    below,
    leading_zeros,
    shifted_right,
    together,
    wire,
)


class _Unit(wiring.Component):
    def __init__(self, latency: int, wide_i: int, wide_o: int):
        self.latency = latency
        super().__init__({"i_a": In(wide_i), "i_b": In(wide_i), "o": Out(wide_o)})


class Product(_Unit):
    """FP16 a * FP16 b in FP32, which holds every such product exactly."""

    CUTS = 2

    def __init__(self, latency: int):
        super().__init__(latency, FP16.bits, FP32.bits)

    def elaborate(self, platform):
        m = Module()
        pipe = Pipe(m, self.CUTS, self.latency)
        a, b = (apart(m, n, word, FP16) for n, word in (("a", self.i_a), ("b", self.i_b)))
        zero = ~a.mantissa.any() | ~b.mantissa.any()
        sign, exponent, product, inf, nan = pipe.cut(
            sign=a.sign ^ b.sign,
            exponent=a.exponent + b.exponent,
            product=a.mantissa * b.mantissa,
            inf=a.is_inf | b.is_inf,
            nan=a.is_nan | b.is_nan | ((a.is_inf | b.is_inf) & zero),
        )
        bits = len(product)  # of weight 2**(exponent - 2*(bias + fraction_bits)), the lowest
        zeros = leading_zeros(m, "zeros", product)
        fraction = (product << zeros)[: bits - 1]
        wide = exponent + (FP32.bias + bits - 1 - 2 * (FP16.bias + FP16.fraction_bits)) - zeros
        finite = Mux(product.any(), Cat(Const(0, FP32.fraction_bits - bits + 1), fraction, wide[: FP32.exponent_bits]), 0)
        out = Mux(nan, FP32.nan, Cat(Mux(inf, FP32.infinity, finite)[: FP32.bits - 1], sign))
        m.d.comb += self.o.eq(pipe.cut(out=out)[0])
        return m


class Multiply(_Unit):
    """FP32 a * b."""

    CUTS = 4

    def __init__(self, latency: int):
        super().__init__(latency, FP32.bits, FP32.bits)

    def elaborate(self, platform):
        m = Module()
        pipe = Pipe(m, self.CUTS, self.latency)
        a, b = (apart(m, n, word, FP32) for n, word in (("a", self.i_a), ("b", self.i_b)))
        none = ~a.mantissa.any() | ~b.mantissa.any()
        zeros = [leading_zeros(m, f"{n}_zeros", x.mantissa) for n, x in (("a", a), ("b", b))]
        high = [(x.mantissa << z)[: FP32.fraction_bits + 1] for x, z in zip((a, b), zeros, strict=True)]
        exponent = wire(m, "sum_of_exponents", a.exponent + b.exponent - zeros[0] - zeros[1] - FP32.bias)
        nan = a.is_nan | b.is_nan | ((a.is_inf | b.is_inf) & none)
        sign, exponent, x, y, inf, nan = pipe.cut(
            sign=a.sign ^ b.sign, exponent=exponent, x=high[0], y=high[1], inf=a.is_inf | b.is_inf, nan=nan
        )
        sign, exponent, product, inf, nan = pipe.cut(sign=sign, exponent=exponent, product=x * y, inf=inf, nan=nan)
        carry = product[-1]
        raised = Mux(carry, product, product << 1)[: len(product)]
        low = len(product) - (FP32.fraction_bits + EXTRA)
        mantissa = wire(m, "mantissa", Cat(raised[:low].any(), raised[low:]))
        exponent, mantissa = below(m, "range", wire(m, "exponent", exponent + carry), mantissa, FP32)
        sign, exponent, mantissa, inf, nan = pipe.cut(sign=sign, exponent=exponent, mantissa=mantissa, inf=inf, nan=nan)
        m.d.comb += self.o.eq(pipe.cut(out=together(m, "rounded", FP32, sign, exponent, mantissa, inf, nan))[0])
        return m


class Add(_Unit):
    """FP32 a + b."""

    CUTS = 4

    def __init__(self, latency: int):
        super().__init__(latency, FP32.bits, FP32.bits)

    def elaborate(self, platform):
        m = Module()
        pipe = Pipe(m, self.CUTS, self.latency)
        swap = wire(m, "swap", self.i_a[:-1] < self.i_b[:-1])
        x, y = (apart(m, n, Mux(swap == k, self.i_a, self.i_b), FP32) for k, n in enumerate(("large", "small")))
        most = (1 << (FP32.fraction_bits + EXTRA).bit_length()) - 1
        apart_by = wire(m, "apart_by", x.exponent - y.exponent)
        differ = x.sign ^ y.sign
        sign, both, differ, exponent, large, small, by, inf, nan = pipe.cut(
            sign=x.sign,
            both=x.sign & y.sign,
            differ=differ,
            exponent=x.exponent,
            large=x.mantissa,
            small=y.mantissa,
            by=Mux(apart_by > most, most, apart_by)[: most.bit_length()],
            inf=x.is_inf,
            nan=x.is_nan | y.is_nan | (y.is_inf & differ),
        )
        aligned = shifted_right(m, "aligned", Cat(Const(0, EXTRA), small), by)
        whole = wire(m, "whole", Cat(Const(0, EXTRA), large))
        total = Mux(differ, whole - aligned, whole + aligned)[: len(whole) + 1]
        sign, both, exponent, total, inf, nan = pipe.cut(sign=sign, both=both, exponent=exponent, total=total, inf=inf, nan=nan)
        exponent, mantissa = self._normal(m, exponent, total)
        sign, exponent, mantissa, inf, nan = pipe.cut(
            sign=Mux(total.any(), sign, both), exponent=exponent, mantissa=mantissa, inf=inf, nan=nan
        )
        m.d.comb += self.o.eq(pipe.cut(out=together(m, "rounded", FP32, sign, exponent, mantissa, inf, nan))[0])
        return m

    def _normal(self, m: Module, exponent: Value, total: Value) -> tuple[Value, Value]:
        """One place down where the sum has a carry, else up until the leading bit is set or the exponent is 1."""
        carry, rest = total[-1], total[:-1]
        zeros = leading_zeros(m, "zeros", rest)
        room = wire(m, "room", exponent - 1)
        up = wire(m, "up", Mux(zeros > room, room, zeros)[: len(zeros)])
        down = Cat(total[0] | total[1], total[2:])
        return Mux(carry, exponent + 1, exponent - up)[: FP32.exponent_bits], Mux(carry, down, rest << up)[: len(rest)]


class Narrow(wiring.Component):
    """FP32 rounded to FP16."""

    CUTS = 2

    def __init__(self, latency: int):
        self.latency = latency
        super().__init__({"i": In(FP32.bits), "o": Out(FP16.bits)})

    def elaborate(self, platform):
        m = Module()
        pipe = Pipe(m, self.CUTS, self.latency)
        x = apart(m, "x", self.i, FP32)
        low = FP32.fraction_bits - FP16.fraction_bits - EXTRA + 1
        mantissa = wire(m, "mantissa", Cat(x.mantissa[:low].any(), x.mantissa[low:]))
        lower = wire(m, "lower", x.exponent - (FP32.bias - FP16.bias))
        exponent, mantissa = below(m, "range", lower, mantissa, FP16)
        sign, exponent, mantissa, inf, nan = pipe.cut(sign=x.sign, exponent=exponent, mantissa=mantissa, inf=x.is_inf, nan=x.is_nan)
        m.d.comb += self.o.eq(pipe.cut(out=together(m, "rounded", FP16, sign, exponent, mantissa, inf, nan))[0])
        return m

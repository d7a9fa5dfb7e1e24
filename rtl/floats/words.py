"""FP16 and FP32 words in gates: taken apart, rounded and put together again. IEEE 754, ties to even, NaN canonical.

The rules are those of hwsim/spec/numerics; words are bare bits.
"""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

EXTRA = 3  # bits that a mantissa carries below its last one until it is rounded: two, and whether anything stands below


@dataclass(frozen=True)
class Format:
    exponent_bits: int
    fraction_bits: int

    @property
    def bits(self) -> int:
        return 1 + self.exponent_bits + self.fraction_bits

    @property
    def bias(self) -> int:
        return (1 << (self.exponent_bits - 1)) - 1

    @property
    def top(self) -> int:
        """The exponent of infinity and NaN."""
        return (1 << self.exponent_bits) - 1

    @property
    def infinity(self) -> int:
        return self.top << self.fraction_bits

    @property
    def nan(self) -> int:
        return self.infinity | 1 << (self.fraction_bits - 1)


FP16, FP32 = Format(5, 10), Format(8, 23)
ONE, MINUS_ZERO, INF = 127 << 23, 1 << 31, FP32.infinity  # of FP32


def wire(m: Module, name: str, value: Value) -> Signal:
    out = Signal(value.shape(), name=name)
    m.d.comb += out.eq(value)
    return out


@dataclass(frozen=True)
class Parts:
    """`mantissa` with its leading bit; `exponent` as it weighs: 1 for subnormal numbers and zeros too."""

    sign: Value
    exponent: Value
    mantissa: Value
    is_inf: Value
    is_nan: Value


def apart(m: Module, name: str, word: Value, form: Format) -> Parts:
    fraction, exponent = word[: form.fraction_bits], word[form.fraction_bits : -1]
    normal, full = wire(m, f"{name}_normal", exponent.any()), wire(m, f"{name}_full", exponent.all())
    return Parts(
        word[-1],
        wire(m, f"{name}_exponent", Mux(normal, exponent, 1)),
        wire(m, f"{name}_mantissa", Cat(fraction, normal)),
        wire(m, f"{name}_is_inf", full & ~fraction.any()),
        wire(m, f"{name}_is_nan", full & fraction.any()),
    )


def leading_zeros(m: Module, name: str, value: Value) -> Value:
    """Of `value`, counted from its top; where it is 0, at least its width less one."""
    bits = (len(value) - 1).bit_length()
    rest, count = Cat(Const((1 << ((1 << bits) - len(value))) - 1, (1 << bits) - len(value)), value), list[Value]()
    for k in reversed(range(bits)):
        high = wire(m, f"{name}_high_{k}", rest[1 << k :])
        none = wire(m, f"{name}_none_{k}", ~high.any())
        rest = Mux(none, rest[: 1 << k], high)
        count.insert(0, none)
    return wire(m, name, Cat(*count))


def shifted_right(m: Module, name: str, value: Value, by: Value) -> Value:
    """value >> by; the lowest bit is set also where a set bit went below it."""
    for k in range(len(by)):
        n = min(1 << k, len(value))
        lost = wire(m, f"{name}_lost_{k}", value[:n].any())
        moved = Cat(value[n:], Const(0, n))
        value = wire(m, f"{name}_{k}", Mux(by[k], moved | lost, value))
    return value


def below(m: Module, name: str, exponent: Value, mantissa: Value, form: Format) -> tuple[Value, Value]:
    """A signed exponent and its mantissa with EXTRA bits, brought into the range of the format: exponent 1 at least, its top at most."""
    most = (1 << (form.fraction_bits + EXTRA).bit_length()) - 1
    short = wire(m, f"{name}_short", 1 - exponent)
    under = wire(m, f"{name}_under", short > 0)
    by = wire(m, f"{name}_by", Mux(under, Mux(short > most, most, short), 0))[: most.bit_length()]
    capped = wire(m, f"{name}_capped", Mux(under, 1, Mux(exponent > form.top, form.top, exponent)))[: form.exponent_bits]
    return capped, shifted_right(m, f"{name}_denormal", mantissa, by)


def together(
    m: Module, name: str, form: Format, sign: Value, exponent: Value, mantissa: Value, is_inf: Value, is_nan: Value
) -> Value:
    """Rounds a mantissa with EXTRA bits, which has no leading bit only where the exponent is 1 or all of it is 0."""
    kept, half, rest = mantissa[EXTRA:], mantissa[EXTRA - 1], mantissa[: EXTRA - 1].any()
    up = wire(m, f"{name}_up", half & (rest | kept[0]))
    body = wire(m, f"{name}_body", Cat(kept[:-1], Mux(kept[-1], exponent, 0)) + up)
    over = is_inf | (body[form.fraction_bits :] >= form.top)
    return wire(m, name, Mux(is_nan, form.nan, Cat(Mux(over, form.infinity, body)[: form.bits - 1], sign)))


def widened(m: Module, name: str, word: Value) -> Value:
    """FP16 to FP32, exact."""
    x = apart(m, name, word, FP16)
    zeros = leading_zeros(m, f"{name}_zeros", x.mantissa)
    fraction = wire(m, f"{name}_fraction", (x.mantissa << zeros)[: FP16.fraction_bits])
    exponent = wire(m, f"{name}_wide", Mux(x.mantissa.any(), x.exponent + (FP32.bias - FP16.bias) - zeros, 0)[: FP32.exponent_bits])
    low = Const(0, FP32.fraction_bits - FP16.fraction_bits)
    finite = Cat(low, fraction, Mux(x.is_inf, FP32.top, exponent)[: FP32.exponent_bits], x.sign)
    return wire(m, f"{name}_widened", Mux(x.is_nan, FP32.nan, finite))


def is_nan(word: Value) -> Value:
    return word[:31] > FP32.infinity


def greater(m: Module, name: str, a: Value, b: Value) -> Value:
    """a > b of FP32: -0 is not below +0, NaN is greater than nothing and nothing is greater than it."""
    larger, smaller = a[:31] > b[:31], a[:31] < b[:31]
    ordered = Mux(a[31], Mux(b[31], smaller, 0), Mux(b[31], (a[:31] | b[:31]).any(), larger))
    return wire(m, name, ordered & ~is_nan(a) & ~is_nan(b))

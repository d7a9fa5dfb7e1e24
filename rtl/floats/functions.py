"""exp, reciprocal, rsqrt, gelu and silu of FP32 in gates, bit by bit as hwsim/spec/numerics/tables.py defines them.

Each finds a segment i and a fraction f in the bits of its argument, takes `base[i] + slope[i]*f` of a table, and sets the exponent of that.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Value
from amaranth.lib.memory import Memory

from hwsim.spec.numerics import tables
from hwsim.spec.numerics.words import fp32_bits
from rtl.floats.flow import Flow, Timed
from rtl.floats.words import (
    FP32,
    INF,
    MINUS_ZERO,
    ONE,
    apart,
    greater,
    is_nan,
    leading_zeros,
    shifted_right,
    wire,
)

Table = tuple[tables.Array, tables.Array]  # base, slope: [256] float32
EXP = (tables.EXP_BASE, tables.EXP_SLOPE)
RECIPROCAL = (tables.RECIPROCAL_BASE, tables.RECIPROCAL_SLOPE)
RSQRT = (tables.RSQRT_BASE, tables.RSQRT_SLOPE)
GELU = (tables.GELU_BASE, tables.GELU_SLOPE)
FRACTION = FP32.fraction_bits
EXP_LOW, EXP_HIGH, LOG2E = (fp32_bits(float(x)) for x in (tables.EXP_LOW, tables.EXP_HIGH, tables.LOG2E))
GELU_HIGH = fp32_bits(float(tables.GELU_HIGH))

DEPTH = {"exp": 3, "reciprocal": 2, "rsqrt": 2, "silu": 7, "gelu": 10}  # operations on the longest way


def word(bits: int) -> Timed:
    """A constant of FP32: there from the beginning."""
    return Timed(Const(bits, FP32.bits), 0, steady=True)


def negative(flow: Flow, x: Timed) -> Timed:
    return flow.logic("negative", lambda v: v ^ MINUS_ZERO, x)


def _fraction(m: Module, name: str, f: Value) -> Value:
    """f / 2**bits in FP32."""
    zeros = leading_zeros(m, f"{name}_zeros", f)
    high = (f << zeros)[: len(f) - 1]
    exponent = (FP32.bias - 1 - zeros)[: FP32.exponent_bits]
    return Mux(f.any(), Cat(Const(0, FRACTION - len(high)), high, exponent), 0)


def _line(flow: Flow, table: Table, i: Timed, f: Timed) -> tuple[Timed, Timed, Timed]:
    """base[i], slope[i] and f, a fraction of as many bits as it has, in FP32."""
    name = flow.fresh("line")
    rows = [int(b) | int(s) << FP32.bits for b, s in zip(*(part.view("u4") for part in table), strict=True)]
    flow.m.submodules[name] = memory = Memory(shape=2 * FP32.bits, depth=len(rows), init=rows)
    port = memory.read_port(domain="comb")
    flow.m.d.comb += port.addr.eq(i.value)
    base, slope = (Timed(wire(flow.m, f"{name}_{n}", port.data.word_select(k, FP32.bits)), i.at) for k, n in enumerate(("base", "slope")))
    return base, slope, flow.logic("fraction", lambda v: _fraction(flow.m, f"{name}_f", v), f)


def on_line(flow: Flow, base: Timed, slope: Timed, f: Timed) -> Timed:
    return flow.add(base, flow.multiply(slope, f))


def _raised(y: Value, by: Value) -> Value:
    """y * 2**by; neither is out of range."""
    return Cat(y[:FRACTION], (y[FRACTION:-1] + by)[: FP32.exponent_bits], y[-1])


def _fixed(m: Module, name: str, x: Value, one: int) -> tuple[Value, Value]:
    """|x| * 2**23 / 2**(one - 127), cut, one more bit for numbers below 8 * 2**(one - 127); and whether something was cut off."""
    parts, most = apart(m, name, x, FP32), 31
    by = wire(m, f"{name}_by", one + 3 - parts.exponent)
    moved = shifted_right(m, f"{name}_moved", Cat(Const(0, 4), parts.mantissa), Mux(by > most, most, by)[:5])
    return moved[1:], moved[0]


def exp(flow: Flow, x: Timed) -> Timed:
    m, name = flow.m, flow.fresh("exp")
    # of a product below 128: 7 whole bits, EXP_BITS of fraction
    one = FP32.bias + FRACTION - tables.EXP_BITS

    def whole(t: Value) -> Value:
        size, cut = _fixed(m, name, t, one)
        return Mux(t[-1], -(size + cut), size)[: tables.EXP_BITS + 8]

    def ends(y: Value, x: Value, k: Value) -> Value:
        low, high = greater(m, f"{name}_low", Const(EXP_LOW, 32), x), greater(m, f"{name}_high", x, Const(EXP_HIGH, 32))
        inside = _raised(y, k[tables.EXP_BITS :].as_signed())
        return Mux(is_nan(x), FP32.nan, Mux(low, 0, Mux(high, INF, inside)))

    k = flow.logic("k", whole, flow.multiply(x, word(LOG2E)))
    i, f = (flow.logic(n, lambda v, at=at: v[at], k) for n, at in (("i", slice(12, 20)), ("f", slice(0, 12))))
    return flow.logic("exp", ends, on_line(flow, *_line(flow, EXP, i, f)), x, k)


def reciprocal(flow: Flow, x: Timed) -> Timed:
    def ends(y: Value, x: Value) -> Value:
        e = x[FRACTION:-1]
        inside = _raised(y, FP32.bias - e)
        return Mux(is_nan(x), FP32.nan, Cat(Mux(e == 0, INF, Mux(e >= 253, 0, inside))[:-1], x[-1]))

    i = flow.logic("i", lambda v: v[15:FRACTION], x)
    f = flow.logic("f", lambda v: v[:15], x)
    return flow.logic("reciprocal", ends, on_line(flow, *_line(flow, RECIPROCAL, i, f)), x)


def rsqrt(flow: Flow, x: Timed) -> Timed:
    def ends(y: Value, x: Value) -> Value:
        e = x[FRACTION:-1]
        inside = _raised(y, -((e - FP32.bias) >> 1))
        wrong = is_nan(x) | (x[-1] & (e != 0))
        return Mux(wrong, FP32.nan, Mux(e == 0, INF, Mux(x == INF, 0, inside)))

    i = flow.logic("i", lambda v: Cat(v[16:FRACTION], ~v[FRACTION]), x)
    f = flow.logic("f", lambda v: v[:16], x)
    return flow.logic("rsqrt", ends, on_line(flow, *_line(flow, RSQRT, i, f)), x)


def sigmoid(flow: Flow, e: Timed) -> Timed:
    """1 / (1 + e)."""
    return reciprocal(flow, flow.add(word(ONE), e))


def silu_ends(flow: Flow, x: Timed, y: Timed) -> Timed:
    """`y`: x / (1 + exp(-x))."""
    name = flow.fresh("silu")
    low = flow.logic("low", lambda v: greater(flow.m, f"{name}_low", Const(EXP_LOW, 32), v), x)
    return flow.logic(name, lambda y, low: Mux(low, MINUS_ZERO, y), y, low)


def gelu_line(flow: Flow, x: Timed) -> tuple[Timed, Timed, Timed, Timed]:
    """x, 0 where gelu needs no table, and the line of g there: base, slope, fraction."""
    name, one = flow.fresh("gelu"), FP32.bias + FRACTION - tables.GELU_BITS
    safe = flow.logic("safe", lambda v: Mux(v[:-1] < GELU_HIGH, v, 0), x)
    k = flow.logic("k", lambda v: _fixed(flow.m, name, v, one)[0][:20], safe)
    i, f = (flow.logic(n, lambda v, at=at: v[at], k) for n, at in (("i", slice(12, 20)), ("f", slice(0, 12))))
    return safe, *_line(flow, GELU, i, f)


def gelu_ends(flow: Flow, x: Timed, y: Timed) -> Timed:
    """`y`: x / (1 + exp(-x*g(x)))."""
    near = flow.logic("near", lambda v: v[:-1] < GELU_HIGH, x)
    far = flow.logic("far", lambda v: Mux(is_nan(v), FP32.nan, Mux(v[-1], MINUS_ZERO, v)), x)
    return flow.logic("gelu", lambda near, y, far: Mux(near, y, far), near, y, far)


def silu(flow: Flow, x: Timed) -> Timed:
    return silu_ends(flow, x, flow.multiply(x, sigmoid(flow, exp(flow, negative(flow, x)))))


def gelu(flow: Flow, x: Timed) -> Timed:
    safe, *line = gelu_line(flow, x)
    t = flow.multiply(safe, on_line(flow, *line))
    return gelu_ends(flow, x, flow.multiply(safe, sigmoid(flow, exp(flow, negative(flow, t)))))


def larger(flow: Flow, kept: Timed, new: Timed) -> Timed:
    """`new` if it is larger than `kept` or NaN, else `kept`."""
    name = flow.fresh("larger")
    return flow.logic(name, lambda m, x: Mux(greater(flow.m, f"{name}_is", x, m) | is_nan(x), x, m), kept, new)

"""RV64IMA and Zfinx/Zdinx by Python integers and fractions: what an instruction leaves in rd. Written apart from the engine."""

import math
import struct
from collections.abc import Callable
from fractions import Fraction

import numpy as np

M64, M32 = (1 << 64) - 1, (1 << 32) - 1
Number = Callable[..., int]


def s64(v: int) -> int:
    v &= M64
    return v - (1 << 64) if v >> 63 else v


def s32(v: int) -> int:
    v &= M32
    return v - (1 << 32) if v >> 31 else v


def quotient(a: int, b: int, bits: int) -> int:
    if b == 0:
        return -1
    if a == -(1 << (bits - 1)) and b == -1:
        return a
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def remainder(a: int, b: int, bits: int) -> int:
    return a if b == 0 else a - quotient(a, b, bits) * b


def unsigned(f: Number, mask: int, zero: Number) -> Number:
    return lambda a, b: f(a & mask, b & mask) if b & mask else zero(a & mask)


# operands and result are taken modulo 2**64, and looked at as signed
INTEGER: dict[str, Number] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "sll": lambda a, b: a << (b & 63), "slt": lambda a, b: int(a < b),
    "sltu": lambda a, b: int(a & M64 < b & M64), "xor": lambda a, b: a ^ b, "srl": lambda a, b: (a & M64) >> (b & 63),
    "sra": lambda a, b: a >> (b & 63), "or": lambda a, b: a | b, "and": lambda a, b: a & b, "addw": lambda a, b: s32(a + b),
    "subw": lambda a, b: s32(a - b), "sllw": lambda a, b: s32(a << (b & 31)), "srlw": lambda a, b: s32((a & M32) >> (b & 31)),
    "sraw": lambda a, b: s32(a) >> (b & 31), "mul": lambda a, b: a * b, "mulh": lambda a, b: (a * b) >> 64,
    "mulhsu": lambda a, b: (a * (b & M64)) >> 64, "mulhu": lambda a, b: ((a & M64) * (b & M64)) >> 64,
    "div": lambda a, b: quotient(a, b, 64), "rem": lambda a, b: remainder(a, b, 64),
    "divu": unsigned(lambda a, b: a // b, M64, lambda a: -1), "remu": unsigned(lambda a, b: a % b, M64, lambda a: a),
    "mulw": lambda a, b: s32(a * b), "divw": lambda a, b: s32(quotient(s32(a), s32(b), 32)),
    "remw": lambda a, b: s32(remainder(s32(a), s32(b), 32)),
    "divuw": lambda a, b: s32(unsigned(lambda x, y: x // y, M32, lambda x: -1)(a, b)),
    "remuw": lambda a, b: s32(unsigned(lambda x, y: x % y, M32, lambda x: x)(a, b)),
}  # fmt: skip
IMMEDIATE = {"addi": "add", "slti": "slt", "sltiu": "sltu", "xori": "xor", "ori": "or", "andi": "and", "addiw": "addw"}
SHIFT = {"slli": ("sll", 64), "srli": ("srl", 64), "srai": ("sra", 64), "slliw": ("sllw", 32), "srliw": ("srlw", 32), "sraiw": ("sraw", 32)}
BRANCH: dict[str, Callable[[int, int], bool]] = {
    "beq": lambda a, b: a == b, "bne": lambda a, b: a != b, "blt": lambda a, b: a < b, "bge": lambda a, b: a >= b,
    "bltu": lambda a, b: a & M64 < b & M64, "bgeu": lambda a, b: a & M64 >= b & M64,
}  # fmt: skip
AMO: dict[str, Number] = {
    "amoswap": lambda m, v: v, "amoadd": lambda m, v: m + v, "amoxor": lambda m, v: m ^ v, "amoand": lambda m, v: m & v,
    "amoor": lambda m, v: m | v, "amomin": min, "amomax": max,
}  # fmt: skip


def amo(name: str, memory: int, value: int, width: int) -> int:
    """What stands in memory afterwards, unsigned."""
    mask, signed = (M64, s64) if width == 64 else (M32, s32)
    if name in ("amominu", "amomaxu"):
        return (min if name == "amominu" else max)(memory & mask, value & mask)
    return AMO[name](signed(memory), signed(value)) & mask


NAN = {"s": 0x7FC00000, "d": 0x7FF8000000000000}
KIND = {"s": (np.float32, "<f", "<I"), "d": (np.float64, "<d", "<Q")}


def to_float(v: int, size: str) -> float:
    """Any single is exact as a double; NaN payloads are lost, which no result may show."""
    mask = M32 if size == "s" else M64
    return float(struct.unpack(KIND[size][1], struct.pack(KIND[size][2], v & mask))[0])


def to_bits(f: float, size: str) -> int:
    """Register contents of a value that the size holds exactly."""
    if math.isnan(f):
        return NAN[size]
    raw = int(struct.unpack(KIND[size][2], struct.pack(KIND[size][1], f))[0])
    return s32(raw) & M64 if size == "s" else raw


def nearest(x: Fraction, size: str, negative_zero: bool = False) -> float:
    """The float of a size that is nearest to a rational, ties to even, from the definition of the format."""
    digits, low, high = (24, -149, 127) if size == "s" else (53, -1074, 1023)
    if x == 0:
        return -0.0 if negative_zero else 0.0
    magnitude = abs(x)
    e = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    e -= int(magnitude < Fraction(2) ** e)
    step = Fraction(2) ** max(e - digits + 1, low)
    n, rest = divmod(magnitude, step)
    n += int(rest * 2 > step or (rest * 2 == step and n % 2 == 1))
    value = n * step
    if value >= Fraction(2) ** (high + 1):
        return math.inf if x > 0 else -math.inf
    return float(value) if x > 0 else -float(value)


def fma(a: float, b: float, c: float, size: str) -> float:
    if any(math.isnan(v) or math.isinf(v) for v in (a, b, c)):
        finite = not any(math.isnan(v) or math.isinf(v) for v in (a, b))
        return c if finite else a * b + c  # only signs and NaN matter, and a finite product is finite before it is rounded
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        product_negative = math.copysign(1, a) * math.copysign(1, b) < 0
        zero_product = a == 0 or b == 0
        return -0.0 if zero_product and c == 0 and product_negative and math.copysign(1, c) < 0 else 0.0
    return nearest(exact, size)


def rounded(f: float, mode: int) -> int:
    x = Fraction(f)
    low = math.floor(x)
    if mode == 0:
        return low + int(x - low > Fraction(1, 2) or (x - low == Fraction(1, 2) and low % 2 == 1))
    if mode == 1:
        return math.trunc(x)
    if mode == 4:
        return (1 if x > 0 else -1) * math.floor(abs(x) + Fraction(1, 2))
    return low if mode == 2 else math.ceil(x)


def to_integer(f: float, kind: str, mode: int) -> int:
    """fcvt.kind: register contents, signed."""
    low, high = {"w": (-(1 << 31), (1 << 31) - 1), "wu": (0, M32), "l": (-(1 << 63), (1 << 63) - 1), "lu": (0, M64)}[kind]
    if math.isnan(f):
        v = high
    elif math.isinf(f):
        v = high if f > 0 else low
    else:
        v = min(max(rounded(f, mode), low), high)
    return s32(v) if kind in ("w", "wu") else s64(v)


def classify(v: int, size: str) -> int:
    f = to_float(v, size)
    fraction, quiet, tiny = (v & (2**23 - 1), 1 << 22, 2.0**-126) if size == "s" else (v & (2**52 - 1), 1 << 51, 2.0**-1022)
    if math.isnan(f):
        return 512 if fraction & quiet else 256
    negative = math.copysign(1, f) < 0
    place = 0 if math.isinf(f) else 3 if f == 0 else 2 if abs(f) < tiny else 1
    return 1 << (place if negative else 7 - place)


def least(x: float, y: float, pick: Callable[[float, float], float]) -> float:
    if math.isnan(x) or math.isnan(y):
        return y if math.isnan(x) else x
    if x == y == 0:
        return pick(math.copysign(1, x), math.copysign(1, y)) * 0.0
    return pick(x, y)


def _divide(x: float, y: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.float64(x) / np.float64(y))


def arithmetic(name: str, x: float, y: float, size: str) -> float:
    """fadd, fsub, fmul, fdiv, fsqrt by the definition: the exact result, rounded once; infinities and zeros by doubles, which keep their
    rules."""
    plain = {"fadd": x + y, "fsub": x - y, "fmul": x * y}.get(name)
    if name == "fdiv":
        plain = _divide(x, y)
    if name == "fsqrt":
        return math.nan if x < 0 or math.isnan(x) else x if x == 0 or math.isinf(x) else root(x, size)
    assert plain is not None
    if any(math.isinf(v) or math.isnan(v) for v in (x, y)) or (name == "fdiv" and y == 0):
        return plain
    fx, fy = Fraction(x), Fraction(y)
    exact = {"fadd": fx + fy, "fsub": fx - fy, "fmul": fx * fy}.get(name)
    return nearest(fx / fy if exact is None else exact, size, math.copysign(1, plain) < 0)


def root(x: float, size: str) -> float:
    """Square root to far more digits than any size has, then rounded; no root of a float lies that near to a tie without being one."""
    n, d = Fraction(x).numerator, Fraction(x).denominator
    scale = 1 << 400
    return nearest(Fraction(math.isqrt(n * d * scale * scale), d * scale), size)

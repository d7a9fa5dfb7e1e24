"""A row an instruction: every instruction of RV64IMA, Zfinx and Zdinx on edge operands against an oracle of Python integers and
fractions."""

import itertools
import math

import numpy as np
import pytest

from hwsim.spec.thread_isa import TABLE, encode
from tests.harness import riscv_oracle as oracle
from tests.harness.riscv_oracle import M64, s64
from tests.harness.thread_programs import results

EDGES = (
    0,
    1,
    -1,
    2,
    3,
    7,
    -8,
    31,
    32,
    63,
    64,
    0x7FFFFFFF,
    -0x80000000,
    0x80000000,
    0xFFFFFFFF,
    (1 << 63) - 1,
    -(1 << 63),
    0x123456789ABCDEF,
)
PAIRS = list(itertools.product(EDGES, EDGES))
DOUBLES = [
    0.0, -0.0, 1.0, -1.0, 1.5, 2.5, 0.5, -0.5, 0.49999999999999994, 3.0, 1e300, -1e300, 1e-300, 5e-324, -5e-324, 2.2250738585072014e-308,
    math.inf,
    -math.inf, 2.0**31, -(2.0**31) - 1, 2.0**32, 2.0**53 + 1, 2.0**63, -(2.0**63), 2.0**64, 1.0000000000000002, 0.1, 3.5, -2.5,
]  # fmt: skip
FLOATS = {
    "d": [oracle.to_bits(f, "d") for f in DOUBLES] + [0x7FF8000000000000, 0x7FF0000000000001, 0xFFF8000000000123],
    "s": [oracle.to_bits(float(np.float32(f)), "s") for f in DOUBLES[:10]]
    + [
        0x7F7FFFFF,
        0xFF7FFFFF,
        1,
        0x80000001,
        0x00800000,
        0x7F800000,
        0xFF800000,
        0x4F000000,
        0xCF000000,
        0x4F800000,
        0x5F000000,
        0x3DCCCCCD,
    ]
    + [0x7FC00000, 0x7F800001, 0xFFC00123],
}


def check(name: str, cases: list[tuple[list[int], tuple[int, ...]]], expected: list[int]) -> None:
    found = results(cases)
    wrong = [(c[1], f"{f & M64:#x}", f"{e & M64:#x}") for c, f, e in zip(cases, found, expected, strict=True) if s64(f) != s64(e)]
    assert len(found) >= 5 and not wrong, f"{name}: operands, found, expected: {wrong[:3]}"


@pytest.mark.parametrize("name", sorted(oracle.INTEGER))
def test_register_instructions(name: str) -> None:
    word = [encode(name, 10, 11, 12)]
    check(name, [(word, pair) for pair in PAIRS], [oracle.INTEGER[name](s64(a), s64(b)) for a, b in PAIRS])


@pytest.mark.parametrize("name", sorted(oracle.IMMEDIATE))
def test_immediate_instructions(name: str) -> None:
    immediates = (0, 1, -1, 5, 2047, -2048, 0x555)
    cases = [(a, i) for a in EDGES for i in immediates]
    f = oracle.INTEGER[oracle.IMMEDIATE[name]]
    check(name, [([encode(name, 10, 11, imm=i)], (a,)) for a, i in cases], [f(s64(a), i) for a, i in cases])


@pytest.mark.parametrize("name", sorted(oracle.SHIFT))
def test_shifts_by_an_immediate(name: str) -> None:
    register, width = oracle.SHIFT[name]
    cases = [(a, i) for a in EDGES for i in (0, 1, 5, 31, width - 1)]
    f = oracle.INTEGER[register]
    check(name, [([encode(name, 10, 11, imm=i)], (a,)) for a, i in cases], [f(s64(a), i) for a, i in cases])


@pytest.mark.parametrize("name", sorted(oracle.BRANCH))
def test_branches(name: str) -> None:
    """Taken: x10 = 1 is jumped over."""
    words = [encode("addi", 10, 0, imm=0), encode(name, 0, 11, 12, imm=8), encode("addi", 10, 0, imm=1)]
    check(name, [(words, pair) for pair in PAIRS], [int(not oracle.BRANCH[name](s64(a), s64(b))) for a, b in PAIRS])


def test_jumps_link_and_upper_immediates() -> None:
    jal = [encode("jal", 10, imm=8), encode("addi", 10, 0, imm=1), encode("auipc", 12), encode("sub", 10, 12, 10)]
    jalr = [encode("auipc", 12), encode("jalr", 10, 12, imm=13), encode("addi", 10, 0), encode("sub", 10, 10, 12)]
    upper = [(i, s64(oracle.s32(i << 12))) for i in (0, 1, 0x7FFFF, 0x80000, 0xFFFFF)]
    cases = [(jal, ()), (jalr, ()), *(([encode("lui", 10, imm=i)], ()) for i, _ in upper)]
    cases += [([encode("auipc", 12), encode("auipc", 10, imm=i), encode("sub", 10, 10, 12)], ()) for i, _ in upper]
    check("jumps", cases, [4, 8, *(v for _, v in upper), *(v + 4 for _, v in upper)])


@pytest.mark.parametrize("name", ["lb", "lh", "lw", "ld", "lbu", "lhu", "lwu"])
def test_loads(name: str) -> None:
    """From every byte of two words on the stack, across their border too."""
    size = {"b": 1, "h": 2, "w": 4, "d": 8}[name[1]]
    values = (0x8877665544332211, 0xFFEEDDCCBBAA9900, 0x7F80FF00FF01807F)
    pairs = list(itertools.product(values, values))
    places = range(16 - size + 1)
    put = [encode("sd", 0, 2, 11, imm=-16), encode("sd", 0, 2, 12, imm=-8)]
    cases = [([*put, encode(name, 10, 2, imm=i - 16)], pair) for pair in pairs[:4] for i in places]
    expected = []
    for a, b in pairs[:4]:
        data = (a & M64).to_bytes(8, "little") + (b & M64).to_bytes(8, "little")
        expected += [int.from_bytes(data[i : i + size], "little", signed=not name.endswith("u")) for i in places]
    check(name, cases, expected)


@pytest.mark.parametrize("name", ["sb", "sh", "sw", "sd"])
def test_stores(name: str) -> None:
    """Into every byte of two words: the first word afterwards, then the second."""
    size = {"b": 1, "h": 2, "w": 4, "d": 8}[name[1]]
    cases, expected = [], []
    for i, which in itertools.product(range(16 - size + 1), (0, 8)):
        put = [encode("sd", 0, 2, 11, imm=-16), encode("sd", 0, 2, 11, imm=-8), encode(name, 0, 2, 12, imm=i - 16)]
        cases.append(([*put, encode("ld", 10, 2, imm=which - 16)], (0x1122334455667788, 0xA1B2C3D4E5F60718)))
        data = bytearray((0x1122334455667788).to_bytes(8, "little") * 2)
        data[i : i + size] = (0xA1B2C3D4E5F60718).to_bytes(8, "little")[:size]
        expected.append(int.from_bytes(data[which : which + 8], "little"))
    check(name, cases, expected)


@pytest.mark.parametrize("width", [32, 64])
@pytest.mark.parametrize("name", [*sorted(oracle.AMO), "amominu", "amomaxu"])
def test_atomics(name: str, width: int) -> None:
    """The old value, then what memory holds; words of 32 bits in both halves."""
    cases, expected = [], []
    full = f"{name}.{'d' if width == 64 else 'w'}"
    for (a, b), half in itertools.product(PAIRS[::5], (0,) if width == 64 else (0, 4)):
        put = [encode("sd", 0, 2, 11, imm=-8), encode("addi", 13, 2, imm=half - 8), encode(full, 10, 13, 12)]
        old = s64(a) if width == 64 else oracle.s32((a & M64) >> (8 * half))
        new = oracle.amo(name, old, b, width)
        data = bytearray((a & M64).to_bytes(8, "little"))
        data[half : half + width // 8] = new.to_bytes(width // 8, "little")
        cases += [(put, (a, b)), ([*put, encode("ld", 10, 2, imm=-8)], (a, b))]
        expected += [old, int.from_bytes(data, "little")]
    check(full, cases, expected)


@pytest.mark.parametrize("size", ["w", "d"])
def test_a_store_conditional_needs_its_reservation(size: str) -> None:
    put = [encode("sd", 0, 2, 11, imm=-8), encode("addi", 13, 2, imm=-8)]
    lr, sc = encode(f"lr.{size}", 10, 13), encode(f"sc.{size}", 10, 13, 12)
    again = encode(f"sc.{size}", 10, 13, 12)
    spoilt = encode(f"s{size}", 0, 13, 11)
    loaded = -1 if size == "d" else 0x7FFFFFFF
    cases = [
        ([*put, lr], (loaded, 5)), ([*put, lr, sc], (loaded, 5)), ([*put, lr, sc, encode("ld", 10, 2, imm=-8)], (7, 5)),
        ([*put, lr, spoilt, sc], (loaded, 5)), ([*put, lr, sc, again], (loaded, 5)), ([*put, sc], (loaded, 5)),
        ([*put, lr, spoilt, sc, encode("ld", 10, 2, imm=-8)], (7, 5)),
    ]  # fmt: skip
    check(f"sc.{size}", cases, [loaded, 0, 5, 1, 1, 1, 7])


@pytest.mark.parametrize("size", ["s", "d"])
@pytest.mark.parametrize("name", ["fadd", "fsub", "fmul", "fdiv"])
def test_float_arithmetic(name: str, size: str) -> None:
    pairs = list(itertools.product(FLOATS[size], FLOATS[size]))
    word = [encode(f"{name}.{size}", 10, 11, 12, rm=0)]
    value = [oracle.arithmetic(name, oracle.to_float(a, size), oracle.to_float(b, size), size) for a, b in pairs]
    check(f"{name}.{size}", [(word, p) for p in pairs], [oracle.to_bits(v, size) for v in value])


@pytest.mark.parametrize("size", ["s", "d"])
def test_square_roots(size: str) -> None:
    word = [encode(f"fsqrt.{size}", 10, 11)]
    expected = [oracle.to_bits(oracle.arithmetic("fsqrt", oracle.to_float(a, size), 0.0, size), size) for a in FLOATS[size]]
    check("fsqrt", [(word, (a,)) for a in FLOATS[size]], expected)


@pytest.mark.parametrize("size", ["s", "d"])
@pytest.mark.parametrize(("name", "product", "addend"), [("fmadd", 1, 1), ("fmsub", 1, -1), ("fnmsub", -1, 1), ("fnmadd", -1, -1)])
def test_fused_products_round_once(name: str, product: int, addend: int, size: str) -> None:
    some = FLOATS[size][1:-1:3]
    triples = list(itertools.product(some, some, some))
    triples += [(FLOATS[size][2], FLOATS[size][2], FLOATS[size][3])]
    word = [encode(f"{name}.{size}", 10, 11, 12, rs3=13)]
    expected = []
    for t in triples:
        a, b, c = (oracle.to_float(v, size) for v in t)
        expected.append(oracle.to_bits(oracle.fma(product * a, b, addend * c, size), size))
    check(f"{name}.{size}", [(word, t) for t in triples], expected)


@pytest.mark.parametrize("size", ["s", "d"])
@pytest.mark.parametrize("name", ["fmin", "fmax", "fle", "flt", "feq", "fsgnj", "fsgnjn", "fsgnjx"])
def test_comparisons_and_signs(name: str, size: str) -> None:
    pairs = list(itertools.product(FLOATS[size], FLOATS[size]))
    sign = 1 << (31 if size == "s" else 63)
    mask = 2 * sign - 1
    compare = {"fle": lambda x, y: x <= y, "flt": lambda x, y: x < y, "feq": lambda x, y: x == y}
    flip = {"fsgnj": lambda a, b: b, "fsgnjn": lambda a, b: ~b, "fsgnjx": lambda a, b: a ^ b}
    expected = []
    for a, b in pairs:
        x, y = oracle.to_float(a, size), oracle.to_float(b, size)
        if name in compare:
            expected.append(int(compare[name](x, y)))
        elif name in flip:
            bits = ((a & ~sign) | (flip[name](a, b) & sign)) & mask
            expected.append(oracle.s32(bits) if size == "s" else bits)
        else:
            expected.append(oracle.to_bits(oracle.least(x, y, min if name == "fmin" else max), size))
    check(f"{name}.{size}", [([encode(f"{name}.{size}", 10, 11, 12)], p) for p in pairs], expected)


@pytest.mark.parametrize("size", ["s", "d"])
def test_classes(size: str) -> None:
    given = FLOATS[size]
    check("fclass", [([encode(f"fclass.{size}", 10, 11)], (a,)) for a in given], [oracle.classify(a, size) for a in given])


@pytest.mark.parametrize("size", ["s", "d"])
@pytest.mark.parametrize("kind", ["w", "wu", "l", "lu"])
def test_conversions_to_integers_in_every_mode(kind: str, size: str) -> None:
    cases = list(itertools.product(FLOATS[size], range(5)))
    words = [([encode(f"fcvt.{kind}.{size}", 10, 11, rm=m)], (a,)) for a, m in cases]
    check(f"fcvt.{kind}.{size}", words, [oracle.to_integer(oracle.to_float(a, size), kind, m) for a, m in cases])


@pytest.mark.parametrize("size", ["s", "d"])
@pytest.mark.parametrize("kind", ["w", "wu", "l", "lu"])
def test_conversions_from_integers(kind: str, size: str) -> None:
    given = [*EDGES, (1 << 53) + 1, (1 << 24) + 1, -((1 << 53) + 1), (1 << 62) + (1 << 8) + 1, 0x7FFFFFBFFFFFFFFF]
    view = {"w": oracle.s32, "wu": lambda v: v & oracle.M32, "l": s64, "lu": lambda v: v & M64}[kind]
    expected = [oracle.to_bits(oracle.nearest(oracle.Fraction(view(a)), size), size) for a in given]
    check(f"fcvt.{size}.{kind}", [([encode(f"fcvt.{size}.{kind}", 10, 11)], (a,)) for a in given], expected)


def test_conversions_between_sizes() -> None:
    narrow = [oracle.to_float(a, "d") for a in FLOATS["d"]]
    small = [v if math.isnan(v) or math.isinf(v) else oracle.nearest(oracle.Fraction(v), "s", math.copysign(1, v) < 0) for v in narrow]
    check("fcvt.s.d", [([encode("fcvt.s.d", 10, 11)], (a,)) for a in FLOATS["d"]], [oracle.to_bits(v, "s") for v in small])
    wide = [oracle.to_bits(oracle.to_float(a, "s"), "d") for a in FLOATS["s"]]
    check("fcvt.d.s", [([encode("fcvt.d.s", 10, 11)], (a,)) for a in FLOATS["s"]], wide)


@pytest.mark.parametrize(("name", "f"), [("amo.fadd.d", None), ("amo.fmin.d", min), ("amo.fmax.d", max), ("amo.fadd.s", None)])
def test_atomics_on_floats(name: str, f: object) -> None:
    size = name[-1]
    cases, expected = [], []
    for a, b in itertools.product(FLOATS[size][::2], FLOATS[size][::3]):
        put = [encode(f"s{'d' if size == 'd' else 'w'}", 0, 2, 11, imm=-8), encode("addi", 13, 2, imm=-8), encode(name, 10, 13, 12)]
        x, y = oracle.to_float(a, size), oracle.to_float(b, size)
        new = oracle.arithmetic("fadd", x, y, size) if f is None else oracle.least(x, y, f)  # type: ignore[arg-type]
        get = encode("ld" if size == "d" else "lw", 10, 2, imm=-8)
        cases += [(put, (a, b)), ([*put, get], (a, b))]
        expected += [s64(a) if size == "d" else oracle.s32(a), oracle.to_bits(new, size)]
    check(name, cases, expected)


@pytest.mark.parametrize("size", ["w", "d"])
def test_compare_and_swap(size: str) -> None:
    put = [encode("sd", 0, 2, 11, imm=-8), encode("addi", 14, 2, imm=-8), encode("addi", 10, 13), encode(f"amo.cas.{size}", 10, 14, 12)]
    get = [*put, encode("ld", 10, 2, imm=-8)]
    triples = [(5, 9, 5), (5, 9, 6), (-1, 3, -1), (0, -7, 0), (0x100000005, 9, 5), (1 << 63, 1, 1 << 63)]
    cases, expected = [], []
    for memory, new, held in triples:
        if size == "d":
            old, after = s64(memory), new if s64(memory) == s64(held) else memory
        else:
            old, hit = oracle.s32(memory), oracle.s32(memory) == oracle.s32(held)
            after = ((memory & M64) >> 32 << 32 | (new & oracle.M32)) if hit else memory
        cases += [(put, (memory, new, held)), (get, (memory, new, held))]
        expected += [old, after]
    check(f"cas.{size}", cases, expected)


def test_every_instruction_has_a_row() -> None:
    """Names that the tests above and those of the engines (test_engines.py, test_system.py) run."""
    sizes = [f"{n}.{s}" for n in ("fadd", "fsub", "fmul", "fdiv", "fsqrt", "fmin", "fmax", "fle", "flt", "feq", "fsgnj", "fsgnjn", "fsgnjx",
             "fclass", "fmadd", "fmsub", "fnmsub", "fnmadd") for s in "sd"]  # fmt: skip
    moves = [f"fcvt.{a}.{b}" for s in "sd" for k in ("w", "wu", "l", "lu") for a, b in ((k, s), (s, k))] + ["fcvt.s.d", "fcvt.d.s"]
    atomics = [f"{n}.{w}" for n in (*oracle.AMO, "amominu", "amomaxu", "lr", "sc") for w in "wd"]
    own = ["amo.fadd.d", "amo.fadd.s", "amo.fmin.d", "amo.fmax.d", "amo.cas.d", "amo.cas.w"]
    memory = ["lb", "lh", "lw", "ld", "lbu", "lhu", "lwu", "sb", "sh", "sw", "sd"]
    here = {
        *oracle.INTEGER,
        *oracle.IMMEDIATE,
        *oracle.SHIFT,
        *oracle.BRANCH,
        *sizes,
        *moves,
        *atomics,
        *own,
        *memory,
        "lui",
        "auipc",
        "jal",
        "jalr",
    }
    left = {x.name for x in TABLE} - here
    assert left == {
        "fence", "fence.i", "ecall", "ebreak", "mret", "wfi", "csrrw", "csrrs", "csrrc", "csrrwi", "csrrsi", "csrrci", "exit", "dma.start",
        "dma.wait", "queue.push", "queue.pop", "queue.trypush", "queue.trypop", "coll.barrier", "coll.add", "coll.min", "coll.max",
        "coll.or",
        "coll.fadd", "coll.first", "cache.flush", "cache.inval", "cache.flushinval",
    }  # fmt: skip

"""The instruction set of the thread machine as a table: mnemonic, format, fixed bits. docs/isa_thread.md says what they do.

Formats: r rd,rs1,rs2; r2 rd,rs1; rm as r, and r2m as r2, with a rounding mode; r4 rd,rs1,rs2,rs3; i, s, b, u, j; sh with a shift amount;
amo as r; csr rd,number,rs1; csri rd,number,5 bits; none: all bits fixed; fence; x as r, own instructions.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hwsim.spec.errors import ProgramError

OPCODES = {
    "lui": 0x37, "auipc": 0x17, "jal": 0x6F, "jalr": 0x67, "branch": 0x63, "load": 0x03, "store": 0x23, "imm": 0x13, "imm32": 0x1B,
    "op": 0x33, "op32": 0x3B, "misc": 0x0F, "system": 0x73, "amo": 0x2F, "fp": 0x53, "madd": 0x43, "msub": 0x47, "nmsub": 0x4B,
    "nmadd": 0x4F, "custom": 0x0B,
}  # fmt: skip
OWN = {
    "exit": 0x00, "dma.start": 0x08, "dma.wait": 0x09, "queue.push": 0x10, "queue.pop": 0x11, "queue.trypush": 0x12, "queue.trypop": 0x13,
    "coll.barrier": 0x18, "coll.add": 0x19, "coll.min": 0x1A, "coll.max": 0x1B, "coll.or": 0x1C, "coll.fadd": 0x1D, "coll.first": 0x1E,
    "amo.fadd.d": 0x20, "amo.fadd.s": 0x21, "amo.fmin.d": 0x22, "amo.fmax.d": 0x23, "amo.cas.d": 0x24, "amo.cas.w": 0x25,
    "cache.flush": 0x28, "cache.inval": 0x29, "cache.flushinval": 0x2A,
}  # fmt: skip
AMOS = {
    "lr": 0x02, "sc": 0x03, "amoswap": 0x01, "amoadd": 0x00, "amoxor": 0x04, "amoand": 0x0C, "amoor": 0x08, "amomin": 0x10,
    "amomax": 0x14, "amominu": 0x18, "amomaxu": 0x1C,
}  # fmt: skip


@dataclass(frozen=True)
class Instruction:
    """A word w is this instruction when w & mask == match. `number` counts the table's rows from 1; 0 is an illegal word."""

    number: int
    name: str
    format: str
    mask: int
    match: int


def _funct(opcode: str, funct3: int, funct7: int | None = None, shift: int = 0) -> tuple[int, int]:
    """Mask and match; `shift`: width of a shift amount, which takes the low bits of funct7's place."""
    mask, match = 0x7F | 7 << 12, OPCODES[opcode] | funct3 << 12
    if funct7 is not None:
        fixed = 0x7F if not shift or shift == 5 else 0x7E
        mask, match = mask | fixed << 25, match | funct7 << 25
    return mask, match


def _integer() -> Iterator[tuple[str, str, int, int]]:
    for name, form in (("lui", "u"), ("auipc", "u"), ("jal", "j")):
        yield name, form, 0x7F, OPCODES[name]
    yield "jalr", "i", *_funct("jalr", 0)
    for i, name in enumerate(("beq", "bne", "", "", "blt", "bge", "bltu", "bgeu")):
        if name:
            yield name, "b", *_funct("branch", i)
    for i, name in ((0, "addi"), (2, "slti"), (3, "sltiu"), (4, "xori"), (6, "ori"), (7, "andi")):
        yield name, "i", *_funct("imm", i)
    for i, name, f7 in ((1, "slli", 0), (5, "srli", 0), (5, "srai", 0x20)):
        yield name, "sh", *_funct("imm", i, f7, 6)
    yield "addiw", "i", *_funct("imm32", 0)
    for i, name, f7 in ((1, "slliw", 0), (5, "srliw", 0), (5, "sraiw", 0x20)):
        yield name, "sh", *_funct("imm32", i, f7, 5)
    for i, name, f7 in (
        (0, "add", 0), (0, "sub", 0x20), (1, "sll", 0), (2, "slt", 0), (3, "sltu", 0), (4, "xor", 0), (5, "srl", 0), (5, "sra", 0x20),
        (6, "or", 0), (7, "and", 0),
    ):  # fmt: skip
        yield name, "r", *_funct("op", i, f7)
    for i, name, f7 in ((0, "addw", 0), (0, "subw", 0x20), (1, "sllw", 0), (5, "srlw", 0), (5, "sraw", 0x20)):
        yield name, "r", *_funct("op32", i, f7)
    for i, name in enumerate(("mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu")):
        yield name, "r", *_funct("op", i, 1)
    for i, name in ((0, "mulw"), (4, "divw"), (5, "divuw"), (6, "remw"), (7, "remuw")):
        yield name, "r", *_funct("op32", i, 1)


def _memory() -> Iterator[tuple[str, str, int, int]]:
    for i, name in enumerate(("lb", "lh", "lw", "ld", "lbu", "lhu", "lwu")):
        yield name, "i", *_funct("load", i)
    for i, name in enumerate(("sb", "sh", "sw", "sd")):
        yield name, "s", *_funct("store", i)
    for name, f5 in AMOS.items():
        for funct3, size in ((2, "w"), (3, "d")):
            mask, match = _funct("amo", funct3)
            fixed = 0x1F << 20 if name == "lr" else 0
            yield f"{name}.{size}", "amo", mask | 0x1F << 27 | fixed, match | f5 << 27


def _system() -> Iterator[tuple[str, str, int, int]]:
    yield "fence", "fence", *_funct("misc", 0)
    yield "fence.i", "fence", *_funct("misc", 1)
    for name, word in (("ecall", 0x73), ("ebreak", 0x100073), ("mret", 0x30200073), ("wfi", 0x10500073)):
        yield name, "none", 0xFFFFFFFF, word
    for i, name in enumerate(("csrrw", "csrrs", "csrrc"), 1):
        yield name, "csr", *_funct("system", i)
        yield name + "i", "csri", *_funct("system", i + 4)
    for name, f7 in OWN.items():
        yield name, "x", *_funct("custom", 0, f7)


def _floating() -> Iterator[tuple[str, str, int, int]]:
    for f, size in ((0, "s"), (1, "d")):
        for f7, name in ((0x00, "fadd"), (0x04, "fsub"), (0x08, "fmul"), (0x0C, "fdiv")):
            yield f"{name}.{size}", "rm", 0x7F | 0x7F << 25, OPCODES["fp"] | (f7 + f) << 25
        yield f"fsqrt.{size}", "r2m", *_unary(0x2C + f, 0)
        for funct3, name in enumerate(("fsgnj", "fsgnjn", "fsgnjx")):
            yield f"{name}.{size}", "r", *_funct("fp", funct3, 0x10 + f)
        for funct3, name in enumerate(("fmin", "fmax")):
            yield f"{name}.{size}", "r", *_funct("fp", funct3, 0x14 + f)
        for funct3, name in enumerate(("fle", "flt", "feq")):
            yield f"{name}.{size}", "r", *_funct("fp", funct3, 0x50 + f)
        mask, match = _unary(0x70 + f, 0)
        yield f"fclass.{size}", "r2", mask | 7 << 12, match | 1 << 12
        for rs2, kind in enumerate(("w", "wu", "l", "lu")):
            yield f"fcvt.{kind}.{size}", "r2m", *_unary(0x60 + f, rs2)
            yield f"fcvt.{size}.{kind}", "r2m", *_unary(0x68 + f, rs2)
        for name in ("madd", "msub", "nmsub", "nmadd"):
            yield f"f{name}.{size}", "r4", 0x7F | 3 << 25, OPCODES[name] | f << 25
    yield "fcvt.s.d", "r2m", *_unary(0x20, 1)
    yield "fcvt.d.s", "r2m", *_unary(0x21, 0)


def _unary(funct7: int, rs2: int) -> tuple[int, int]:
    return 0x7F | 0x1F << 20 | 0x7F << 25, OPCODES["fp"] | rs2 << 20 | funct7 << 25


TABLE = tuple(Instruction(i, *row) for i, row in enumerate((*_integer(), *_memory(), *_system(), *_floating()), 1))
BY_NAME = {x.name: x for x in TABLE}


def instruction(word: int) -> Instruction | None:
    """None: an illegal word."""
    return next((x for x in TABLE if word & x.mask == x.match), None)


def encode(name: str, rd: int = 0, rs1: int = 0, rs2: int = 0, imm: int = 0, rs3: int = 0, rm: int = 7) -> int:
    """The word of an instruction. `imm`: bytes from the pc for b and j, the value of bits 31..12 for u, number of a csr, aq/rl bits of
    an amo."""
    x = BY_NAME.get(name)
    if x is None:
        raise ProgramError(f"instruction: {name!r} is unknown; use a mnemonic of docs/isa_thread.md")
    word = x.match | rd << 7 if x.format not in ("s", "b", "none", "fence") else x.match
    if x.format not in ("u", "j", "none", "fence"):
        word |= rs1 << 15
    if x.format in ("r", "rm", "r4", "amo", "x", "s", "b"):
        word |= rs2 << 20
    if x.format in ("rm", "r2m", "r4"):
        word |= rm << 12
    return word | _immediate(x.format, imm, rs3)


def _immediate(form: str, imm: int, rs3: int) -> int:
    def bit(high: int, low: int) -> int:
        return (imm >> low) & ((1 << (high - low + 1)) - 1)

    match form:
        case "i" | "sh" | "csr" | "csri":
            return bit(11, 0) << 20
        case "s":
            return bit(11, 5) << 25 | bit(4, 0) << 7
        case "b":
            return bit(12, 12) << 31 | bit(10, 5) << 25 | bit(4, 1) << 8 | bit(11, 11) << 7
        case "u":
            return bit(19, 0) << 12
        case "j":
            return bit(20, 20) << 31 | bit(10, 1) << 21 | bit(11, 11) << 20 | bit(19, 12) << 12
        case "amo":
            return bit(1, 0) << 25
        case "r4":
            return rs3 << 27
    return 0

"""Decodes words into the table that pipelines run from. Row 0 stands for every pc outside of the image."""

from typing import Any

import numpy as np

from hwsim.spec.thread import ThreadMachineSpec
from hwsim.spec.thread_isa import BY_NAME, TABLE, Instruction
from hwsim.thread.ops import (
    ATOMIC,
    ENGINE,
    FLOAT,
    ILLEGAL,
    INTEGER,
    LOAD,
    MULDIV,
    OUTSIDE,
    SP,
    STORE,
    SYSTEM,
)
from hwsim.thread.state import CODE

# an instruction with an immediate is the one with registers whose second operand is `imm`
BY_IMMEDIATE = {
    "addi": "add", "slti": "slt", "sltiu": "sltu", "xori": "xor", "ori": "or", "andi": "and", "slli": "sll", "srli": "srl", "srai": "sra",
    "addiw": "addw", "slliw": "sllw", "srliw": "srlw", "sraiw": "sraw", "lui": "add",
}  # fmt: skip
EXACT = ("fcvt.d.w", "fcvt.d.wu", "fcvt.d.s")


def decode(words: Any, spec: ThreadMachineSpec) -> Any:
    """[word + 1] CODE"""
    words = np.asarray(words, np.uint32)
    code = np.zeros(len(words) + 1, CODE)
    code["group"][0] = OUTSIDE
    rows = code[1:]
    rows["raw"], rows["group"] = words, ILLEGAL
    for x in TABLE:
        hit = (words & np.uint32(x.mask)) == np.uint32(x.match)
        if hit.any():
            rows[hit] = _rows(x, words[hit].astype(np.int64), spec)
    return code


def _rows(x: Instruction, w: Any, spec: ThreadMachineSpec) -> Any:
    out = np.zeros(len(w), CODE)
    rd, rs1, rs2 = (w >> 7) & 31, (w >> 15) & 31, (w >> 20) & 31
    out["raw"], out["op"], out["group"] = w, BY_NAME[BY_IMMEDIATE.get(x.name, x.name)].number, _group(x)
    out["imm"], out["cycles"] = _immediate(x.format, w), _cycles(x, spec)
    if x.format not in ("s", "b", "none", "fence"):
        out["rd"] = rd
    if x.format not in ("u", "j", "none", "fence", "csri"):
        out["rs1"] = rs1
    if x.format in ("r", "rm", "r4", "s", "b", "amo", "x"):
        out["rs2"] = rs2
    if x.format == "r4":
        out["rs3"] = w >> 27
    if x.name in ("amo.cas.d", "amo.cas.w"):
        out["rs3"] = rd
    _marks(x, w, out)
    return out


def _marks(x: Instruction, w: Any, out: Any) -> None:
    memory = _group(x) in (LOAD, STORE, ATOMIC)
    moves_sp = (out["rd"] == SP) & (_group(x) == INTEGER)
    out["slot"], out["check"] = memory, moves_sp | (memory or x.name == "dma.start" or x.name.startswith("cache."))
    out["drain"] = x.name in ("fence", "fence.i", "exit")
    if x.format == "amo":
        out["acquire"], out["drain"] = (w >> 26) & 1, (w >> 25) & 1
    if _group(x) == ATOMIC:
        out["rm"] = 4 if x.name.endswith((".w", ".s")) else 8
    if x.format in ("rm", "r2m", "r4"):
        out["rm"] = (w >> 12) & 7
        to_integer = x.name.startswith(("fcvt.w", "fcvt.l"))
        out["modes"] = to_integer or x.name in EXACT
    if _group(x) == FLOAT:
        source = x.name.split(".")[-1]
        out["by_imm"] = 2 if source in ("w", "wu", "l", "lu") else int(source == "d")
    elif x.format in ("csr", "csri"):
        out["by_imm"] = (w >> 15) & 31
    else:
        out["by_imm"] = x.name in BY_IMMEDIATE


def _group(x: Instruction) -> int:
    if x.format in ("rm", "r2m", "r4") or x.match & 0x7F == 0x53:
        return FLOAT
    if x.name.startswith(("mul", "div", "rem")):
        return MULDIV
    opcode = x.match & 0x7F
    if opcode == 0x2F or x.name.startswith("amo."):
        return ATOMIC
    return {0x03: LOAD, 0x23: STORE, 0x0B: ENGINE, 0x73: SYSTEM, 0x0F: SYSTEM}.get(opcode, INTEGER)


def _cycles(x: Instruction, spec: ThreadMachineSpec) -> int:
    a = spec.arithmetic
    if _group(x) == FLOAT:
        return a.float_divide_cycles if x.name.startswith(("fdiv", "fsqrt")) else a.float_cycles
    if _group(x) == MULDIV:
        return a.multiply_cycles if x.name.startswith("mul") else a.divide_cycles
    return 1


def _immediate(form: str, w: Any) -> Any:
    def bits(high: int, low: int) -> Any:
        return (w >> low) & ((1 << (high - low + 1)) - 1)

    def signed(value: Any, width: int) -> Any:
        return (value ^ (1 << (width - 1))) - (1 << (width - 1))

    match form:
        case "i":
            return signed(bits(31, 20), 12)
        case "sh":
            return bits(25, 20)
        case "csr" | "csri":
            return bits(31, 20)
        case "s":
            return signed(bits(31, 25) << 5 | bits(11, 7), 12)
        case "b":
            return signed(bits(31, 31) << 12 | bits(7, 7) << 11 | bits(30, 25) << 5 | bits(11, 8) << 1, 13)
        case "u":
            return signed(bits(31, 12) << 12, 32)
        case "j":
            return signed(bits(31, 31) << 20 | bits(19, 12) << 12 | bits(20, 20) << 11 | bits(30, 21) << 1, 21)
    return 0

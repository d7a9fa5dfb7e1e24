"""Integer instructions: value and next pc from operands. A shift by an immediate or an `addi` is decoded to the instruction with
registers."""

import numpy as np

from hwsim.thread.bits import LOW, sext32
from hwsim.thread.jit import njit
from hwsim.thread.ops import (
    ADD,
    ADDW,
    AND,
    AUIPC,
    BEQ,
    BGE,
    BGEU,
    BLT,
    BLTU,
    BNE,
    DIV,
    DIVU,
    DIVUW,
    DIVW,
    JAL,
    JALR,
    MUL,
    MULH,
    MULHSU,
    MULHU,
    MULW,
    OR,
    REM,
    REMU,
    REMW,
    SLL,
    SLLW,
    SLT,
    SLTU,
    SRA,
    SRL,
    SRLW,
    SUB,
    SUBW,
    XOR,
)  # fmt: skip


@njit
def below(a, b):
    return np.uint64(a) < np.uint64(b)


@njit(forceinline=True)
def alu(op, a, b):
    """b is a register or an immediate."""
    if op == ADD:
        return a + b
    if op == SUB:
        return a - b
    if op == SLL:
        return a << (b & 63)
    if op == SRL:
        return np.int64(np.uint64(a) >> np.uint64(b & 63))
    if op == SRA:
        return a >> (b & 63)
    if op == AND:
        return a & b
    if op == OR:
        return a | b
    if op == XOR:
        return a ^ b
    if op == SLT:
        return np.int64(a < b)
    if op == SLTU:
        return np.int64(below(a, b))
    if op == ADDW:
        return sext32(a + b)
    if op == SUBW:
        return sext32(a - b)
    if op == SLLW:
        return sext32(a << (b & 31))
    if op == SRLW:
        return sext32((a & LOW) >> (b & 31))
    return sext32(a) >> (b & 31)  # sraw


@njit(forceinline=True)
def taken(op, a, b):
    if op == BEQ:
        return a == b
    if op == BNE:
        return a != b
    if op == BLT:
        return a < b
    if op == BGE:
        return a >= b
    if op == BLTU:
        return below(a, b)
    return not below(a, b)


@njit
def high_unsigned(a, b):
    """Upper 64 bits of the product of two unsigned numbers."""
    a0, a1 = np.uint64(a) & np.uint64(LOW), np.uint64(a) >> np.uint64(32)
    b0, b1 = np.uint64(b) & np.uint64(LOW), np.uint64(b) >> np.uint64(32)
    low = (a0 * b0) >> np.uint64(32)
    middle = a1 * b0 + low
    other = a0 * b1 + (middle & np.uint64(LOW))
    return np.int64(a1 * b1 + (middle >> np.uint64(32)) + (other >> np.uint64(32)))


@njit
def divide(a, b):
    """Towards zero; by zero -1; the overflow stays."""
    if b == 0:
        return np.int64(-1)
    if b == -1:
        return -a
    q = a // b
    return q + 1 if q < 0 and q * b != a else q


@njit
def divide_unsigned(a, b):
    if b == 0:
        return np.int64(-1)
    return np.int64(np.uint64(a) // np.uint64(b))


@njit
def muldiv(op, a, b):
    if op == MUL:
        return a * b
    if op == MULW:
        return sext32(a * b)
    if op == MULHU:
        return high_unsigned(a, b)
    if op == MULH:
        return high_unsigned(a, b) - (b if a < 0 else 0) - (a if b < 0 else 0)
    if op == MULHSU:
        return high_unsigned(a, b) - (b if a < 0 else 0)
    if op == DIV:
        return divide(a, b)
    if op == DIVU:
        return divide_unsigned(a, b)
    if op == REM:
        return a if b == 0 else a - divide(a, b) * b
    if op == REMU:
        return a if b == 0 else a - divide_unsigned(a, b) * b
    if op == DIVW:
        return sext32(divide(sext32(a), sext32(b)))
    if op == REMW:
        return sext32(a) if sext32(b) == 0 else sext32(sext32(a) - divide(sext32(a), sext32(b)) * sext32(b))
    if op == DIVUW:
        return sext32(divide_unsigned(a & LOW, b & LOW))
    return sext32(a) if (b & LOW) == 0 else sext32((a & LOW) - divide_unsigned(a & LOW, b & LOW) * (b & LOW))  # remuw


@njit(forceinline=True)
def integer(op, a, b, pc, imm, by_imm):
    """(value, next pc)"""
    if op >= BEQ and op <= BGEU:
        return np.int64(0), pc + imm if taken(op, a, b) else pc + 4
    if op == JAL:
        return pc + 4, pc + imm
    if op == JALR:
        return pc + 4, (a + imm) & ~np.int64(1)
    if op == AUIPC:
        return pc + imm, pc + 4
    return alu(op, a, imm if by_imm else b), pc + 4

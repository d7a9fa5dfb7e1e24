"""Control and status registers, traps."""

import numpy as np

from hwsim.thread.jit import njit
from hwsim.thread.ops import (
    CSRRC,
    CSRRCI,
    CSRRS,
    CSRRSI,
    CSRRW,
    CSRRWI,
    EBREAK,
    ECALL,
    MRET,
    NEVER,
    ON_ENDED,
    T_BREAK,
    T_ECALL,
    T_ILLEGAL,
    TRAPPED,
)  # fmt: skip
from hwsim.thread.thread import set_register, stop


@njit
def read_csr(p, pipeline, thread, index, number, t):
    """(known, value)"""
    block = index // p.threads
    if number == 0xF14:
        return True, index
    if number == 0xC00 or number == 0xC01:
        return True, t
    if number == 0xC02:
        return True, thread.issued
    if number >= 0xFC0 and number <= 0xFC9:
        return True, _identity(p, pipeline, index, block, number)
    if number == 0x002 or number == 0x003:
        return True, thread.frm if number == 0x002 else thread.frm << 5
    if number == 0x300:
        return True, thread.mstatus
    if number == 0x305:
        return True, thread.mtvec
    if number == 0x340:
        return True, thread.mscratch
    if number == 0x341:
        return True, thread.mepc
    if number == 0x342:
        return True, thread.mcause
    if number == 0x343:
        return True, thread.mtval
    return number == 0x001 or number == 0x301 or (number >= 0xF11 and number <= 0xF13), np.int64(0)


@njit
def _identity(p, pipeline, index, block, number):
    local = index - block * p.threads
    lane = index - pipeline.first
    if number == 0xFC0:
        return block
    if number == 0xFC1:
        return p.blocks
    if number == 0xFC2:
        return pipeline.number
    if number == 0xFC3:
        return lane
    if number == 0xFC4:
        return p.blocks * p.threads
    if number == 0xFC5:
        return p.threads
    if number == 0xFC6:
        return np.int64(local >= p.mtp_threads)
    if number == 0xFC7:
        return p.mtp_threads
    return p.threads * p.stack if number == 0xFC8 else p.pad_bytes


@njit
def write_csr(thread, number, v):
    """Registers that keep nothing take anything."""
    if number == 0x002:
        thread.frm = v & 7
    elif number == 0x003:
        thread.frm = (v >> 5) & 7
    elif number == 0x300:
        thread.mstatus = v
    elif number == 0x305:
        thread.mtvec = v & ~np.int64(3)
    elif number == 0x340:
        thread.mscratch = v
    elif number == 0x341:
        thread.mepc = v & ~np.int64(3)
    elif number == 0x342:
        thread.mcause = v
    elif number == 0x343:
        thread.mtval = v


@njit
def trap(block, thread, index, cause, value, t):
    """To the handler, or, without one, the end of the run. Returns the next pc."""
    if thread.mtvec == 0:
        stop(block, TRAPPED, index, cause, value, t)
        thread.wake = NEVER
        thread.hold, thread.hold_why = NEVER, ON_ENDED
        return thread.pc
    thread.mepc, thread.mcause, thread.mtval = thread.pc, cause, value
    return thread.mtvec


@njit
def csr(p, block, pipeline, thread, index, d, t):
    """Reads, then writes. Returns the next pc."""
    number = d.imm & 0xFFF
    known, old = read_csr(p, pipeline, thread, index, number, t)
    by_field = d.op == CSRRWI or d.op == CSRRSI or d.op == CSRRCI
    given = np.int64(d.by_imm) if by_field else thread.x[d.rs1]
    writes = d.op == CSRRW or d.op == CSRRWI or d.by_imm != 0
    if not known or (writes and number >> 10 == 3):
        return trap(block, thread, index, T_ILLEGAL, np.int64(d.raw), t)
    if writes:
        if d.op == CSRRS or d.op == CSRRSI:
            given = old | given
        elif d.op == CSRRC or d.op == CSRRCI:
            given = old & ~given
        write_csr(thread, number, given)
    set_register(thread, d.rd, old, t + 1, 0)
    return thread.pc + 4


@njit
def system(p, block, pipeline, thread, index, d, t):
    """Environment calls, returns from traps, control registers; fences have done their work by waiting. Returns the next pc."""
    if d.op == ECALL:
        return trap(block, thread, index, T_ECALL, np.int64(0), t)
    if d.op == EBREAK:
        return trap(block, thread, index, T_BREAK, thread.pc, t)
    if d.op == MRET:
        return thread.mepc
    if d.op >= CSRRW and d.op <= CSRRCI:
        return csr(p, block, pipeline, thread, index, d, t)
    return thread.pc + 4

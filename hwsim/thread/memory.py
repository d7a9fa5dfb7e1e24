"""Scratchpad and DRAM of a block: where an address lies, when its server takes a request, what it does to the words.

`at`: byte in the block's memory, scratchpad first, DRAM behind it.
"""

import numpy as np

from hwsim.thread.bits import LOW, double, fmax_d, fmin_d, of_double, of_single, sext32, single
from hwsim.thread.integer import below
from hwsim.thread.jit import njit
from hwsim.thread.ops import (
    AMO_CAS_D,
    AMO_CAS_W,
    AMO_FADD_D,
    AMO_FADD_S,
    AMO_FMAX_D,
    AMO_FMIN_D,
    AMOADD_D,
    AMOADD_W,
    AMOAND_D,
    AMOAND_W,
    AMOMAX_D,
    AMOMAX_W,
    AMOMAXU_D,
    AMOMIN_D,
    AMOMIN_W,
    AMOMINU_D,
    AMOMINU_W,
    AMOOR_D,
    AMOOR_W,
    AMOSWAP_D,
    AMOSWAP_W,
    AMOXOR_D,
    AMOXOR_W,
    LB,
    LR_D,
    LR_W,
    LWU,
    N_DRAM_ATOMIC,
    N_DRAM_BUSY,
    N_DRAM_READ,
    N_DRAM_WRITE,
    N_PAD_ATOMIC,
    N_PAD_READ,
    N_PAD_WRITE,
    SB,
    SC_D,
    SC_W,
    SD,
    WINDOW_LOCAL,
    WINDOW_SCRATCHPAD,
)  # fmt: skip

CACHED = 1 << 62
READ, WRITE, BOTH = range(3)
LOW_40, LOW_48 = (1 << 40) - 1, (1 << 48) - 1


@njit(forceinline=True)
def locate(p, block, address):
    """(home block, at); home is -1 where there is no memory."""
    a = address & ~np.int64(CACHED)
    window = a >> 56
    home, at = np.int64(-1), np.int64(-1)
    if window == 2:
        home, at = (a >> 40) & 0xFFFF, a & LOW_40
        if at >= p.pad_bytes:
            home = np.int64(-1)
    elif window == 3:
        g, o = (a >> 48) & 0xFF, a & LOW_48
        if g >= 3 and g <= 40:
            granule = o >> g
            home = granule % p.blocks
            at = p.pad_bytes + ((granule // p.blocks) << g) + (o & ((np.int64(1) << g) - 1))
    elif window == 1:
        home, at = (a >> 40) & 0xFFFF, p.pad_bytes + (a & LOW_40)
    elif window == 0 and a >= WINDOW_SCRATCHPAD:
        if a < WINDOW_SCRATCHPAD + p.pad_bytes:
            home, at = block, a - WINDOW_SCRATCHPAD
    elif window == 0 and a >= WINDOW_LOCAL:
        home, at = block, p.pad_bytes + a - WINDOW_LOCAL
    if home >= p.blocks or at >= p.bytes:
        home = np.int64(-1)
    return home, at


@njit(forceinline=True)
def server(p, block, at, how, t):
    """Lines one access up in front of its bank or channel; the cycle in which it is done."""
    word = at >> 3
    if at < p.pad_bytes:
        bank = word & (p.banks - 1) if p.banks & (p.banks - 1) == 0 else word % p.banks
        start = max(t + 1, block.bank[bank])
        block.bank[bank] = start + (2 if how == BOTH else 1)
        block.count[N_PAD_READ if how == READ else N_PAD_WRITE if how == WRITE else N_PAD_ATOMIC] += 1
        return start + p.pad_latency
    channel = word % p.channels if p.channels > 1 else 0
    start = max(t + 1, block.channel[channel])
    busy = 2 * p.access if how == BOTH else p.access
    block.channel[channel] = start + busy
    block.count[N_DRAM_BUSY] += busy
    block.count[N_DRAM_READ if how == READ else N_DRAM_WRITE if how == WRITE else N_DRAM_ATOMIC] += 1
    return start + p.dram_latency


@njit(forceinline=True)
def extract(word, at, op):
    """A load's value from the 64-bit word that holds it whole."""
    kind = op - LB
    v = np.int64(np.uint64(word) >> np.uint64((at & 7) * 8))
    if kind == 3:
        return v
    if kind == 2:
        return sext32(v)
    if kind == 6:
        return v & LOW
    if kind == 0:
        return np.int64(np.int8(v))
    if kind == 4:
        return v & 0xFF
    return np.int64(np.int16(v)) if kind == 1 else v & 0xFFFF


@njit
def byte_mask(size):
    """Bits of the low `size` bytes of a word."""
    return np.int64(-1) if size >= 8 else (np.int64(1) << (8 * size)) - 1


@njit
def insert(word, at, value, size):
    """The word with `size` bytes of the value at a place; what sticks out is lost."""
    shift = (at & 7) * 8
    mask = byte_mask(size) << shift
    return (word & ~mask) | ((value << shift) & mask)


@njit
def write(block, memory, home, at, value, size):
    word = at >> 3
    memory[home, word] = insert(memory[home, word], at, value, size)
    block.version[word & 63] += 1


@njit
def minmax(op, a, b):
    if op == AMOMIN_D or op == AMOMIN_W:
        return min(a, b)
    if op == AMOMAX_D or op == AMOMAX_W:
        return max(a, b)
    if op == AMOMINU_D or op == AMOMINU_W:
        return a if below(a, b) else b
    return b if below(a, b) else a


@njit
def combined(op, old, value, expected):
    """What an atomic leaves in memory; words of 32 bits come and go sign-extended."""
    if op == AMOADD_D or op == AMOADD_W:
        return old + value
    if op == AMO_FADD_D:
        return of_double(double(old) + double(value))
    if op == AMO_FADD_S:
        return of_single(single(old) + single(value))
    if op == AMO_CAS_D or op == AMO_CAS_W:
        return value if old == expected else old
    if op == AMOSWAP_D or op == AMOSWAP_W:
        return value
    if op == AMOOR_D or op == AMOOR_W:
        return old | value
    if op == AMOAND_D or op == AMOAND_W:
        return old & value
    if op == AMOXOR_D or op == AMOXOR_W:
        return old ^ value
    if op == AMO_FMIN_D:
        return fmin_d(old, value)
    if op == AMO_FMAX_D:
        return fmax_d(old, value)
    return minmax(op, old, value)


@njit
def is_single_word(op):
    return op == AMO_CAS_W or op == AMO_FADD_S or (op >= LR_W and op <= AMOMAXU_D and (op - LR_W) % 2 == 0)


@njit
def atomic(block, memory, thread, home, at, op, value, expected):
    """The old value, or what a store-conditional says. `thread` keeps the reservation of its load-reserved."""
    w32 = is_single_word(op)
    word = at >> 3
    old = memory[home, word]
    if w32:
        old = sext32(old >> ((at & 7) * 8))
        value, expected = sext32(value), sext32(expected)
    if op == LR_W or op == LR_D:
        thread.lr_home, thread.lr_at, thread.lr_version = home, at, block.version[word & 63]
        return old
    if op == SC_W or op == SC_D:
        held = thread.lr_home == home and thread.lr_at == at and thread.lr_version == block.version[word & 63]
        thread.lr_at = -1
        if not held:
            return np.int64(1)
        write(block, memory, home, at, value, 4 if w32 else 8)
        return np.int64(0)
    write(block, memory, home, at, combined(op, old, value, expected), 4 if w32 else 8)
    return old


@njit
def serve(p, block, memory, thread, home, at, op, value, expected, t):
    """One access inside a word, at home: (result, cycle in which it is done)."""
    if op >= LB and op <= LWU:
        return extract(memory[home, at >> 3], at, op), server(p, block, at, READ, t)
    if op >= SB and op <= SD:
        write(block, memory, home, at, value, 1 << (op - SB))
        return np.int64(0), server(p, block, at, WRITE, t)
    result = atomic(block, memory, thread, home, at, op, value, expected)
    return result, server(p, block, at, BOTH, t)


@njit
def serve_two(p, block, memory, thread, home, at, op, value, t):
    """A load or store that crosses into the next word: two accesses."""
    first, done = server(p, block, at, READ if op <= LWU else WRITE, t), server(p, block, at + 8, READ if op <= LWU else WRITE, t)
    shift, word = (at & 7) * 8, at >> 3
    if op <= LWU:
        low = np.int64(np.uint64(memory[home, word]) >> np.uint64(shift))
        v = low | (memory[home, word + 1] << (64 - shift))
        return extract(v, 0, op), max(first, done)
    size = 1 << (op - SB)
    here = 8 - (at & 7)
    write(block, memory, home, at, value, here)
    write(block, memory, home, (word + 1) * 8, np.int64(np.uint64(value) >> np.uint64(8 * here)), size - here)
    return np.int64(0), max(first, done)

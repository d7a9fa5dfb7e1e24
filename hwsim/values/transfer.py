"""The load and store commands: docs/isa.md. act and weight are decoded on the way in; meta and vec keep their bytes."""

import numpy as np

from hwsim.kernels import inlined, njit
from hwsim.spec.commands import LEVELS, column
from hwsim.values import status
from hwsim.values.fp16 import from_fp16
from hwsim.values.layout import C_NUMBER, INT8, META_PAD
from hwsim.values.view import view
from hwsim.values.walk import inside

LEVEL, FILL = column("load", "level"), column("load", "fill")
FIELDS = ("mem", "buf", "run", "count0", "count1", "mem_stride0", "mem_stride1", "buf_stride0", "buf_stride1")
L_MEM, L_BUF, L_RUN, L_COUNT0, L_COUNT1, L_MEM0, L_MEM1, L_BUF0, L_BUF1 = (column("load", n) for n in FIELDS)
S_MEM, S_BUF, S_RUN, S_COUNT0, S_COUNT1, S_MEM0, S_MEM1, S_BUF0, S_BUF1 = (column("store", n) for n in FIELDS)
TO_ACT, TO_WEIGHT, TO_META, TO_VEC = (LEVELS.index(n) for n in ("act", "weight", "meta", "vec"))
ZEROS, LOWEST = 1, 2
LOWEST_INT8, LOWEST_FP16_HIGH = 0x80, 0xFC  # bytes: -128; the high byte of -inf, whose low byte is 0


@inlined
def _copy(source, target):
    for j in range(target.size):
        target[j] = source[j]


@inlined
def _set(target, value):
    for j in range(target.size):
        target[j] = value


@inlined
def _decode_int8(source, target):
    for j in range(target.size):
        target[j] = np.float32(source[j])


@inlined
def _decode_fp16(source, target):
    for j in range(target.size):
        target[j] = from_fp16(source[j])


@inlined
def _decode_odd(source, target):
    """fp16 elements that start at an odd byte of memory."""
    for j in range(target.size):
        target[j] = from_fp16(np.uint16(source[2 * j]) | np.uint16(source[2 * j + 1]) << np.uint16(8))


@inlined
def _set_lowest(target, buf, int8):
    for j in range(target.size):
        target[j] = LOWEST_INT8 if int8 else LOWEST_FP16_HIGH if (buf + j) & 1 else 0


@njit
def load_elements(row, values, level, int8):
    """Into a mirror, run by run."""
    element = 1 if int8 else 2
    length = row[L_RUN] // element
    for i1 in range(row[L_COUNT1]):
        for i0 in range(row[L_COUNT0]):
            mem = row[L_MEM] + i0 * row[L_MEM0] + i1 * row[L_MEM1]
            at = (row[L_BUF] + i0 * row[L_BUF0] + i1 * row[L_BUF1]) // element
            if row[FILL] == ZEROS:
                _set(view(level, at, length), np.float32(0))
            elif row[FILL] == LOWEST:
                _set(view(level, at, length), np.float32(-128) if int8 else np.float32(-np.inf))
            elif int8:
                _decode_int8(view(values.memory8, mem, length), view(level, at, length))
            elif mem & 1 == 0:
                _decode_fp16(view(values.memory16, mem >> 1, length), view(level, at, length))
            else:
                _decode_odd(view(values.memory, mem, 2 * length), view(level, at, length))


@njit
def load_bytes(row, values, level, int8):
    length = row[L_RUN]
    for i1 in range(row[L_COUNT1]):
        for i0 in range(row[L_COUNT0]):
            mem = row[L_MEM] + i0 * row[L_MEM0] + i1 * row[L_MEM1]
            buf = row[L_BUF] + i0 * row[L_BUF0] + i1 * row[L_BUF1]
            if row[FILL] == ZEROS:
                _set(view(level, buf, length), np.uint8(0))
            elif row[FILL] == LOWEST:
                _set_lowest(view(level, buf, length), buf, int8)
            else:
                _copy(view(values.memory, mem, length), view(level, buf, length))


@njit
def load(row, values):
    int8 = values.config[C_NUMBER] == INT8
    mirror = row[LEVEL] in (TO_ACT, TO_WEIGHT)
    if row[LEVEL] > TO_VEC or row[FILL] > LOWEST:
        return status.FIELD
    if mirror and not int8 and (row[L_BUF] | row[L_BUF0] | row[L_BUF1] | row[L_RUN]) & 1:
        return status.ALIGN
    if row[FILL] == 0 and not inside(
        row[L_MEM], row[L_COUNT0], row[L_MEM0], row[L_COUNT1], row[L_MEM1], row[L_RUN], values.memory.size
    ):
        return status.MEMORY
    if row[LEVEL] == TO_ACT:
        level, fault, size = values.act, status.ACT, values.act.size * (1 if int8 else 2)
    elif row[LEVEL] == TO_WEIGHT:
        level, fault, size = values.weight, status.WEIGHT, values.weight.size * (1 if int8 else 2)
    else:
        level, fault, size = values.act, status.VEC, values.vec.size
        if row[LEVEL] == TO_META:
            fault, size = status.META, values.meta.size - META_PAD
    if not inside(row[L_BUF], row[L_COUNT0], row[L_BUF0], row[L_COUNT1], row[L_BUF1], row[L_RUN], size):
        return fault
    if mirror:
        load_elements(row, values, level, int8)
    else:
        load_bytes(row, values, values.meta if row[LEVEL] == TO_META else values.vec, int8)
    return status.OK


@njit
def store(row, values):
    size0, size1 = row[S_COUNT0], row[S_COUNT1]
    if not inside(row[S_MEM], size0, row[S_MEM0], size1, row[S_MEM1], row[S_RUN], values.memory.size):
        return status.MEMORY
    if not inside(row[S_BUF], size0, row[S_BUF0], size1, row[S_BUF1], row[S_RUN], values.vec.size):
        return status.VEC
    length = row[S_RUN]
    for i1 in range(size1):
        for i0 in range(size0):
            mem = row[S_MEM] + i0 * row[S_MEM0] + i1 * row[S_MEM1]
            buf = row[S_BUF] + i0 * row[S_BUF0] + i1 * row[S_BUF1]
            _copy(view(values.vec, buf, length), view(values.memory, mem, length))
    return status.OK

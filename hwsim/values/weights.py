"""Weights of a compute command as a dense matrix [K, columns] float32, zero where nothing was kept."""

import numpy as np

from hwsim.kernels import inlined, njit
from hwsim.values.tile import PANEL
from hwsim.values.view import view


@njit
def offset_of(meta, at, column, bits):
    """Offset of a column in the packed row that starts at byte `at`."""
    bit = column * bits
    byte, low = at + (bit >> 3), bit & 7
    word = np.int64(meta[byte])
    if low + bits > 8:
        word |= np.int64(meta[byte + 1]) << 8
    return (word >> low) & ((1 << bits) - 1)


@njit
def dense_stride(cols):
    return (cols + PANEL - 1) // PANEL * PANEL


@njit
def expand_dense(weight, w0, rows, cols):
    """Rows copied to a stride of whole panels."""
    stride = dense_stride(cols)
    out = np.zeros(rows * stride, np.float32)
    for k in range(rows):
        for c in range(cols):
            out[k * stride + c] = weight[w0 + k * cols + c]
    return out


@inlined
def _unpack(packed, bits, offsets):
    """One packed row, and the byte after it, to offsets [columns] uint32."""
    mask = np.uint32((1 << bits) - 1)
    for c in range(offsets.size):
        bit = np.uint32(c) * np.uint32(bits)
        byte, low = bit >> np.uint32(3), bit & np.uint32(7)
        word = np.uint32(packed[byte]) | np.uint32(packed[byte + np.uint32(1)]) << np.uint32(8)
        offsets[c] = (word >> low) & mask


@inlined
def _place(weight, offsets, last, out, stride):
    """Puts one weight row into its block; not 0 if an offset descends or a place is taken."""
    faults = np.uint32(0)
    for c in range(offsets.size):
        offset, value = offsets[c], weight[c]
        place = np.uint64(offset) * np.uint64(stride) + np.uint64(c)
        before = out[place]
        faults |= np.uint32(offset < last[c]) | np.uint32((before != 0) & (value != 0))
        last[c] = offset
        out[place] = before if value == 0 else value
    return faults


@njit
def expand_kept(weight, w0, meta, m0, blocks, kept, bits, cols):
    """Dense matrix, and whether it says all: no column has a descending offset or two non-zeros in one place."""
    stride, meta_row = dense_stride(cols), (cols * bits + 7) >> 3
    tall = stride << bits
    out = np.zeros(blocks * tall, np.float32)
    last, offsets = np.empty(cols, np.uint32), np.empty(cols, np.uint32)
    faults = np.uint32(0)
    for b in range(blocks):
        last[:] = 0
        for n in range(kept):
            slot = b * kept + n
            at, w = m0 + slot * meta_row, w0 + slot * cols
            _unpack(view(meta, at, meta_row + 1), bits, offsets)
            faults |= _place(view(weight, w, cols), offsets, last, view(out, b * tall, tall), stride)
    return out, faults == 0


@inlined
def _nonzeros(row):
    n = np.int32(0)
    for c in range(row.size):
        n += np.int32(row[c] != 0)
    return n


@njit
def count_rows(dense, d0, stride, rows, cols):
    """[rows] int64: non-zeros of each row."""
    out = np.empty(rows, np.int64)
    for k in range(rows):
        at = d0 + k * stride
        out[k] = _nonzeros(view(dense, at, cols))
    return out

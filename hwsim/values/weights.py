"""Weights of a compute command as a dense matrix [K, columns] float32, zero where nothing was kept."""

import numpy as np

from hwsim.kernels import njit
from hwsim.values.tile import PANEL


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


@njit
def expand_kept(weight, w0, meta, m0, blocks, kept, bits, cols):
    """Dense matrix, and whether it says all: no column has a descending offset or two non-zeros in one place."""
    stride, block = dense_stride(cols), 1 << bits
    meta_row = (cols * bits + 7) >> 3
    out = np.zeros(blocks * block * stride, np.float32)
    last = np.empty(cols, np.int64)
    faults = 0
    for b in range(blocks):
        last[:] = 0
        for n in range(kept):
            slot = b * kept + n
            at = m0 + slot * meta_row
            for c in range(cols):
                offset = offset_of(meta, at, c, bits)
                value = weight[w0 + slot * cols + c]
                place = (b * block + offset) * stride + c
                faults += offset < last[c]
                last[c] = offset
                if value != 0:
                    faults += out[place] != 0
                    out[place] = value
    return out, faults == 0


@njit
def count_rows(dense, d0, stride, rows, cols):
    """[rows] non-zeros of each row."""
    out = np.zeros(rows, np.int64)
    for k in range(rows):
        n = 0
        for c in range(cols):
            n += dense[d0 + k * stride + c] != 0
        out[k] = n
    return out

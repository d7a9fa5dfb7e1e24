"""Steps of the PEs of one product: operands and sums, in the array's order; rows that leave, and what becomes of them in level acc."""

import numpy as np

from hwsim.kernels import njit
from hwsim.values.fp16 import bits_of, canonical, float_of, from_fp16
from hwsim.values.integer import wrap32


@njit
def added(total, weight, act, int8):
    """A sum (its bits, int32) and one product more. Operands: int8, or bits of fp16."""
    if int8:
        return wrap32(np.int64(total) + np.int64(weight) * np.int64(act))
    product = np.float32(from_fp16(np.uint16(act)) * from_fp16(np.uint16(weight)))
    return np.int32(bits_of(canonical(np.float32(float_of(np.uint32(total)) + product))))


@njit
def joined(total, new, int8):
    """Two sums (their bits)."""
    if int8:
        return wrap32(np.int64(total) + np.int64(new))
    return np.int32(bits_of(canonical(np.float32(float_of(np.uint32(total)) + float_of(np.uint32(new))))))


@njit
def weight_stationary(acts, weights, offsets, kept, lanes, int8, w, a, s, out):
    """acts [pixels, blocks, M], weights and offsets [slots, columns]; w, a, s [steps, rows, columns]; out [rows that leave, columns]."""
    pixels, blocks, _ = acts.shape
    _, rows, cols = w.shape
    at = row = 0
    for fold in range(0, blocks, rows):
        for first in range(0, pixels, lanes):
            for lane in range(lanes):
                pixel = first + lane
                for c in range(cols):
                    total = np.int32(0)
                    for r in range(rows):
                        for n in range(kept):
                            k, slot = at + n * lanes + lane, (fold + r) * kept + n
                            weight, act = np.int32(0), np.int32(0)
                            if fold + r < blocks:
                                weight = weights[slot, c]
                                if pixel < pixels:
                                    act = acts[pixel, fold + r, offsets[slot, c]]
                            total = added(total, weight, act, int8)
                            w[k, r, c], a[k, r, c], s[k, r, c] = weight, act, total
                    if pixel < pixels:
                        out[row + lane, c] = total
            at += kept * lanes
            row += min(lanes, pixels - first)


@njit
def output_stationary(acts, weights, offsets, kept, lanes, int8, w, a, s, out):
    """As `weight_stationary`; pixel q*lanes + lane of a group stands in row rows - 1 - q."""
    pixels, blocks, _ = acts.shape
    _, rows, cols = w.shape
    at = 0
    for first in range(0, pixels, rows * lanes):
        for r in range(rows):
            for lane in range(lanes):
                pixel = first + (rows - 1 - r) * lanes + lane
                for c in range(cols):
                    total = np.int32(0)
                    for slot in range(blocks * kept):
                        k, act = at + slot * lanes + lane, np.int32(0)
                        if pixel < pixels:
                            act = acts[pixel, slot // kept, offsets[slot, c]]
                        total = added(total, weights[slot, c], act, int8)
                        w[k, r, c], a[k, r, c], s[k, r, c] = weights[slot, c], act, total
                    if pixel < pixels:
                        out[pixel, c] = total
        at += blocks * kept * lanes


@njit
def accumulated(out, pixels, accumulate, acc, int8, before, after):
    """acc [pixels, columns] as it stands (it changes); before, after [rows that leave, columns]: what level acc gives, and what it gets."""
    for k in range(out.shape[0]):
        p = k % pixels
        for c in range(out.shape[1]):
            before[k, c] = acc[p, c]
            old = acc[p, c] if accumulate or k >= pixels else np.int32(0)
            acc[p, c] = after[k, c] = joined(old, out[k, c], int8)

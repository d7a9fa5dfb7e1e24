"""The compute command: docs/isa.md, `compute`. Sums in the machine's order; effectual and gated MACs exactly."""

import numpy as np

from hwsim.kernels import inlined, njit
from hwsim.spec.commands import column
from hwsim.values import status
from hwsim.values.fp16 import canonical
from hwsim.values.integer import wrap32
from hwsim.values.layout import C_COLS, C_NUMBER, C_ROWS, INT8, META_PAD
from hwsim.values.tile import ADD, LOAD, PANEL, ROWS, tile1, tile4, tile8
from hwsim.values.view import view
from hwsim.values.weights import count_rows, dense_stride, expand_dense, expand_kept, offset_of

DATAFLOW, ACCUMULATE, KEPT, BLOCK_LOG2 = (column("compute", n) for n in ("dataflow", "accumulate", "kept", "block_log2"))
ACT, COUNT_Q, COUNT_P, COUNT_B = (column("compute", n) for n in ("act", "count_q", "count_p", "count_b"))
STRIDE_Q, STRIDE_P, STRIDE_B = (column("compute", n) for n in ("stride_q", "stride_p", "stride_b"))
RUN, COUNT_S, COUNT_R, STRIDE_S, STRIDE_R = (column("compute", n) for n in ("run", "count_s", "count_r", "stride_s", "stride_r"))
WEIGHT, META, ACC = (column("compute", n) for n in ("weight", "meta", "acc"))
WS = 0
INT8_FOLD = 1024  # products of int8 whose sum FP32 holds exactly: 1024 * 2**14 = 2**24


@njit
def faults(row, values):
    """Status of a command's fields and ranges."""
    element = 1 if values.config[C_NUMBER] == INT8 else 2
    cols = values.config[C_COLS]
    bits, kept = row[BLOCK_LOG2], row[KEPT]
    block = 1 << bits
    counts = (row[COUNT_Q], row[COUNT_P], row[COUNT_B], row[COUNT_S], row[COUNT_R], row[RUN])
    strides = (row[STRIDE_Q], row[STRIDE_P], row[STRIDE_B], row[STRIDE_S], row[STRIDE_R])
    low, high, cut = row[ACT], row[ACT] + row[RUN] * element, row[ACT] | row[WEIGHT]
    for i in range(5):
        reach = (counts[i] - 1) * strides[i]
        low, high, cut = low + min(0, reach), high + max(0, reach), cut | strides[i]
    if min(counts) < 1 or bits > 5 or kept < 1 or kept > block or row[RUN] % block:
        return status.FIELD
    if cut % element:
        return status.ALIGN
    if low < 0 or high > values.act.size * element:
        return status.ACT
    slots = row[COUNT_R] * row[COUNT_S] * row[RUN] // block * kept
    if row[WEIGHT] + slots * cols * element > values.weight.size * element:
        return status.WEIGHT
    if bits and row[META] + slots * ((cols * bits + 7) >> 3) > values.meta.size - META_PAD:
        return status.META
    if (row[ACC] + row[COUNT_Q] * row[COUNT_P] * row[COUNT_B]) * cols > values.acc.size:
        return status.ACC
    return status.OK


@njit
def pixel_bases(row, element):
    """[T] element of level act where each pixel's walk starts."""
    base = np.empty(row[COUNT_B] * row[COUNT_P] * row[COUNT_Q], np.int64)
    t = 0
    for b in range(row[COUNT_B]):
        for p in range(row[COUNT_P]):
            for q in range(row[COUNT_Q]):
                base[t] = (row[ACT] + q * row[STRIDE_Q] + p * row[STRIDE_P] + b * row[STRIDE_B]) // element
                t += 1
    return base


@njit
def segments(row, element):
    """[segments, 2] offset from the pixel's base, length: the walk over K in maximal contiguous stretches."""
    out = np.empty((row[COUNT_R] * row[COUNT_S], 2), np.int64)
    n = 0
    for r in range(row[COUNT_R]):
        for s in range(row[COUNT_S]):
            offset = (r * row[STRIDE_R] + s * row[STRIDE_S]) // element
            if n and out[n - 1, 0] + out[n - 1, 1] == offset:
                out[n - 1, 1] += row[RUN]
            else:
                out[n, 0], out[n, 1] = offset, row[RUN]
                n += 1
    return out[:n]


@njit
def pieces(parts, fold):
    """[pieces, 4] offset, first k, length, mode: segments cut where a fold of `fold` elements ends."""
    total = 0
    for i in range(len(parts)):
        total += parts[i, 1]
    out = np.empty((len(parts) + total // fold + 1, 4), np.int64)
    n = k = 0
    for i in range(len(parts)):
        done = 0
        while done < parts[i, 1]:
            length = min(parts[i, 1] - done, fold - k % fold)
            mode = LOAD if k % fold else 0
            if (k + length) % fold == 0 or k + length == total:
                mode |= ADD
            out[n, 0], out[n, 1], out[n, 2], out[n, 3] = parts[i, 0] + done, k, length, mode
            n, k, done = n + 1, k + length, done + length
    return out[:n]


@inlined
def _count_one(act, count):
    wild = np.int32(0)
    for j in range(count.size):
        x = act[j]
        count[j] += np.int32(x != 0)
        wild += np.int32((x - x) != 0)
    return wild


@inlined
def _count_four(a, b, c, d, count):
    wild = np.int32(0)
    for j in range(count.size):
        w, x, y, z = a[j], b[j], c[j], d[j]
        count[j] += np.int32(w != 0) + np.int32(x != 0) + np.int32(y != 0) + np.int32(z != 0)
        wild += np.int32((w - w) + (x - x) + (y - y) + (z - z) != 0)
    return wild


@njit
def count_acts(act, base, parts, count):
    """Adds to `count` [K] the pixels whose element k is not zero; not 0 if an element is not finite."""
    wild, k, fours = np.int64(0), 0, base.size // 4 * 4
    for i in range(len(parts)):
        offset, length = parts[i, 0], parts[i, 1]
        for t in range(0, fours, 4):
            a, b, c, d = base[t] + offset, base[t + 1] + offset, base[t + 2] + offset, base[t + 3] + offset
            wild += _count_four(
                view(act, a, length), view(act, b, length), view(act, c, length), view(act, d, length), view(count, k, length)
            )
        for t in range(fours, base.size):
            a = base[t] + offset
            wild += _count_one(view(act, a, length), view(count, k, length))
        k += length
    return wild


@njit
def run_tile(rows, out, part, act, base, t, offset, weight, w0, stride, length, mode):
    if rows == 8:
        tile8(out, part, act, base, t, offset, weight, w0, stride, length, mode)
    elif rows == 4:
        tile4(out, part, act, base, t, offset, weight, w0, stride, length, mode)
    else:
        tile1(out, part, act, base, t, offset, weight, w0, stride, length, mode)


@njit
def group_rows(left):
    return ROWS if left >= ROWS else 4 if left >= 4 else 1


@inlined
def _copy_row(source, target):
    for c in range(target.size):
        target[c] = source[c]


@inlined
def _canonical_row(source, target):
    for c in range(target.size):
        target[c] = canonical(source[c])


@inlined
def _add_row(source, target, fresh):
    for c in range(target.size):
        before = np.int32(0) if fresh else target[c]
        target[c] = wrap32(np.int64(before) + np.int64(np.int32(source[c])))


@njit
def multiply_fp16(values, base, cuts, dense, d0, stride, acc0, accumulate):
    """Every fold from +0, then added to its row, which was set to +0 unless accumulating."""
    cols = values.config[C_COLS]
    out, part = np.zeros(ROWS * PANEL, np.float32), np.zeros(ROWS * PANEL, np.float32)
    for c0 in range(0, cols, PANEL):
        width = min(PANEL, cols - c0)
        t = 0
        while t < base.size:
            rows, at = group_rows(base.size - t), (acc0 + t) * cols + c0
            out[:] = 0
            if accumulate:
                for r in range(rows):
                    _copy_row(view(values.sums, at + r * cols, width), view(out, r * PANEL, width))
            for i in range(len(cuts)):
                w0 = d0 + cuts[i, 1] * stride + c0
                run_tile(rows, out, part, values.act, base, t, cuts[i, 0], dense, w0, stride, cuts[i, 2], cuts[i, 3])
            for r in range(rows):
                _canonical_row(view(out, r * PANEL, width), view(values.sums, at + r * cols, width))
            t += rows


@njit
def multiply_int8(values, base, cuts, dense, d0, stride, acc0, accumulate):
    """Folds short enough to be exact in FP32, added up in int32."""
    cols = values.config[C_COLS]
    part = np.zeros(ROWS * PANEL, np.float32)
    for c0 in range(0, cols, PANEL):
        width = min(PANEL, cols - c0)
        t = 0
        while t < base.size:
            rows, at, fresh = group_rows(base.size - t), (acc0 + t) * cols + c0, not accumulate
            for i in range(len(cuts)):
                w0, mode = d0 + cuts[i, 1] * stride + c0, cuts[i, 3]
                run_tile(rows, part, part, values.act, base, t, cuts[i, 0], dense, w0, stride, cuts[i, 2], mode & LOAD)
                if mode & ADD:
                    for r in range(rows):
                        _add_row(view(part, r * PANEL, width), view(values.acc, at + r * cols, width), fresh)
                    fresh = False
            t += rows


@njit
def one_by_one(row, values, base, parts, fold):
    """Slot by slot, as the command set defines it; gives the effectual MACs. For not finite activations and odd offsets."""
    element = 1 if values.config[C_NUMBER] == INT8 else 2
    cols, bits, kept = values.config[C_COLS], row[BLOCK_LOG2], row[KEPT]
    block, meta_row, w0 = 1 << bits, (cols * bits + 7) >> 3, row[WEIGHT] // element
    macs = 0
    for t in range(base.size):
        for c in range(cols):
            at = (row[ACC] + t) * cols + c
            total, chain = np.float32(0), np.float32(0)
            whole = np.int64(0)
            if row[ACCUMULATE]:
                total, whole = values.sums[at], np.int64(values.acc[at])
            k = 0
            for i in range(len(parts)):
                for j in range(0, parts[i, 1], block):
                    for n in range(kept):
                        slot = k // block * kept + n
                        offset = offset_of(values.meta, row[META] + slot * meta_row, c, bits) if bits else 0
                        a = values.act[base[t] + parts[i, 0] + j + offset]
                        w = values.weight[w0 + slot * cols + c]
                        macs += a != 0 and w != 0
                        if element == 1:
                            whole += np.int64(a) * np.int64(w)
                        else:
                            chain = np.float32(chain + np.float32(a * w))
                    k += block
                    if k % fold == 0:
                        total, chain = np.float32(total + chain), np.float32(0)
            if k % fold:
                total = np.float32(total + chain)
            if element == 1:
                values.acc[at] = wrap32(whole)
            else:
                values.sums[at] = canonical(total)
    return macs


@njit
def compute(row, values, macs):
    """Runs one command; macs[0] += effectual, macs[1] += gated; gives a status."""
    state = faults(row, values)
    if state != status.OK:
        return state
    int8 = values.config[C_NUMBER] == INT8
    element, cols, bits, kept = 1 if int8 else 2, values.config[C_COLS], row[BLOCK_LOG2], row[KEPT]
    reduced = row[COUNT_R] * row[COUNT_S] * row[RUN]
    blocks, w0 = reduced >> bits, row[WEIGHT] // element
    base, parts = pixel_bases(row, element), segments(row, element)
    fold = reduced
    if int8:
        fold = INT8_FOLD
    elif row[DATAFLOW] == WS:
        fold = values.config[C_ROWS] << bits
    plain, dense, d0, stride = True, values.weight, w0, cols
    if bits:
        dense, plain = expand_kept(values.weight, w0, values.meta, row[META], blocks, kept, bits, cols)
        d0, stride = 0, dense_stride(cols)
    elif cols % PANEL:
        dense, d0, stride = expand_dense(values.weight, w0, reduced, cols), 0, dense_stride(cols)
    count = np.zeros(reduced, np.int32)
    wild = count_acts(values.act, base, parts, count)
    if not plain or (wild and bits):
        effectual = one_by_one(row, values, base, parts, fold)
    else:
        effectual = np.sum(count * count_rows(dense, d0, stride, reduced, cols))
        cuts = pieces(parts, fold)
        if int8:
            multiply_int8(values, base, cuts, dense, d0, stride, row[ACC], row[ACCUMULATE] != 0)
        else:
            multiply_fp16(values, base, cuts, dense, d0, stride, row[ACC], row[ACCUMULATE] != 0)
    macs[0] += effectual
    macs[1] += base.size * blocks * kept * cols - effectual
    return status.OK

"""The image of a layer's weights: payload and packed offsets in the order in which the array takes
them. One image serves both dataflows.
"""

import numpy as np

from hwsim.spec.errors import MappingError
from mapper.graph.ir import Array
from mapper.nest import Product


def arrange(
    weight: Array, x: Product, mapping_chunks: tuple[tuple[int, int, int, int], ...], cols: int
) -> tuple[Array, Array]:
    """weight [n, c/groups, r, s] or [n, k] -> payload [n-tile, slot row, cols], meta [n-tile, slot
    row, bytes] uint8 (0 bytes when dense).

    Chunks are (r0, nr, c0, nc); rows of a chunk follow each other, chunks too.
    """
    w = weight.reshape(x.n, x.group_c, x.r, x.s).transpose(0, 2, 3, 1)
    if x.c_pad > x.group_c:
        w = np.pad(w, ((0, 0), (0, 0), (0, 0), (0, x.c_pad - x.group_c)))
    parts = [w[:, r0 : r0 + nr, :, c0 : c0 + nc].reshape(x.n, -1) for r0, nr, c0, nc in mapping_chunks]
    flat = np.ascontiguousarray(parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))
    if x.block == 1:
        return _tiles(flat[:, :, None], x, cols), np.zeros((x.n_tiles(cols), flat.shape[1], 0), np.uint8)
    payload, offset = select(flat, x)
    return _tiles(payload, x, cols), pack(_tiles(offset, x, cols), x.block.bit_length() - 1)


def _tiles(a: Array, x: Product, cols: int) -> Array:
    """[n, blocks, slots] -> [n-tile, blocks*slots, cols], missing columns 0."""
    a = a.reshape(x.groups, x.group_n, -1)
    short = -x.group_n % cols
    if short:
        a = np.pad(a, ((0, 0), (0, short), (0, 0)))
    return np.ascontiguousarray(a.reshape(x.n_tiles(cols), cols, -1).transpose(0, 2, 1))


def select(flat: Array, x: Product) -> tuple[Array, Array]:
    """[n, k] -> values and offsets [n, blocks, kept]; unused slots hold 0 and the last offset
    before them.
    """
    live = (flat != 0).reshape(-1, x.block)
    count = np.add.reduce(live, axis=1, dtype=np.uint8)
    most = int(count.max(initial=0))
    if most > x.kept:
        raise MappingError(
            f"{x.name} at weight: a block of {x.block} holds {most} non-zeros, the pattern {x.kept}:{x.block} keeps {x.kept}; "
            "prune the layer again or give it the pattern that it has"
        )
    at = np.flatnonzero(live)
    shape = (x.n, flat.shape[1] // x.block, x.kept)
    if int(count.min(initial=x.kept)) == x.kept:
        return flat.reshape(-1)[at].reshape(shape), (at & (x.block - 1)).astype(np.uint8).reshape(shape)
    first = np.cumsum(count, dtype=np.int64) - count
    block = at // x.block
    slot = block * x.kept + (np.arange(len(at)) - first[block])
    payload, offset = np.zeros(live.shape[0] * x.kept, flat.dtype), np.zeros(live.shape[0] * x.kept, np.uint8)
    payload[slot], offset[slot] = flat.reshape(-1)[at], at & (x.block - 1)
    return payload.reshape(shape), np.maximum.accumulate(offset.reshape(shape), axis=2)


def pack(offset: Array, bits: int) -> Array:
    """[..., cols] -> [..., ceil(cols*bits/8)] uint8, offsets of `bits` bits from bit 0."""
    split = (offset[..., None] >> np.arange(bits, dtype=np.uint8)) & 1
    return np.packbits(split.reshape(*offset.shape[:-1], -1), axis=-1, bitorder="little")

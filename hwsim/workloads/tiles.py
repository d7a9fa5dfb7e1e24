"""Which parts of a sparse matrix the single-threaded pipelines take, tile by tile. Source of the idea: Gerogiannis et al. 2024,
HPCA, HotTiles: a tile's time on each kind of pipeline is estimated, and tiles go where the slower kind ends earliest.
"""

from dataclasses import dataclass

import numpy as np

from hwsim.spec.thread import ThreadMachineSpec
from hwsim.workloads.layout import WORD_BYTES, Piece
from models.matrices.matrix import Array

TILE_COLUMNS = 64
GROUP = 8  # columns of X at once, as in the kernels
GROUP_INSTRUCTIONS = 22  # of the inner loop: two loads, eight loads, eight multiply-adds, addresses and branch
BATCH = 16  # rows of sums of a DMA command, as in the kernel; there are two such buffers
SPARE_BYTES = 64


@dataclass(frozen=True)
class Tile:
    """`entries`: which of the piece's non-zeros, sorted by row."""

    x_first: int
    x_rows: int
    entries: Array


@dataclass(frozen=True)
class Split:
    """`cold` and `hot` together are all non-zeros of the piece."""

    cold: Array
    hot: tuple[Tile, ...]


def tile_rows(spec: ThreadMachineSpec, width: int) -> int:
    """Rows of X that the scratchpad holds twice, beside the sums, up to TILE_COLUMNS; 0 where none fits."""
    free = spec.scratchpad.capacity_bytes - spec.threads * spec.stack_bits // 8 - SPARE_BYTES
    threads = spec.stp.pipelines * spec.stp.threads
    return max(0, min(TILE_COLUMNS, (free // (width * WORD_BYTES) - 2 * BATCH * threads) // 2))


def split(p: Piece, columns: int, width: int, spec: ThreadMachineSpec, version: str) -> Split:
    every = np.arange(len(p.columns))
    if version == "mtp":
        return Split(every, ())
    tiles = _tiles(p, columns, tile_rows(spec, width))
    if version == "stp":
        return Split(every[:0], tuple(tiles))
    rows = np.repeat(np.arange(p.rows), np.diff(p.starts))
    hot = _best(tiles, rows, p, width, spec)
    cold = np.ones(len(every), bool)
    for t in hot:
        cold[t.entries] = False
    return Split(every[cold], tuple(hot))


def _best(tiles: list[Tile], rows: Array, p: Piece, width: int, spec: ThreadMachineSpec) -> list[Tile]:
    """Tiles are taken while the slowest of three ends earlier for it: single-threaded pipelines, multi-threaded ones, the DRAM.
    First come those that free the most words of DRAM traffic for the cycles that they take."""
    count = np.array([len(t.entries) for t in tiles])
    runs = np.array([1 + np.count_nonzero(np.diff(rows[t.entries])) for t in tiles])
    loaded = np.array([t.x_rows for t in tiles])
    groups = width / GROUP
    missed = 2 * WORD_BYTES / spec.data_cache.line_bytes * spec.dram.latency_cycles / groups  # index and value, once for all groups
    waits = spec.scratchpad.latency_cycles + spec.arithmetic.float_cycles + spec.data_cache.hit_cycles + missed
    on_stp = spec.dram.latency_cycles + loaded * width + groups * (count * (GROUP_INSTRUCTIONS + waits) + runs * 2 * GROUP)
    on_mtp = count * GROUP_INSTRUCTIONS * groups / max(1, spec.mtp.pipelines)
    added = 2 * width * runs  # an atomic reads and writes
    freed = count * width - loaded * width - added
    order = np.argsort(-freed / on_stp, kind="stable")
    stp = np.cumsum(on_stp[order]) / max(1, spec.stp.pipelines)
    mtp = on_mtp.sum() - np.cumsum(on_mtp[order])
    words = width * (len(p.columns) + p.rows) - np.cumsum(freed[order])
    dram = spec.dram.access_cycles / spec.dram.channels
    with_none = max(on_mtp.sum(), width * (len(p.columns) + p.rows) * dram)
    ends = np.r_[with_none, np.maximum(np.maximum(stp, mtp), words * dram)]
    return [tiles[i] for i in order[: int(np.argmin(ends))]]


def _tiles(p: Piece, columns: int, most: int) -> list[Tile]:
    """Columns of the piece, `most` at a time; all that are not empty, row by row inside."""
    across = p.columns // most
    order = np.argsort(across, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(across[order])) + 1)
    return [_tile(int(across[g[0]]) * most, g, columns, most) for g in groups if len(g)]


def _tile(first: int, entries: Array, columns: int, most: int) -> Tile:
    return Tile(first, min(most, columns - first), entries)

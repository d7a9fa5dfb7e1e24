"""Which parts of a sparse matrix the single-threaded pipelines take, tile by tile. Source of the idea: Gerogiannis et al. 2024,
HPCA, HotTiles: a tile's time on each kind of pipeline is estimated, and tiles go where the slower kind ends earliest.
"""

from dataclasses import dataclass

import numpy as np

from hwsim.spec.thread import ThreadMachineSpec
from hwsim.workloads.layout import WORD_BYTES, Piece
from models.matrices.matrix import Array

TILE_COLUMNS = 256
PANELS = 4  # of a block's rows, so that a heavy column of tiles is shared
GROUP = 8  # columns of X at once, as in the kernels
GROUP_INSTRUCTIONS = 22  # of the inner loop: two loads, eight loads, eight multiply-adds, addresses and branch
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
    """Rows of X that a single-threaded pipeline's share of the scratchpad holds, up to TILE_COLUMNS; 0 where none fits."""
    free = spec.scratchpad.capacity_bytes - spec.threads * spec.stack_bits // 8 - SPARE_BYTES
    threads = max(1, spec.stp.pipelines * spec.stp.threads)
    return max(0, min(TILE_COLUMNS, free // threads // (width * WORD_BYTES)))


def split(p: Piece, columns: int, width: int, spec: ThreadMachineSpec, version: str) -> Split:
    every = np.arange(len(p.columns))
    if version == "mtp":
        return Split(every, ())
    tiles = _tiles(p, columns, tile_rows(spec, width))
    if version == "stp":
        return Split(every[:0], tuple(tiles))
    rows = np.repeat(np.arange(p.rows), np.diff(p.starts))
    hot_cycles = np.array([_hot_cycles(t, rows, width, spec) for t in tiles])
    cold_cycles = np.array([len(t.entries) * _cold_cycles(width, spec) for t in tiles])
    order = np.argsort(hot_cycles / cold_cycles, kind="stable")
    on_stp = np.cumsum(hot_cycles[order]) / max(1, spec.stp.pipelines)
    left = cold_cycles.sum() - np.cumsum(cold_cycles[order])
    ends = np.r_[cold_cycles.sum(), np.maximum(on_stp, left)]
    hot = [tiles[i] for i in sorted(order[: int(np.argmin(ends))])]
    cold = np.ones(len(every), bool)
    for t in hot:
        cold[t.entries] = False
    return Split(every[cold], tuple(hot))


def _tiles(p: Piece, columns: int, most: int) -> list[Tile]:
    """All that are not empty; panels of about the same number of rows."""
    rows = np.repeat(np.arange(p.rows), np.diff(p.starts))
    across = p.columns // most
    panel = rows * PANELS // max(1, p.rows)
    key = panel * (columns // most + 1) + across
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    groups = [g for g in np.split(order, cuts) if len(g)]
    return [_tile(int(across[g[0]]) * most, g, columns, most) for g in groups]


def _tile(first: int, entries: Array, columns: int, most: int) -> Tile:
    return Tile(first, min(most, columns - first), entries)


def _hot_cycles(t: Tile, rows: Array, width: int, spec: ThreadMachineSpec) -> float:
    """Loading it, one word a cycle; the loop's instructions and their waiting; one atomic a column and row."""
    runs = 1 + np.count_nonzero(np.diff(rows[t.entries]))
    waits = spec.scratchpad.latency_cycles + spec.arithmetic.float_cycles
    loop = len(t.entries) * (GROUP_INSTRUCTIONS + waits)
    each_run = runs * (GROUP + spec.data_cache.hit_cycles + waits)
    return spec.dram.latency_cycles + t.x_rows * width + float(loop + each_run) * width / GROUP


def _cold_cycles(width: int, spec: ThreadMachineSpec) -> float:
    """Of a non-zero on all multi-threaded pipelines together: words of X, or instructions, whichever takes longer."""
    words = width * spec.dram.access_cycles / spec.dram.channels
    return max(words, GROUP_INSTRUCTIONS * width / GROUP / max(1, spec.mtp.pipelines))

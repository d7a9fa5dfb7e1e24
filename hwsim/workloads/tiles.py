"""Which parts of a sparse matrix the single-threaded pipelines take, tile by tile. Source of the idea: Gerogiannis et al. 2024,
HPCA, HotTiles: a tile's time on each kind of pipeline is estimated, and tiles go where the slower kind ends earliest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hwsim.spec.thread import ThreadMachineSpec
from hwsim.workloads.layout import WORD_BYTES, Piece
from models.matrices.matrix import Array

TILE_COLUMNS = (64, 256, 1024)
BANDS = (1, 4, 16, 64)  # of rows, into which a piece is cut
SHORTEST_RUNS = (1, 2, 3, 4, 6, 8, 12)  # non-zeros of one row that a tile takes at least
GROUP = 8  # columns of X at once, as in the kernels
GROUP_INSTRUCTIONS = 22  # of the inner loop: two loads, eight loads, eight multiply-adds, addresses and branch
BATCH = 16  # rows of sums of a DMA command, as in the kernel; there are two such buffers
SPARE_BYTES = 64
LINED_UP = 1  # accesses of a multi-threaded pipeline's thread that wait at the DRAM, about


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
    """Rows of X that the scratchpad holds twice, beside the sums; 0 where none fits."""
    free = spec.scratchpad.capacity_bytes - spec.threads * spec.stack_bits // 8 - SPARE_BYTES
    threads = spec.stp.pipelines * spec.stp.threads
    return max(0, (free // (width * WORD_BYTES) - 2 * BATCH * threads) // 2)


def split(p: Piece, columns: int, width: int, spec: ThreadMachineSpec, version: str) -> Split:
    """Of all widths of tiles and lengths of runs the split that is estimated to end first."""
    every = np.arange(len(p.columns))
    if version == "mtp" or not len(every):
        return Split(every, ())
    rows = np.repeat(np.arange(p.rows), np.diff(p.starts))
    most = tile_rows(spec, width)
    runs_of = [_Runs(p, rows, min(n, most), columns, bands) for n in TILE_COLUMNS for bands in BANDS]
    if version == "stp":
        found = min((_Estimate(r, 1, width, spec) for r in runs_of), key=lambda e: float(e.stp[-1]))
        return Split(every[:0], found.tiles(len(found.order)))
    estimates = [_Estimate(r, n, width, spec) for r in runs_of for n in SHORTEST_RUNS]
    found = min(estimates, key=lambda e: float(e.ends.min()))
    hot = found.tiles(int(np.argmin(found.ends)))
    cold = np.ones(len(every), bool)
    for t in hot:
        cold[t.entries] = False
    return Split(every[cold], hot)


class _Runs:
    """The non-zeros of a piece in runs: of one row, and of one tile of `most` columns and one of `bands` bands of rows; tile by tile,
    row by row. Tiles are numbered along the rows first."""

    def __init__(self, p: Piece, rows: Array, most: int, columns: int, bands: int) -> None:
        self.p, self.most, self.columns, self.bands = p, most, columns, bands
        tile = p.columns // most * bands + rows * bands // max(1, p.rows)
        self.entries = np.argsort(tile, kind="stable")
        self.of, row = tile[self.entries], rows[self.entries]
        first = np.flatnonzero(np.r_[len(row) > 0, (np.diff(self.of) != 0) | (np.diff(row) != 0)][: len(row)])
        self.count = np.diff(np.r_[first, len(row)])
        self.tile, self.row = self.of[first], row[first]

    def x_first(self, tiles: Array) -> Array:
        return tiles // self.bands * self.most

    def x_rows(self, tiles: Array) -> Array:
        rows: Array = np.minimum(self.most, self.columns - self.x_first(tiles))
        return rows


class _Estimate:
    """Cycles of the single-threaded pipelines, the multi-threaded ones and the DRAM when 0, 1, ... tiles are hot, in an order in which
    those come first that free the most words of DRAM traffic for the cycles that they take. A tile is its runs of `shortest`
    non-zeros and more."""

    def __init__(self, runs: _Runs, shortest: int, width: int, spec: ThreadMachineSpec) -> None:
        self.runs, self.shortest = runs, shortest
        taken = runs.count >= shortest
        tile, count, row = runs.tile[taken], runs.count[taken], runs.row[taken]
        self.numbers, at = np.unique(tile, return_inverse=True)
        entries, of_tile = (np.bincount(at, weights, len(self.numbers)) for weights in (count, None))
        loaded = runs.x_rows(self.numbers)
        on_stp, on_mtp = _cycles(entries, of_tile, loaded, width, spec)
        freed = width * (entries - loaded - 2 * of_tile)  # an atomic reads and writes
        self.order = np.argsort(-freed / on_stp, kind="stable")
        mixed = width * _first_seen(row, at, self.order, runs.p)
        self.stp = _sums(on_stp[self.order]) / max(1, spec.stp.pipelines)
        mtp = len(runs.entries) * on_mtp - _sums(entries[self.order] * on_mtp)
        rows_of_y = np.count_nonzero(np.diff(runs.p.starts))
        words = (width + 2) * len(runs.entries) + width * rows_of_y - _sums(freed[self.order]) + _sums(mixed)
        dram = spec.dram.access_cycles / spec.dram.channels
        self.ends = np.maximum(np.maximum(self.stp, mtp), words * dram)

    def tiles(self, number: int) -> tuple[Tile, ...]:
        """The first `number` in the order."""
        return tuple(self._tiles(number))

    def _tiles(self, number: int) -> Iterator[Tile]:
        r, numbers = self.runs, self.numbers[self.order[:number]]
        taken = np.repeat(r.count >= self.shortest, r.count)
        entries, of = r.entries[taken], r.of[taken]
        cuts = (np.searchsorted(of, numbers + i) for i in (0, 1))
        for x_first, x_rows, first, end in zip(r.x_first(numbers), r.x_rows(numbers), *cuts, strict=True):
            yield Tile(int(x_first), int(x_rows), entries[first:end])


def _cycles(entries: Array, runs: Array, loaded: Array, width: int, spec: ThreadMachineSpec) -> tuple[Array, float]:
    """Of tiles on one single-threaded pipeline; of a non-zero on all multi-threaded ones."""
    groups = width / GROUP
    line = LINED_UP * spec.mtp_threads * spec.dram.access_cycles / spec.dram.channels
    missed = 2 * WORD_BYTES / spec.data_cache.line_bytes * (line + spec.dram.latency_cycles) / groups  # index, value: once for all groups
    waits = spec.scratchpad.latency_cycles + spec.arithmetic.float_cycles + spec.data_cache.hit_cycles + missed
    instructions = groups * (entries * GROUP_INSTRUCTIONS + runs * 2 * GROUP)
    on_stp = spec.dram.latency_cycles + loaded * width + instructions * spec.stp.issue_interval_cycles + groups * entries * waits
    every = max(1.0, spec.mtp.issue_interval_cycles / spec.mtp.threads)
    return on_stp, GROUP_INSTRUCTIONS * groups * every / max(1, spec.mtp.pipelines)


def _first_seen(row: Array, tile: Array, order: Array, p: Piece) -> Array:
    """For each tile in the order: how many rows of Y it is the first one to share with the cold part, which then adds to them at
    the memory too."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    first = np.full(p.rows, len(order), np.int64)
    np.minimum.at(first, row, place[tile])
    count: Array = np.bincount(first, minlength=len(order) + 1)[: len(order)]
    return count


def _sums(x: Array) -> Array:
    """Of the first 0, 1, ... elements."""
    ends: Array = np.r_[0.0, np.cumsum(x)]
    return ends

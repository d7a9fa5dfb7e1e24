"""Y = A X, X dense: on multi-threaded pipelines, on single-threaded ones, on both. Kernel: spmm.c."""

import numpy as np

from hwsim.spec.errors import MatrixError
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.workloads.check import sums
from hwsim.workloads.layout import Checked, Done, Layout, Piece, Task, Word, pieces
from hwsim.workloads.tiles import Tile, split, tile_rows
from models.matrices.matrix import Array, Matrix

VERSIONS = ("both", "mtp", "stp")


def prepare(lay: Layout, a: Matrix, spec: ThreadMachineSpec, version: str, width: int, seed: int) -> Task:
    _check(spec, version, width)
    x = np.random.default_rng(seed).uniform(-1, 1, (a.shape[1], width))
    parts = pieces(a, lay.blocks)
    shared, most = lay.shared(x), tile_rows(spec, width)
    out = [lay.own_zeros(p.rows * width, p.block) for p in parts]
    records, hot = [], 0
    for p, y in zip(parts, out, strict=True):
        s = split(p, a.shape[1], width, spec, version)
        hot += len(p.columns) - len(s.cold)
        records.append([*lay.rows_of(_cold(p, s.cold)), width, shared, y, *_hot(lay, p, s.hot), most, _mixed(lay, p, s.hot)])

    def read(done: Done) -> Array:
        found = [done.read(y, p.rows * width, np.float64) for p, y in zip(parts, out, strict=True)]
        return np.concatenate(found).reshape(-1, width)

    def check(got: Array) -> Checked:
        m = a.scipy()
        return sums("SciPy", got, m @ x, abs(m) @ abs(x))

    work = {"flop": 2 * a.nonzeros * width, "hot_nonzeros": hot, "nonzeros": a.nonzeros}
    return Task("spmm", (lay.records(records),), work, read, check)


def _check(spec: ThreadMachineSpec, version: str, width: int) -> None:
    if width < 8 or width % 8:
        raise MatrixError(f"width: {width} is not a multiple of 8 from 8 on; use 32")
    if version != "stp" and not spec.mtp.pipelines:
        raise MatrixError(f"version: {version} wants multi-threaded pipelines, {spec.name} has none; use stp")
    if version != "mtp" and not spec.stp.pipelines:
        raise MatrixError(f"version: {version} wants single-threaded pipelines, {spec.name} has none; use mtp")
    if version != "mtp" and not tile_rows(spec, width):
        raise MatrixError(f"width: a row of {width} does not fit the scratchpad of {spec.name}; lower it, or use mtp")


def _cold(p: Piece, entries: Array) -> Piece:
    rows = np.repeat(np.arange(p.rows), np.diff(p.starts))[entries]
    starts = np.r_[0, np.cumsum(np.bincount(rows, minlength=p.rows))].astype(np.int64)
    return Piece(p.block, p.first, starts, p.columns[entries], p.values[entries])


def _mixed(lay: Layout, p: Piece, tiles: tuple[Tile, ...]) -> int:
    """Which rows of Y tiles add to."""
    if not tiles:
        return 0
    mixed = np.zeros(p.rows, np.int64)
    rows = np.repeat(np.arange(p.rows), np.diff(p.starts))
    mixed[rows[np.concatenate([t.entries for t in tiles])]] = 1
    return lay.own(mixed, p.block)


def _hot(lay: Layout, p: Piece, tiles: tuple[Tile, ...]) -> list[Word]:
    """Tiles as the kernel reads them: runs of non-zeros in one row, one tile behind the other."""
    rows = np.repeat(np.arange(p.rows), np.diff(p.starts))
    records: list[list[int]] = []
    run_rows: list[int] = []
    run_starts = [0]
    columns, values = [], []
    for t in tiles:
        of = rows[t.entries]
        cuts = np.r_[0, np.flatnonzero(np.diff(of)) + 1, len(of)]
        first = len(run_rows)
        run_rows += of[cuts[:-1]].tolist()
        run_starts += (run_starts[-1] + cuts[1:]).tolist()
        columns.append(p.columns[t.entries] - t.x_first)
        values.append(p.values[t.entries])
        records.append([t.x_first, t.x_rows, first, len(run_rows)])
    lists = [np.array(x, np.int64) for x in (records, run_rows, run_starts)]
    flat = [np.concatenate([*x, np.zeros(0, d)]) for x, d in ((columns, np.int64), (values, np.float64))]
    return [len(tiles), *(lay.own(x, p.block) for x in (*lists, *flat))]

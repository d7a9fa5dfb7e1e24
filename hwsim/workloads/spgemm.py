"""C = A x B: SMASH in three versions, and by inner and outer products. Kernels: spgemm_*.c."""

import numpy as np
from scipy.sparse import csr_array

from hwsim.spec.errors import MatrixError
from hwsim.workloads.check import sparse
from hwsim.workloads.layout import Checked, Done, Layout, Piece, Task, Word, pieces
from models.matrices.matrix import Array, Matrix

VERSIONS = ("v1", "v2", "v3", "inner", "outer")
MOST_NONZEROS = 1 << 30  # of a block's rows of A: a token's field
MOST_ROW = (1 << 13) * 256 - 256  # non-zeros in a row of B: a token's pieces


def prepare(lay: Layout, a: Matrix, b: Matrix, version: str) -> Task:
    _check(a, b)
    if version in ("inner", "outer"):
        a, b = a.summed(), b.summed()
    places = [_Place(lay, p, b, version) for p in pieces(a, lay.blocks)]
    shared = lay.shared_csr(b)
    turned = lay.shared_csr(b.transposed()) if version == "inner" else []
    records = [p.record(lay, b, shared) + (turned if version == "inner" else p.outer(lay, a)) for p in places]
    products = int(sum(p.products.sum() for p in places))
    work = {"multiplies": products, "flop": 2 * products}

    def read(done: Done) -> csr_array:
        return _product(done, places, (a.shape[0], b.shape[1]))

    return Task(f"spgemm_{version}", (lay.records(records),), work, read, lambda got: check(got, a, b))


def check(got: csr_array, a: Matrix, b: Matrix) -> Checked:
    x, y = a.scipy(), b.scipy()
    ones = [csr_array((np.ones(m.nonzeros), m.columns, m.starts), m.shape, copy=True) for m in (a, b)]
    return sparse("SciPy", got, x @ y, abs(x) @ abs(y), ones[0] @ ones[1])


def _check(a: Matrix, b: Matrix) -> None:
    if a.shape[1] != b.shape[0]:
        raise MatrixError(f"{b.where}: {b.shape[0]} rows, the matrix before it has {a.shape[1]} columns; give one that fits")
    longest = int(np.diff(b.starts).max(initial=0))
    if longest > MOST_ROW:
        raise MatrixError(f"{b.where}: a row has {longest} non-zeros; spgemm takes up to {MOST_ROW}")
    if a.nonzeros >= MOST_NONZEROS:
        raise MatrixError(f"{a.where}: {a.nonzeros} non-zeros; spgemm takes fewer than {MOST_NONZEROS}")


class _Place:
    """One block's rows of A, and room for theirs of C."""

    def __init__(self, lay: Layout, piece: Piece, b: Matrix, version: str) -> None:
        self.piece, self.version = piece, version
        each = np.r_[0, np.cumsum(np.diff(b.starts)[piece.columns])]
        self.products: Array = each[piece.starts[1:]] - each[piece.starts[:-1]]
        room = self.products if version == "outer" else np.minimum(self.products, b.shape[1])
        self.room = int(room.sum())
        block, rows = piece.block, piece.rows
        self.starts, self.counts = lay.own_zeros(rows + 1, block), lay.own_zeros(rows, block)
        self.columns, self.values = lay.own_zeros(self.room, block), lay.own_zeros(self.room, block)

    def record(self, lay: Layout, b: Matrix, shared: list[Word]) -> list[Word]:
        products = lay.own_zeros(self.piece.rows, self.piece.block)
        out = [products, self.starts, self.counts, self.columns, self.values]
        return [*lay.rows_of(self.piece), b.shape[1], *shared, *out]

    def outer(self, lay: Layout, a: Matrix) -> list[Word]:
        """A's rows of the block by columns, and two buffers of all products; nothing for other versions."""
        if self.version != "outer":
            return []
        p, block = self.piece, self.piece.block
        turned = Matrix(a.name, a.where, (p.rows, a.shape[1]), p.starts, p.columns, p.values).transposed()
        csr = [lay.own(x, block) for x in (turned.starts, turned.columns, turned.values)]
        return [a.shape[1], *csr, lay.own_zeros(2 * self.room, block), lay.own_zeros(2 * self.room, block)]


def _product(done: Done, places: list[_Place], shape: tuple[int, int]) -> csr_array:
    parts: list[tuple[Array, Array, Array]] = []
    for p in places:
        starts, counts = done.read(p.starts, p.piece.rows, np.int64), done.read(p.counts, p.piece.rows, np.int64)
        columns, values = done.read(p.columns, p.room, np.int64), done.read(p.values, p.room, np.float64)
        ahead = np.cumsum(counts) - counts
        at = np.repeat(starts - ahead, counts) + np.arange(counts.sum())
        parts.append((counts, columns[at], values[at]))
    counts, columns, values = (np.concatenate(x) for x in zip(*parts, strict=True))
    return csr_array((values, columns, np.r_[0, np.cumsum(counts)]), shape)

"""Lays sparse matrices and arguments in a thread machine's memory.

A block owns consecutive rows, with about the same number of non-zeros as every other block, in its own DRAM; what all blocks
read or write lies over all of them, granule by granule. A kernel's argument is the address of one record a block.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models.matrices.matrix import Array, Matrix

WORD_BYTES = 8
Word = int | float


class Store(Protocol):
    """The memory before a run: gives addresses."""

    def place(self, array: Array, where: str, *, block: int = 0) -> int: ...

    def reserve(self, size: int, where: str, *, block: int = 0) -> int: ...


class Done(Protocol):
    """The memory after a run."""

    def read(self, address: int, count: int, dtype: Any) -> Array: ...


@dataclass(frozen=True)
class Piece:
    """Rows first..first + rows - 1; `starts` [rows + 1] counts from the piece's first non-zero."""

    block: int
    first: int
    starts: Array
    columns: Array
    values: Array

    @property
    def rows(self) -> int:
        return len(self.starts) - 1


def pieces(m: Matrix, blocks: int) -> list[Piece]:
    ends = np.searchsorted(m.starts, [m.nonzeros * b // blocks for b in range(blocks + 1)])
    ends[0], ends[-1] = 0, m.shape[0]
    return [_piece(m, b, int(ends[b]), int(ends[b + 1])) for b in range(blocks)]


def _piece(m: Matrix, block: int, first: int, end: int) -> Piece:
    low, high = m.starts[first], m.starts[end]
    return Piece(block, first, m.starts[first : end + 1] - low, m.columns[low:high], m.values[low:high])


class Layout:
    """Addresses in one run's memory; arrays of no element get one, so that each has an address."""

    def __init__(self, store: Store, blocks: int) -> None:
        self.store, self.blocks = store, blocks

    def shared(self, array: Array) -> int:
        return self.store.place(_some(array), "interleaved")

    def shared_zeros(self, words: int) -> int:
        return self.store.reserve(max(1, words) * WORD_BYTES, "interleaved")

    def own(self, array: Array, block: int) -> int:
        return self.store.place(_some(array), "block", block=block)

    def own_zeros(self, words: int, block: int) -> int:
        return self.store.reserve(max(1, words) * WORD_BYTES, "block", block=block)

    def rows_of(self, p: Piece) -> list[Word]:
        """The words of `rows_of` in rows.h."""
        return [p.rows, self.own(p.starts, p.block), self.own(p.columns, p.block), self.own(p.values, p.block)]

    def shared_csr(self, m: Matrix) -> list[Word]:
        return [self.shared(m.starts), self.shared(m.columns), self.shared(m.values)]

    def records(self, rows: Sequence[Sequence[Word]]) -> int:
        """One record a block, doubles as their bits."""
        words = [[np.float64(w).view(np.int64) if isinstance(w, float) else np.int64(w) for w in r] for r in rows]
        return self.shared(np.array(words, np.int64))


def _some(array: Array) -> Array:
    return np.ascontiguousarray(array) if array.size else np.zeros(1, array.dtype)


@dataclass(frozen=True)
class Checked:
    """How the machine's answer stands to the oracle's. `worst`: largest difference as a share of what is allowed."""

    against: str
    equal: bool
    worst: float
    allowed: str


@dataclass(frozen=True)
class Task:
    """One kernel's run, prepared. `args`: what its first arguments are; `work`: named amounts that rates are built from;
    `read` gives the answer and `check` compares it."""

    image: str
    args: tuple[Word, ...]
    work: dict[str, int]
    read: Callable[[Done], Any]
    check: Callable[[Any], Checked]

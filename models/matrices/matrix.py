"""A sparse matrix row by row, as the machine's memory holds it, and where it came from."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from hwsim.spec.errors import MatrixError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Matrix:
    """`starts` [rows + 1] int64, `columns` [nonzeros] int64 ascending in a row, `values` [nonzeros] float64. A place may
    be given more than once: its values add up. `where` names the place that states the shape, for errors.
    """

    name: str
    where: str
    shape: tuple[int, int]
    starts: Array
    columns: Array
    values: Array

    @property
    def nonzeros(self) -> int:
        return len(self.columns)

    def __str__(self) -> str:
        return f"{self.name}: {self.shape[0]:,} x {self.shape[1]:,}, {self.nonzeros:,} non-zeros"

    def scipy(self) -> csr_array:
        """A copy, since SciPy adds up places given more than once where it likes, in place."""
        return csr_array((self.values, self.columns, self.starts), self.shape, copy=True)

    def transposed(self) -> "Matrix":
        rows = np.repeat(np.arange(self.shape[0]), np.diff(self.starts))
        return from_entries(self.name, self.where, self.shape[::-1], self.columns, rows, self.values)

    def summed(self) -> "Matrix":
        """Each place once."""
        found = self.scipy()
        found.sum_duplicates()
        return from_scipy(self.name, self.where, found)

    def check_positive(self, workload: str) -> None:
        least = float(self.values.min(initial=0.0))
        if least < 0:
            raise MatrixError(f"{self.where}: holds {least:g}; {workload} wants weights of 0 or more")

    def check_square(self, workload: str) -> None:
        rows, cols = self.shape
        if rows != cols:
            raise MatrixError(f"{self.where}: {rows} x {cols} is not square; {workload} wants as many rows as columns")


def from_entries(
    name: str, where: str, shape: tuple[int, int], rows: Array, columns: Array, values: Array
) -> Matrix:
    """Entries in any order; equal places stay apart, in the order given."""
    order = np.lexsort((columns, rows))
    starts = np.zeros(shape[0] + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=shape[0]), out=starts[1:])
    return Matrix(
        name, where, shape, starts, columns[order].astype(np.int64), values[order].astype(np.float64)
    )


def from_scipy(name: str, where: str, found: Any) -> Matrix:
    c = coo_array(found)
    rows, columns = c.coords
    return from_entries(name, where, c.shape, rows.astype(np.int64), columns, c.data)

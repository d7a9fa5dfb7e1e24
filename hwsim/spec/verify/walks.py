"""Affine walks over a level or over memory: what they touch, where they end, whether two of them meet."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwsim.spec.verify.table import Batch, Bools, Faults, Ints

STARTS_MAX = 1 << 18  # runs of one walk that are listed one by one


@dataclass(frozen=True)
class Walks:
    """One operand of each command of a batch: `run` units at base + sum of i*stride, for every i below its count, for every dim.

    Units are bytes; in level acc, rows. `size` is what the level holds.
    """

    batch: Batch
    field: str
    level: str
    write: bool
    size: int
    base: Ints
    dims: tuple[tuple[Ints, Ints], ...]
    run: Ints

    @cached_property
    def low(self) -> Ints:
        out: Ints = self.base + sum(
            np.minimum(0, (count - 1) * stride) for count, stride in self.dims
        )
        return out

    @cached_property
    def high(self) -> Ints:
        """One past the last unit."""
        out: Ints = (
            self.base
            + self.run
            + sum(np.maximum(0, (count - 1) * stride) for count, stride in self.dims)
        )
        return out

    @property
    def unit(self) -> str:
        return "rows" if self.level == "acc" else "bytes"

    def check_inside(self, faults: Faults) -> None:
        def text(n: int) -> str:
            span = f"{self.unit} {self.low[n]}..{self.high[n] - 1} of {self.level}"
            return (
                f"{self.batch.op}.{self.field} is {self.base[n]}: the walk touches {span}, which has 0..{self.size - 1}; "
                "move or shrink it"
            )

        faults.check(self.batch, (self.low < 0) | (self.high > self.size), text)

    def check_banks(self, faults: Faults, bank_bytes: int, row_dims: int, what: str) -> None:
        """Each row (all but the first `row_dims` dims, and the run) must lie in one bank."""
        spread = self.low // bank_bytes != (self.high - 1) // bank_bytes
        bad = np.zeros(len(self.batch), bool)
        for n in np.flatnonzero(spread):
            bad[n] = self._straddles(int(n), bank_bytes, row_dims)

        def text(n: int) -> str:
            return (
                f"{self.batch.op}.{self.field} is {self.base[n]}: a {what} straddles two banks of {bank_bytes} bytes of {self.level}; "
                "keep each in one bank"
            )

        faults.check(self.batch, bad, text)

    def _straddles(self, n: int, bank: int, row_dims: int) -> bool:
        dims = [(int(c[n]), int(s[n])) for c, s in self.dims]
        inner = dims[row_dims:]
        first = int(self.base[n]) + sum(min(0, (c - 1) * s) for c, s in inner)
        length = int(self.run[n]) + sum((c - 1) * abs(s) for c, s in inner)
        outer = [(c, s) for c, s in dims[:row_dims] if c > 1 and s != 0] + [(1, 1)] * 2
        (count0, stride0), (count1, stride1) = outer[:2]
        if stride0 < 0:  # the same row starts, walked upwards
            first, stride0 = first + (count0 - 1) * stride0, -stride0
        starts = first + np.arange(count1)[:, None] * stride1
        edges = np.arange(1, -(-self.size // bank))[None, :] * bank
        # a row straddles an edge when it starts in edge-length+1 .. edge-1
        lowest = np.maximum(0, -(-(edges - length + 1 - starts) // stride0))
        highest = np.minimum(count0 - 1, (edges - 1 - starts) // stride0)
        return bool((lowest <= highest).any())

    def starts(self, n: int) -> tuple[Ints, int] | None:
        """Start of each run, sorted, and their length; None when they are too many to list."""
        run, dims = int(self.run[n]), [(int(c[n]), abs(int(s[n]))) for c, s in self.dims]
        dims = sorted(((c, s) for c, s in dims if c > 1 and s > 0), key=lambda d: d[1])
        while dims and dims[0][1] <= run:  # runs that touch are one run
            count, stride = dims.pop(0)
            run += (count - 1) * stride
        out = np.array([self.low[n]], np.int64)
        for count, stride in dims:
            if len(out) * count > STARTS_MAX:
                return None
            out = np.unique(out[:, None] + np.arange(count) * stride)
        return out, run


def meet(a: Walks, i: int, b: Walks, j: int) -> bool:
    """Whether two walks of one level share a unit. Walks of more runs than STARTS_MAX count as solid from end to end."""
    runs_a, runs_b = a.starts(i), b.starts(j)
    if runs_a is None:
        runs_a = a.low[i : i + 1], int(a.high[i] - a.low[i])
    if runs_b is None:
        runs_b = b.low[j : j + 1], int(b.high[j] - b.low[j])
    (starts_a, length_a), (starts_b, length_b) = runs_a, runs_b
    below = (
        np.searchsorted(starts_b, starts_a + length_a) - 1
    )  # of b, the last to start before a run of a ends
    hit: Bools = (below >= 0) & (starts_b[np.maximum(below, 0)] + length_b > starts_a)
    return bool(hit.any())

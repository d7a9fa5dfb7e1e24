"""Compares answers with an oracle's. Sums of doubles depend on the order in which atomics arrive, so they are compared within
TOLERANCE of the sum of their terms' magnitudes; everything else is compared exactly."""

import numpy as np
from scipy.sparse import csr_array

from hwsim.workloads.layout import Checked
from models.matrices.matrix import Array

TOLERANCE = 1e-12
ALLOWED = f"{TOLERANCE:g} of the sum of magnitudes"


def sums(against: str, got: Array, want: Array, magnitudes: Array) -> Checked:
    """All of one shape; `magnitudes`: the same sums with every term's absolute value."""
    allowed = TOLERANCE * np.maximum(magnitudes, np.finfo(np.float64).tiny)
    with np.errstate(over="ignore"):
        off = np.abs(got - want) / allowed
    worst = float(np.max(np.where(np.isnan(off), np.inf, off), initial=0.0))
    return Checked(against, worst <= 1, worst, ALLOWED)


def exact(against: str, got: Array, want: Array) -> Checked:
    equal = bool(np.array_equal(got, want))
    return Checked(against, equal, 0.0 if equal else float("inf"), "equal")


def sparse(against: str, got: csr_array, want: csr_array, magnitudes: csr_array, pattern: csr_array) -> Checked:
    """Every place of `pattern` once and no other; places that cancel out stand in `got` as zeros."""
    ones = csr_array((np.ones(got.nnz), got.indices, got.indptr), got.shape, copy=True)  # summing sorts in place
    ones.sum_duplicates()
    once = ones.nnz == got.nnz == pattern.nnz and (ones != (pattern != 0)).nnz == 0
    off = abs(got - want).tocoo()
    allowed = TOLERANCE * magnitudes.tocsr()[off.coords[0], off.coords[1]] if off.nnz else np.ones(0)
    with np.errstate(over="ignore"):
        share = off.data / np.maximum(np.asarray(allowed).ravel(), np.finfo(np.float64).tiny)
    worst = float(np.max(np.where(np.isnan(share), np.inf, share), initial=0.0))
    return Checked(against, bool(once and worst <= 1), worst if once else float("inf"), ALLOWED)

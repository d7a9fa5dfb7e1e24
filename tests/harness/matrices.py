"""Matrices that kernels stumble over, small ones first, and draws for hypothesis."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from models.matrices import Matrix, graph, rmat
from models.matrices.matrix import from_entries


def of(shape: tuple[int, int], rows: Any, columns: Any, seed: int = 0) -> Matrix:
    """Values uniform in [0.5, 1.5)."""
    r, c = np.asarray(rows, np.int64), np.asarray(columns, np.int64)
    return from_entries("made", "made", shape, r, c, np.random.default_rng(seed).uniform(0.5, 1.5, len(r)))


def drawn(shape: tuple[int, int], count: int, seed: int = 0) -> Matrix:
    """Places drawn with repetition: some are given more than once."""
    rng = np.random.default_rng(seed)
    return of(shape, rng.integers(0, shape[0], count), rng.integers(0, shape[1], count), seed)


SQUARE = {
    "no entry": of((9, 9), [], []),
    "one entry": of((1, 1), [0], [0]),
    "one entry thrice": of((1, 1), [0, 0, 0], [0, 0, 0]),
    "empty rows": of((60, 60), [3, 3, 50, 50, 50], [59, 2, 0, 3, 50]),
    "one dense row": of((50, 50), np.r_[np.full(50, 41), np.arange(50)], np.r_[np.arange(50), np.full(50, 41)]),
    "duplicates": drawn((20, 20), 300),
    "identity": of((70, 70), np.arange(70), np.arange(70)),
    "full": of((16, 16), np.repeat(np.arange(16), 16), np.tile(np.arange(16), 16)),
    "karate": graph("karate"),
    "rmat 6": rmat(6),
}
# columns whose places in a table of at most 2^10 slots are all the same one
BUCKET = of((12, 9 << 10), np.repeat(np.arange(12), 9), np.tile(np.arange(9) << 10, 12))
PAIRS = {
    "1 x n": (drawn((1, 100), 50), drawn((100, 3), 60)),
    "n x 1": (drawn((60, 1), 40), drawn((1, 70), 50)),
    "a row wider than the table": (drawn((3, 20), 30), drawn((20, 1200), 1500)),
    "one bucket": (drawn((30, 12), 90), BUCKET),
    "flat": (drawn((2, 3), 5), drawn((3, 2), 4)),
}


@st.composite
def matrices(draw: Any, most: int = 40, square: bool = False) -> Matrix:
    rows = draw(st.integers(1, most))
    columns = rows if square else draw(st.integers(1, most))
    entry = st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1))
    # places that stand close together are likelier to make long rows, empty ones and duplicates
    near = st.tuples(st.integers(0, min(2, rows - 1)), st.integers(0, columns - 1))
    found = draw(st.lists(st.one_of(entry, near), max_size=200))
    return of((rows, columns), [r for r, _ in found], [c for _, c in found], draw(st.integers(0, 99)))

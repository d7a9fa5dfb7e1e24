"""Seeded R-MAT matrices: each entry falls, bit by bit, into one of four quarters.

Source: Chakrabarti, Zhan and Faloutsos 2004, SIAM Data Mining (the recursion); Graph500 benchmark 3.0 (its quarters
0.57, 0.19, 0.19, 0.05, and 16 edges a vertex).
"""

import numpy as np

from hwsim.spec.errors import MatrixError
from models.matrices.matrix import Array, Matrix, from_entries

GRAPH500 = (0.57, 0.19, 0.19, 0.05)
EDGE_FACTOR = 16
MOST_SCALE = 24
MOST_DENSITY = 0.5  # of distinct places asked for; drawing until all are found takes ever longer above


def rmat(
    scale: int,
    *,
    edge_factor: int = EDGE_FACTOR,
    nonzeros: int | None = None,
    quarters: tuple[float, float, float, float] = GRAPH500,
    seed: int = 0,
) -> Matrix:
    """2^scale rows and columns. `edge_factor` x rows places are drawn and those drawn twice kept once; with `nonzeros`
    it is drawn on until so many distinct places are found. Values are uniform in [0.5, 1.5)."""
    where = f"rmat {scale}"
    if not 1 <= scale <= MOST_SCALE:
        raise MatrixError(f"{where}: scale is {scale}; give 1 to {MOST_SCALE}")
    if edge_factor < 1:
        raise MatrixError(f"{where}: edge factor is {edge_factor}; give 1 or more")
    if min(quarters) < 0 or abs(sum(quarters) - 1) > 1e-9:
        shown = ", ".join(f"{q:g}" for q in quarters)
        raise MatrixError(f"{where}: quarters are {shown}; give four fractions that add up to 1")
    rows = 1 << scale
    if nonzeros is not None and not 1 <= nonzeros <= MOST_DENSITY * rows * rows:
        raise MatrixError(f"{where}: {nonzeros} non-zeros; give 1 to {int(MOST_DENSITY * rows * rows)}")
    rng = np.random.default_rng([seed, scale])
    keys = _distinct(_draw(rng, scale, edge_factor * rows, quarters))
    if nonzeros is not None:
        while len(keys) < nonzeros:
            keys = _distinct(np.r_[keys, _draw(rng, scale, nonzeros, quarters)])
        keys = keys[:nonzeros]
    values = rng.uniform(0.5, 1.5, len(keys))
    return from_entries(f"rmat{scale}-{seed}", where, (rows, rows), keys >> scale, keys & (rows - 1), values)


def _draw(rng: np.random.Generator, scale: int, count: int, quarters: tuple[float, ...]) -> Array:
    """[count] int64: row << scale | column."""
    keys = np.zeros(count, np.int64)
    bounds = np.cumsum(quarters)[:3]
    for _ in range(scale):
        quarter = np.searchsorted(bounds, rng.random(count), side="right")
        keys = (keys << 1) | (quarter >> 1 << scale) | (quarter & 1)
    return keys


def _distinct(keys: Array) -> Array:
    """In the order of drawing, so that a longer draw starts with the shorter one."""
    _, first = np.unique(keys, return_index=True)
    return keys[np.sort(first)]

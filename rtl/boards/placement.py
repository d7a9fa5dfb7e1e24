"""Where the cells of a netlist would stand if only wires counted: the shortest ones, and what they must give up to find room.

By turns, wires are made short, each cell drawn to where it stood in the other (lower), and all cells are spread over the area that they
need (upper). Source: Kim, Lee, Markov 2012, SimPL (doi 10.1109/TCAD.2011.2170567); wires: the bounds' model of Spindler, Schlichtmann,
Johannes 2008 (doi 10.1109/TCAD.2008.925783).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array, diags_array

Array = Any
GATHERED, ROUNDS = 5, 40
PULL, WEAK = 0.02, 1e-3  # PULL: of a place of the spread cells, grows from round to round; WEAK: of the rest
LEAST_DISTANCE = 0.5
STEPS, EXACT = 150, 1e-4  # of a solution
LEAF = 8  # cells that are not spread further
GRID = 1 << 20  # parts of a tile: rounding hides how one machine adds from how another does


@dataclass(frozen=True)
class Wires:
    """`cell` and `net` of each pin, sorted by net; every net has two pins or more."""

    cells: int
    cell: Array
    net: Array

    @property
    def degree(self) -> Array:
        return np.bincount(self.net)

    @property
    def pins(self) -> Array:
        """[cells]"""
        return np.bincount(self.cell, minlength=self.cells)


def spread(at: Array, area: Array, box: Array) -> Array:
    """Cuts the box in two, and the cells by their order along its longer side, until few are left. Cells without an area stay."""
    out, todo = at.copy(), [(np.flatnonzero(area > 0), box)]
    while todo:
        some, box = todo.pop()
        if len(some) <= LEAF:
            out[:, some] = box.mean(1)[:, None]
            continue
        side = int(np.argmax(box[:, 1] - box[:, 0]))
        order = some[np.argsort(at[side, some], kind="stable")]
        filled = np.cumsum(area[order])
        half = int(np.clip(np.searchsorted(filled, filled[-1] / 2) + 1, 1, len(order) - 1))
        cut = box[side, 0] + (box[side, 1] - box[side, 0]) * filled[half - 1] / filled[-1]
        low, high = box.copy(), box.copy()
        low[side, 1] = high[side, 0] = cut
        todo += [(order[:half], low), (order[half:], high)]
    return out


def _drawn(wires: Wires, x: Array, goal: Array, pull: Array) -> Array:
    """Along one axis: shorter wires, with springs of strength `pull` to `goal`."""
    order = np.lexsort((x[wires.cell], wires.net))
    cell, net = wires.cell[order], wires.net[order]
    first = np.r_[True, net[1:] != net[:-1]]
    low, high = cell[first][net], cell[np.r_[first[1:], True]][net]
    # every pin to the two bounds of its net, the bounds to each other once
    a, b, n = np.r_[cell, np.where(first, high, cell)], np.r_[low, high], np.r_[net, net]
    apart = a != b
    a, b, n = a[apart], b[apart], n[apart]
    strength = 1 / (wires.degree[n] - 1) / np.maximum(np.abs(x[a] - x[b]), LEAST_DISTANCE)
    spring = pull / np.maximum(np.abs(x - goal), LEAST_DISTANCE)
    diagonal = np.bincount(a, strength, wires.cells) + np.bincount(b, strength, wires.cells) + spring
    pairs = coo_array((np.r_[-strength, -strength], (np.r_[a, b], np.r_[b, a])), shape=(wires.cells, wires.cells))
    return _solved(pairs.tocsr() + diags_array(diagonal), diagonal, spring * goal, x)


def _solved(matrix: Any, diagonal: Array, right: Array, x: Array) -> Array:
    """Conjugate gradients from `x` on. SciPy's add by threads, and so not the same on every machine: sites, and with them the bitstream,
    would depend on it."""
    left = right - matrix @ x
    step = least = left / diagonal
    size, enough = (left * least).sum(), EXACT**2 * (right * right).sum()
    for _ in range(STEPS):
        if (left * left).sum() <= enough:
            break
        moved = matrix @ step
        far = size / (step * moved).sum()
        x, left = x + far * step, left - far * moved
        least = left / diagonal
        before, size = size, (left * least).sum()
        step = least + size / before * step
    return x


def place(
    wires: Wires, area: Array, box: Array, fixed: Array, seat: Callable[[Array, Array], None], heard: Callable[[int], None], seed: int
) -> Array:
    """[2, cells]: x and y. `box` [2, 2]: from and to along x and y. `seat(lower, upper)` puts the `fixed` cells, which stand in certain
    places only, into the spread placement. `heard` is told of each round."""
    rng, weight = np.random.default_rng(seed), np.where(fixed, wires.pins / 4, np.where(area > 0, 1, 0))
    middle = box.mean(1)[:, None]
    at = middle + rng.normal(0, 3, (2, wires.cells))
    for _ in range(GATHERED):  # to a point, all but those who pull most: their order along each axis is what counts
        at = np.stack([_drawn(wires, x, m, np.full(wires.cells, WEAK / 10)) for x, m in zip(at, middle, strict=True)])
    for n in range(ROUNDS):
        heard(n)
        goal = spread(at, area, box)
        seat(at, goal)
        pull = np.maximum(PULL * (n + 1) * weight, WEAK)
        at = np.stack([_drawn(wires, x, g, pull) for x, g in zip(at, goal, strict=True)])
        at = np.round(at * GRID) / GRID
    goal = spread(at, area, box)
    seat(at, goal)
    return goal

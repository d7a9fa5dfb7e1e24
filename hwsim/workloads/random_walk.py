"""Random walks, one walker from each vertex in turn. Kernel: random_walk.c; the same numbers are drawn here."""

from dataclasses import dataclass

import numpy as np

from hwsim.workloads.check import exact
from hwsim.workloads.layout import Checked, Done, Layout, Task
from models.matrices.matrix import Array, Matrix

STEP = np.uint64(0x9E3779B97F4A7C15)
MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class Walks:
    """`paths` [walkers, steps + 1] vertices, -1 behind the end of a path; `visits` [vertices]."""

    paths: Array
    visits: Array


def prepare(lay: Layout, a: Matrix, walkers: int | None, steps: int, seed: int) -> Task:
    """Without a number: as many walkers as vertices."""
    a.check_square("random-walk")
    vertices = a.shape[0]
    count = vertices if walkers is None else walkers
    paths = lay.shared(np.full((count, steps + 1), -1, np.int64))
    visits = lay.shared_zeros(vertices)
    record = [count, steps, vertices, seed, *lay.shared_csr(a)[:2], visits, paths]
    want = oracle(a, count, steps, seed)
    work = {"steps": int((want.paths >= 0).sum()) - count, "walkers": count}

    def read(done: Done) -> Walks:
        found = done.read(paths, count * (steps + 1), np.int64).reshape(count, steps + 1)
        return Walks(found, done.read(visits, vertices, np.int64))

    def check(got: Walks) -> Checked:
        return exact("NumPy", np.r_[got.paths.ravel(), got.visits], np.r_[want.paths.ravel(), want.visits])

    return Task("random_walk", (lay.records([record]),), work, read, check)


def oracle(a: Matrix, walkers: int, steps: int, seed: int) -> Walks:
    at = np.arange(walkers) % a.shape[0]
    edges = np.diff(a.starts)
    paths = np.full((walkers, steps + 1), -1, np.int64)
    with np.errstate(over="ignore"):
        state = _mixed(np.uint64(seed) * STEP + np.arange(walkers, dtype=np.uint64))
        alive = np.ones(walkers, bool)
        for step in range(steps + 1):
            paths[alive, step] = at[alive]
            alive &= edges[at] > 0
            state += STEP
            drawn = _high(_mixed(state), edges[at].astype(np.uint64)).astype(np.int64)
            at = np.where(alive, a.columns[np.minimum(a.starts[at] + drawn, max(0, a.nonzeros - 1))], at) if a.nonzeros else at
    return Walks(paths, np.bincount(paths[paths >= 0], minlength=a.shape[0]))


def _mixed(z: Array) -> Array:
    z = (z ^ (z >> np.uint64(30))) * MIX[0]
    z = (z ^ (z >> np.uint64(27))) * MIX[1]
    out: Array = z ^ (z >> np.uint64(31))
    return out


def _high(wide: Array, narrow: Array) -> Array:
    """Upper 64 bits of the product; `narrow` below 2^32."""
    half = np.uint64(32)
    low = (wide & np.uint64(0xFFFFFFFF)) * narrow
    high: Array = ((wide >> half) * narrow + (low >> half)) >> half
    return high

"""y = A x. Kernel: spmv.c."""

import numpy as np

from hwsim.workloads.check import sums
from hwsim.workloads.layout import Checked, Done, Layout, Task, pieces
from models.matrices.matrix import Array, Matrix


def prepare(lay: Layout, a: Matrix, seed: int) -> Task:
    x = np.random.default_rng(seed).uniform(-1, 1, a.shape[1])
    parts = pieces(a, lay.blocks)
    shared = lay.shared(x)
    out = [lay.own_zeros(p.rows, p.block) for p in parts]
    records = [[*lay.rows_of(p), shared, y] for p, y in zip(parts, out, strict=True)]

    def read(done: Done) -> Array:
        return np.concatenate([done.read(y, p.rows, np.float64) for p, y in zip(parts, out, strict=True)])

    def check(got: Array) -> Checked:
        m = a.scipy()
        return sums("SciPy", got, m @ x, abs(m) @ abs(x))

    return Task("spmv", (lay.records(records),), {"flop": 2 * a.nonzeros}, read, check)

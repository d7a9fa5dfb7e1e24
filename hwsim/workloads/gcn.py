"""One layer of a graph convolutional network. Kernel: gcn.c."""

import numpy as np
from scipy.sparse import eye_array

from hwsim.spec.errors import MatrixError
from hwsim.workloads.check import sums
from hwsim.workloads.layout import WORD_BYTES, Checked, Done, Layout, Task, pieces
from models.matrices.matrix import Array, Matrix


def prepare(lay: Layout, a: Matrix, features: int, seed: int, room_bytes: int) -> Task:
    """`features` before and behind the layer; `room_bytes`: of a scratchpad, beside its stacks."""
    a.check_square("gcn")
    a.check_positive("gcn")
    if features < 8 or features % 8:
        raise MatrixError(f"width: {features} is not a multiple of 8 from 8 on; use 16")
    if features * features * WORD_BYTES > room_bytes:
        raise MatrixError(f"width: weights of {features} x {features} want more than the {room_bytes} bytes of a scratchpad; lower it")
    rng = np.random.default_rng(seed)
    h = rng.uniform(-1, 1, (a.shape[0], features))
    w = rng.uniform(-1, 1, (features, features)) / np.sqrt(features)
    parts = pieces(a, lay.blocks)
    z, weights = lay.shared_zeros(a.shape[0] * features), lay.shared(w)
    out = [lay.own_zeros(p.rows * features, p.block) for p in parts]
    records = []
    for p, y in zip(parts, out, strict=True):
        own = lay.own(h[p.first : p.first + p.rows], p.block)
        roots = lay.own_zeros(p.rows, p.block)
        records.append([*lay.rows_of(p), p.first, features, features, own, weights, roots, z, y])
    flop = 2 * a.shape[0] * features * features + 2 * (a.nonzeros + a.shape[0]) * features

    def read(done: Done) -> Array:
        found = [done.read(y, p.rows * features, np.float64) for p, y in zip(parts, out, strict=True)]
        return np.concatenate(found).reshape(-1, features)

    def check(got: Array) -> Checked:
        want, magnitudes = oracle(a, h, w), oracle(a, abs(h), abs(w))
        return sums("SciPy", got, want, magnitudes)

    return Task("gcn", (lay.records(records),), {"flop": flop, "edges": a.nonzeros}, read, check)


def oracle(a: Matrix, h: Array, w: Array) -> Array:
    with_self = a.scipy() + eye_array(a.shape[0], format="csr")
    roots = 1 / np.sqrt(with_self.sum(axis=1))
    out: Array = np.maximum(roots[:, None] * (with_self @ (roots[:, None] * (h @ w))), 0)
    return out

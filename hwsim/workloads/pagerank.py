"""PageRank of the graph whose edges weigh what the matrix holds, as NetworkX defines it. Kernel: pagerank.c."""

import networkx as nx
import numpy as np

from hwsim.spec.errors import MatrixError
from hwsim.workloads.layout import Checked, Done, Layout, Task, pieces
from models.matrices.matrix import Array, Matrix

DAMPING, TOLERANCE, ROUNDS = 0.85, 1e-6, 100  # NetworkX's own
ALLOWED = 1e-9  # of a rank: both stop in the same round


def prepare(lay: Layout, a: Matrix) -> Task:
    a.check_square("pagerank")
    a.check_positive("pagerank")
    into = pieces(a.transposed(), lay.blocks)
    vertices = a.shape[0]
    weights, gives = lay.shared_zeros(vertices), lay.shared_zeros(vertices)
    rounds = lay.shared_zeros(1)
    ranks = [lay.own_zeros(p.rows, p.block) for p in into]
    fixed = [DAMPING, TOLERANCE, ROUNDS, weights, gives]
    records = [
        [*lay.rows_of(p), p.first, vertices, *fixed, r, lay.own_zeros(p.rows, p.block), rounds]
        for p, r in zip(into, ranks, strict=True)
    ]
    want = oracle(a)

    def read(done: Done) -> tuple[Array, int]:
        """Ranks, rounds; negative where it did not end."""
        found = [done.read(r, p.rows, np.float64) for p, r in zip(into, ranks, strict=True)]
        return np.concatenate(found), int(done.read(rounds, 1, np.int64)[0])

    def check(got: tuple[Array, int]) -> Checked:
        worst = float(np.max(np.abs(got[0] - want) / (ALLOWED * want)))
        return Checked("NetworkX", worst <= 1 and got[1] > 0, worst, f"{ALLOWED:g} of a rank")

    return Task("pagerank", (lay.records(records),), {"edges": a.nonzeros}, read, check)


def oracle(a: Matrix) -> Array:
    graph = nx.from_scipy_sparse_array(a.summed().scipy(), create_using=nx.DiGraph)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # weights so small that 1 / their sum is no double
            found = nx.pagerank(graph, alpha=DAMPING, tol=TOLERANCE, max_iter=ROUNDS)
    except nx.PowerIterationFailedConvergence as e:
        raise MatrixError(f"{a.where}: pagerank does not settle in {ROUNDS} rounds; give another graph") from e
    return np.array([found[v] for v in range(a.shape[0])])

"""Breadth-first search from one vertex, along rows. Kernel: bfs.c."""

import networkx as nx
import numpy as np

from hwsim.spec.errors import MatrixError
from hwsim.workloads.check import exact
from hwsim.workloads.layout import WORD_BYTES, Checked, Done, Layout, Task
from models.matrices.matrix import Array, Matrix

PIECE = 128  # edges of a queue entry, as in the kernel
COUNTERS = 8


def prepare(lay: Layout, a: Matrix, root: int | None) -> Task:
    """Without a root: the vertex with the most edges. A vertex's level is -1 where it is not reached."""
    a.check_square("bfs")
    vertices, edges = a.shape[0], np.diff(a.starts)
    start = int(np.argmax(edges)) if root is None else root
    if not 0 <= start < vertices:
        raise MatrixError(f"{a.where}: root is {start}; give 0 to {vertices - 1}")
    back = a.transposed()
    levels = lay.shared(np.full(vertices, -1, np.int64))
    queues = [lay.shared_zeros(vertices + a.nonzeros // PIECE) for _ in range(2)]
    counters = lay.shared_zeros(COUNTERS)
    csr = [*lay.shared_csr(a)[:2], *lay.shared_csr(back)[:2]]
    record = [vertices, a.nonzeros, start, *csr, levels, *queues, counters]
    want = oracle(a, start)
    work = {"edges": int(edges[want >= 0].sum()), "vertices": int((want >= 0).sum())}

    def read(done: Done) -> tuple[Array, int, int]:
        """Levels; how many of them were found by pushing, and by pulling."""
        pushed, pulled = done.read(counters + 3 * WORD_BYTES, 2, np.int64)
        return done.read(levels, vertices, np.int64), int(pushed), int(pulled)

    def check(got: tuple[Array, int, int]) -> Checked:
        return exact("NetworkX", got[0], want)

    return Task("bfs", (lay.records([record]),), work, read, check)


def oracle(a: Matrix, root: int) -> Array:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(a.shape[0]))
    rows = np.repeat(np.arange(a.shape[0]), np.diff(a.starts))
    graph.add_edges_from(zip(rows.tolist(), a.columns.tolist(), strict=True))
    levels = np.full(a.shape[0], -1, np.int64)
    for vertex, level in nx.single_source_shortest_path_length(graph, root).items():
        levels[vertex] = level
    return levels

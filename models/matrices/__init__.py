"""Sparse matrices for the thread machine: Matrix Market files, graphs by name, seeded R-MAT, pruned weights."""

from models.matrices.graphs import graph, graph_names
from models.matrices.market import read_market
from models.matrices.matrix import Matrix
from models.matrices.rmat import rmat
from models.matrices.weights import weights

__all__ = ["Matrix", "graph", "graph_names", "read_market", "rmat", "weights"]

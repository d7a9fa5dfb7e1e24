"""Workloads of the thread machine: sparse products and graph kernels, laid out, run, and checked against SciPy and NetworkX."""

NAMES = ("spgemm", "spmm", "spmv", "bfs", "pagerank", "random-walk", "gcn")

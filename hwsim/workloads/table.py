"""The workloads by name: what each computes, which versions it has, and which options it takes."""

from collections.abc import Callable
from dataclasses import dataclass

from hwsim.spec.errors import MatrixError
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.workloads import bfs, gcn, pagerank, random_walk, spgemm, spmm, spmv
from hwsim.workloads.layout import Layout, Task
from models.matrices.matrix import Matrix


@dataclass(frozen=True)
class Options:
    """What a workload may be asked beside its matrix; None: its own choice. `second`: the matrix behind the first."""

    version: str | None = None
    second: Matrix | None = None
    width: int | None = None
    root: int | None = None
    walkers: int | None = None
    steps: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Workload:
    """`versions`: the first is run where none is asked for; `takes`: options beside it."""

    name: str
    what: str
    versions: tuple[str, ...]
    takes: tuple[str, ...]
    prepare: Callable[[Layout, ThreadMachineSpec, Matrix, Options], Task]

    def check(self, options: Options) -> str:
        """The version to run. Raises MatrixError for an option that this workload does not have."""
        for name in ("second", "width", "root", "walkers", "steps"):
            if getattr(options, name) is not None and name not in self.takes:
                raise MatrixError(f"{name}: {self.name} has no such option; leave it out")
        version = options.version or (self.versions[0] if self.versions else "")
        if options.version is not None and version not in self.versions:
            known = f"use {', '.join(self.versions)}" if self.versions else "leave it out"
            raise MatrixError(f"version: {self.name} has no {version!r}; {known}")
        return version


def _spgemm(lay: Layout, spec: ThreadMachineSpec, a: Matrix, o: Options) -> Task:
    if o.second is None:
        a.check_square("spgemm of a matrix with itself")
    return spgemm.prepare(lay, a, o.second or a, o.version or "v3")


def _spmm(lay: Layout, spec: ThreadMachineSpec, a: Matrix, o: Options) -> Task:
    return spmm.prepare(lay, a, spec, o.version or "both", 32 if o.width is None else o.width, o.seed)


def _spmv(lay: Layout, spec: ThreadMachineSpec, a: Matrix, o: Options) -> Task:
    return spmv.prepare(lay, a, o.seed)


def _bfs(lay: Layout, spec: ThreadMachineSpec, a: Matrix, o: Options) -> Task:
    return bfs.prepare(lay, a, o.root)


def _pagerank(lay: Layout, spec: ThreadMachineSpec, a: Matrix, o: Options) -> Task:
    return pagerank.prepare(lay, a)


def _random_walk(lay: Layout, spec: ThreadMachineSpec, a: Matrix, o: Options) -> Task:
    return random_walk.prepare(lay, a, o.walkers, 16 if o.steps is None else o.steps, o.seed)


def _gcn(lay: Layout, spec: ThreadMachineSpec, a: Matrix, o: Options) -> Task:
    room = spec.scratchpad.capacity_bytes - spec.threads * spec.stack_bits // 8 - 64
    return gcn.prepare(lay, a, 16 if o.width is None else o.width, o.seed, room)


TABLE = {
    w.name: w
    for w in (
        Workload("spgemm", "sparse matrix x sparse matrix", ("v3", "v1", "v2", "inner", "outer"), ("second",), _spgemm),
        Workload("spmm", "sparse matrix x dense matrix", spmm.VERSIONS, ("width",), _spmm),
        Workload("spmv", "sparse matrix x vector", (), (), _spmv),
        Workload("bfs", "breadth-first search", (), ("root",), _bfs),
        Workload("pagerank", "PageRank of a weighted graph", (), (), _pagerank),
        Workload("random-walk", "random walks from every vertex", (), ("walkers", "steps"), _random_walk),
        Workload("gcn", "graph convolution, one layer", (), ("width",), _gcn),
    )
}

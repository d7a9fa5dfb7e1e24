"""A comparison that cannot fail is none: each kind of wrong answer is called wrong."""

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array

from hwsim.spec.errors import SimulationError
from hwsim.spec.load import load_thread_machine
from hwsim.workloads import run, spgemm
from hwsim.workloads.bfs import oracle as levels_of
from hwsim.workloads.check import exact, sums
from hwsim.workloads.layout import Task
from hwsim.workloads.random_walk import oracle as walks_of
from hwsim.workloads.table import TABLE, Options
from models.matrices import graph, rmat
from tests.harness.matrices import SQUARE


def product() -> csr_array:
    a = rmat(5)
    got = a.scipy() @ a.scipy()
    got.sort_indices()
    return got


def test_the_right_product_is_right() -> None:
    a, got = rmat(5), product()
    assert spgemm.check(got, a, a).equal
    shuffled = csr_array((got.data[::-1], got.indices[::-1], got.indptr[-1] - got.indptr[::-1]), got.shape)
    assert not spgemm.check(shuffled, a, a).equal


def test_wrong_products() -> None:
    a, got = rmat(5), product()
    off = got.copy()
    off.data[7] *= 1 + 1e-9
    assert not spgemm.check(off, a, a).equal
    nan = got.copy()
    nan.data[3] = np.nan
    assert not spgemm.check(nan, a, a).equal
    lost = got.copy()
    lost.data[4] = 0
    assert not spgemm.check(csr_array(lost.toarray()), a, a).equal
    places = np.r_[got.indices[0], got.indices]  # the first entry twice, each of half its value
    twice = csr_array((np.r_[got.data[0] / 2, got.data[0] / 2, got.data[1:]], places, got.indptr + (np.arange(33) > 0)), got.shape)
    assert not spgemm.check(twice, a, a).equal
    other = got.copy()
    other.indices[0] = next(c for c in range(32) if c not in got.indices[: got.indptr[1]])
    assert not spgemm.check(other, a, a).equal


def test_sums_and_exact() -> None:
    want = np.array([1.0, 2.0])
    assert sums("x", want + [0, 1e-13], want, want).equal
    assert not sums("x", want + [0, 1e-11], want, want).equal
    assert not sums("x", np.array([1.0, np.nan]), want, want).equal
    assert not sums("x", np.array([1e-300, 2]), np.array([0.0, 2]), np.array([0.0, 2])).equal
    assert exact("x", want, want).equal and not exact("x", want, want[:1]).equal


def test_a_wrong_answer_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    w = TABLE["spmv"]

    def prepare(*args: object) -> Task:
        task = w.prepare(*args)  # type: ignore[arg-type]
        return Task(task.image, task.args, task.work, lambda done: task.read(done) + 1, task.check)

    spoilt = type(w)(w.name, w.what, w.versions, w.takes, prepare)
    monkeypatch.setitem(TABLE, "spmv", spoilt)
    with pytest.raises(SimulationError, match=r"^spmv: differs from SciPy by \S+ x what is allowed; report this$"):
        run.run_workload("spmv", load_thread_machine("piuma_tiny"), graph("bull"), Options())


def test_walks_go_along_edges() -> None:
    a = graph("les_miserables")
    g = nx.les_miserables_graph()
    nodes = list(g.nodes)
    w = walks_of(a, 200, 12, 3)
    steps = [(p[i], p[i + 1]) for p in w.paths.tolist() for i in range(12)]
    assert all(g.has_edge(nodes[u], nodes[v]) for u, v in steps)
    assert w.visits.sum() == 200 * 13
    counts = np.bincount([v for u, v in steps if u == 11], minlength=77)[a.columns[a.starts[11] : a.starts[12]]]
    assert counts.min() > 0 and counts.max() < 6 * counts.mean()


def test_walks_end_where_nothing_leads_on() -> None:
    w = walks_of(SQUARE["empty rows"], 60, 4, 0)
    assert (w.paths[0, 1:] == -1).all() and w.paths[3, 1] in (59, 2)


def test_levels_of_what_is_not_reached() -> None:
    assert levels_of(SQUARE["identity"], 4).tolist() == [0 if v == 4 else -1 for v in range(70)]

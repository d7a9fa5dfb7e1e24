"""Every kernel, on every shape, equals its oracle on small machines; run_workload itself compares."""

import numpy as np
import pytest

from hwsim.spec.load import load_thread_machine
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.workloads.run import Outcome, run_workload
from hwsim.workloads.table import TABLE, Options
from models.matrices import Matrix, graph, graph_names, rmat
from tests.harness.matrices import PAIRS, SQUARE

TWO = load_thread_machine("piuma_tiny")
TINY = TWO.with_(blocks=1)
ALONE = TINY.with_(blocks=1, mtp__pipelines=1, mtp__threads=1, stp__pipelines=0)
RUNS = [(name, version) for name, w in TABLE.items() for version in w.versions or ("",)]
SMALL = {"spmm": {"width": 8}, "gcn": {"width": 8}, "random-walk": {"steps": 5}}


def go(name: str, version: str, a: object, spec: ThreadMachineSpec = TINY, **more: object) -> Outcome:
    options = Options(version=version or None, **{**SMALL.get(name, {}), **more})  # type: ignore[arg-type]
    out = run_workload(name, spec, a, options)  # type: ignore[arg-type]
    assert out.checked.equal and out.result.instructions > 0
    return out


@pytest.mark.parametrize("shape", SQUARE)
@pytest.mark.parametrize(("name", "version"), RUNS)
def test_every_shape(name: str, version: str, shape: str) -> None:
    go(name, version, SQUARE[shape])


@pytest.mark.parametrize("shape", ["no entry", "empty rows", "one dense row", "karate"])
@pytest.mark.parametrize(("name", "version"), RUNS)
def test_two_blocks(name: str, version: str, shape: str) -> None:
    go(name, version, SQUARE[shape], TWO)


@pytest.mark.parametrize("shape", PAIRS)
@pytest.mark.parametrize("version", TABLE["spgemm"].versions)
def test_products_of_every_shape(version: str, shape: str) -> None:
    a, b = PAIRS[shape]
    out = go("spgemm", version, a, second=b)
    assert out.answer.shape == (a.shape[0], b.shape[1])


@pytest.mark.parametrize("shape", PAIRS)
@pytest.mark.parametrize(("name", "version"), [r for r in RUNS if r[0] in ("spmv", "spmm")])
def test_flat_and_tall_matrices(name: str, version: str, shape: str) -> None:
    for a in PAIRS[shape]:
        go(name, version, a)


@pytest.mark.parametrize(("name", "version"), [r for r in RUNS if r not in (("spmm", "stp"), ("spmm", "both"))])
def test_one_thread_does_it_all(name: str, version: str) -> None:
    """No queue, barrier or table may count on a second thread."""
    go(name, version, rmat(5), ALONE)


@pytest.mark.parametrize("graph_name", graph_names())
def test_graphs(graph_name: str) -> None:
    for name in ("bfs", "pagerank", "random-walk", "gcn"):
        go(name, "", graph(graph_name))


def test_versions_give_the_same_product() -> None:
    found = [go("spgemm", v, rmat(6), second=rmat(6, seed=1)).answer for v in TABLE["spgemm"].versions]
    for x in found:
        x.sort_indices()
        np.testing.assert_array_equal(x.indices, found[0].indices)
        np.testing.assert_allclose(x.data, found[0].data, rtol=1e-12)


def test_bfs_switches_and_reaches() -> None:
    levels, pushed, pulled = go("bfs", "", rmat(8)).answer
    assert pushed > 0 and pulled > 0 and pushed + pulled >= levels.max()
    levels, pushed, pulled = go("bfs", "", graph("karate"), root=5).answer
    assert levels[5] == 0 and levels.min() == 0


def test_runs_are_reproducible() -> None:
    for name, version in (("spgemm", "v3"), ("pagerank", "")):
        one, two = (go(name, version, rmat(6)) for _ in range(2))
        assert one.result == two.result


def test_seeds_change_what_is_drawn() -> None:
    one, two = (go("random-walk", "", graph("karate"), seed=s).answer.paths for s in (0, 1))
    assert one.tolist() != two.tolist()


@pytest.mark.parametrize("matrix", [rmat(9), rmat(10, edge_factor=2), rmat(8, edge_factor=64)])
def test_a_split_never_loses(matrix: Matrix) -> None:
    cycles = {v: go("spmm", v, matrix, load_thread_machine("piuma"), width=32).result.cycles for v in ("mtp", "stp", "both")}
    assert cycles["both"] < cycles["stp"] and cycles["both"] <= 1.01 * cycles["mtp"]


def test_slow_single_threaded_pipelines_are_given_less() -> None:
    spec = load_thread_machine("piuma")
    shares = [go("spmm", "both", rmat(9), spec.with_(stp__issue_interval_cycles=n), width=32).work["hot_nonzeros"] for n in (1, 4, 16)]
    assert shares[0] > shares[1] > shares[2]


def test_both_kinds_of_pipelines_share_spmm() -> None:
    """Of a matrix whose tiles are dense, the single-threaded pipelines take some and leave some."""
    full = SQUARE["full"]
    work = go("spmm", "both", full).work
    assert work["nonzeros"] == full.nonzeros
    issued = {v: {p.kind: p.issued for p in go("spmm", v, full).result.pipelines} for v in ("mtp", "stp")}
    assert issued["mtp"]["mtp"] > 10 * issued["mtp"]["stp"] and issued["stp"]["stp"] > issued["stp"]["mtp"]

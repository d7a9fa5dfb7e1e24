"""Hypothesis looks for a matrix on which a kernel and its oracle differ."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.spec.load import load_thread_machine
from hwsim.workloads.run import run_workload
from hwsim.workloads.table import TABLE, Options
from models.matrices import Matrix
from tests.harness.matrices import matrices

TINY = load_thread_machine("piuma_tiny")
FEW = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=300)
machines = st.builds(
    lambda blocks, pipelines, threads: TINY.with_(blocks=blocks, mtp__pipelines=pipelines, mtp__threads=threads),
    st.sampled_from([1, 1, 1, 2, 3]),
    st.integers(1, 2),
    st.sampled_from([1, 3, 4]),
)


def search(name: str, how: settings) -> int:
    w, seen = TABLE[name], []

    @how
    @given(st.data())
    def run(data: st.DataObject) -> None:
        a: Matrix = data.draw(matrices(square=name not in ("spgemm", "spmm", "spmv")))
        second = None
        if name == "spgemm":
            b: Matrix = data.draw(matrices())
            second = Matrix("b", "b", (b.shape[0], b.shape[1]), b.starts, b.columns, b.values)
            a = _fit(a, second.shape[0])
        version = data.draw(st.sampled_from(w.versions)) if w.versions else None
        width = {"spmm": 8, "gcn": 8}.get(name)
        out = run_workload(name, data.draw(machines), a, Options(version, second, width, seed=data.draw(st.integers(0, 9))))
        seen.append(out.checked.equal)

    run()
    assert all(seen)
    return len(seen)


def _fit(a: Matrix, columns: int) -> Matrix:
    """The same, with as many columns as asked for."""
    return Matrix(a.name, a.where, (a.shape[0], columns), a.starts, a.columns % columns, a.values)


@pytest.mark.parametrize("name", TABLE)
def test_no_difference_is_found(name: str) -> None:
    assert search(name, FEW) >= 10


@pytest.mark.nightly
@pytest.mark.parametrize("name", TABLE)
def test_no_difference_is_found_in_many(name: str) -> None:
    assert search(name, MANY) >= 200

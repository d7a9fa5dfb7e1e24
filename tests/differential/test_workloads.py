"""Every kernel equals its oracle on R-MAT matrices of scale 8 to 14; run_workload compares."""

import pytest

from hwsim.spec.load import load_thread_machine
from hwsim.workloads.run import run_workload
from hwsim.workloads.table import TABLE, Options
from models.matrices import rmat

PIUMA = load_thread_machine("piuma")
LATE = {"inner": 11, "outer": 11}  # the largest scale of a sweep for versions that grow faster
NONZEROS = 254_211
RUNS = [(name, version) for name, w in TABLE.items() for version in w.versions or (None,)]


@pytest.mark.parametrize(("name", "version"), RUNS)
def test_scale_8(name: str, version: str | None) -> None:
    assert go(name, version, 8) == "equal"


@pytest.mark.nightly
@pytest.mark.parametrize("scale", range(9, 15))
@pytest.mark.parametrize(("name", "version"), RUNS)
def test_larger_scales(name: str, version: str | None, scale: int) -> None:
    if scale > LATE.get(version or "", 14):
        pytest.skip("the other versions go further")
    assert go(name, version, scale) == "equal"


@pytest.mark.nightly
def test_two_of_16384_rows_and_254_thousand_nonzeros() -> None:
    a, b = (rmat(14, nonzeros=NONZEROS, seed=s) for s in (0, 1))
    cycles = {v: run_workload("spgemm", PIUMA, a, Options(v, b)).result.cycles for v in ("v1", "v2", "v3")}
    assert cycles["v1"] > 2 * cycles["v2"] and cycles["v2"] > 1.5 * cycles["v3"]


@pytest.mark.nightly
@pytest.mark.parametrize("version", LATE)
def test_competing_products_of_the_same_two(version: str) -> None:
    """About half an hour of one core each: 5 G steps of merging, and 64 M products sorted."""
    assert go("spgemm", version, 14, NONZEROS) == "equal"


def go(name: str, version: str | None, scale: int, nonzeros: int | None = None) -> str:
    second = rmat(scale, nonzeros=nonzeros, seed=1) if name == "spgemm" else None
    out = run_workload(name, PIUMA, rmat(scale, nonzeros=nonzeros), Options(version, second))
    return "equal" if out.checked.equal else f"{out.checked.worst} x what is allowed"

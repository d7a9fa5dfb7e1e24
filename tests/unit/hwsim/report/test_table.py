"""The first screen, as text: equal to the golden to the letter, and inside its bounds."""

from dataclasses import replace
from pathlib import Path

import pytest

from hwsim.report import Cosine, HostWork, Report, make_report, text
from hwsim.report.table import COLUMNS, si
from hwsim.result import CAUSES, UNITS
from tests.unit.hwsim.report.handmade import SPEC, Prices, dense, pruned, result, units

GOLDENS = Path(__file__).parents[3] / "goldens" / "report"
LINES = 62


def beside() -> Report:
    return make_report(
        pruned(),
        SPEC,
        Prices(),
        dense=dense(),
        seq=16,
        cosine=Cosine(0.4123, 0.1211, 11, 16, "reference values in int8", 0.99991),
        host=(HostWork("tokeniser", None, None), HostWork("pooling", 100, 0.0012)),
        versions={"hwsim": "0.1.0"},
    )


def gained() -> Report:
    """The dense run waited for its weights in the first layer, the pruned one did not."""
    slow = units(9600, array={"busy": 4800, "wait_token": 4800}, memory={"busy": 9000})
    d = dense()
    up = replace(d.layers[0], cycles=9600, estimate_cycles=4800, units=slow)
    return make_report(pruned(), SPEC, Prices(), dense=result("dense", (up, *d.layers[1:])))


CASES = {
    "gained": gained,
    "beside": beside,
    "dense_alone": lambda: make_report(dense(), SPEC, Prices(), versions={"hwsim": "0.1.0"}),
    "no_values": lambda: make_report(pruned(gated=None, values=False), SPEC, Prices(), dense=dense()),
}


@pytest.mark.parametrize("name", CASES)
def test_screen_equals_the_golden(name: str, request: pytest.FixtureRequest) -> None:
    path, made = GOLDENS / f"{name}.txt", text(CASES[name]())
    if request.config.getoption("--update-golden", default=False):
        path.write_text(made, "utf-8")
    assert made == path.read_text("utf-8")


@pytest.mark.parametrize("name", CASES)
def test_screen_fits(name: str) -> None:
    lines = text(CASES[name]()).splitlines()
    assert max(map(len, lines)) <= COLUMNS and 20 < len(lines) <= LINES


def test_the_widest_screen_fits() -> None:
    """Every cause of every unit at a two-digit share, the longest names, millions of cycles."""
    report = beside()
    spent = {u: dict.fromkeys(CAUSES, 100_000_000) for u in UNITS}
    spent["array"] |= {"wait_output": 300_000_000}
    names = [f"encoder.layer.{i}.attention.output.dense" for i in range(4)]
    layers = tuple(replace(x, name=n, cycles=700_000_000) for x, n in zip(report.run.layers, names, strict=True))
    run = replace(report.run, units=spent, cycles=700_000_000, layers=layers)
    wide = replace(report, run=run, dense=replace(run, pattern="dense"))
    lines = text(wide).splitlines()
    assert max(map(len, lines)) <= COLUMNS and len(lines) <= LINES + 2
    assert "14.3/14.3" in "\n".join(lines) and "wait_output 43 %" not in "\n".join(lines)


def test_equal_layers_stand_in_one_line() -> None:
    report = beside()
    layers = tuple(replace(x, name=n, shape=shape) for x in report.run.layers[:1] for n, shape in (("a", "s"), ("b", "s"), ("c", "t")))
    r = replace(report, run=replace(report.run, layers=layers), dense=None, lost=())
    lines = text(r).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("the 2 costliest of 2 kinds"))
    assert lines[at + 3].split()[:6] == ["a", "x2", "2:8", "ws", "3,000", "81.3"]
    assert lines[at + 4].split()[:5] == ["c", "2:8", "ws", "1,500", "40.7"]


def test_an_fpga_shows_what_it_takes_of_it() -> None:
    spec = replace(SPEC, technology="some_fpga")
    r = make_report(dense(digest=spec.digest), spec, Prices())
    assert text(r).splitlines()[2] == "some_fpga: 3 LUT, 16 DSP"
    assert Report.from_json(r.to_json()) == r


@pytest.mark.parametrize(
    ("cosine", "said"),
    [
        (Cosine(0.9991, 0.995, 0, 16, "x"), "kept"),
        (Cosine(0.9991, 0.995, 1, 16, "x"), "damaged"),
        (Cosine(0.95, 0.7, 4, 16, "x"), "damaged"),
        (Cosine(0.95, 0.7, 5, 16, "x"), "ruined; prune less, or train after pruning"),
        (Cosine(0.89, 0.7, 0, 16, "x"), "ruined, most neighbours stay; prune less, or train after pruning"),
    ],
)
def test_the_verdict_follows_the_numbers(cosine: Cosine, said: str) -> None:
    line = next(x for x in text(replace(beside(), cosine=cosine)).splitlines() if x.startswith("embeddings"))
    assert line.endswith(f": {said}")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 J"), (0.0123, "12.30 mJ"), (999.6e-6, "1.00 mJ"), (123.4e-9, "123.4 nJ"), (5e15, "5000 TJ"), (1, "1.00 J"), (2e-13, "0.20 pJ")],
)
def test_units_keep_three_digits(value: float, shown: str) -> None:
    assert si(value, "J") == shown

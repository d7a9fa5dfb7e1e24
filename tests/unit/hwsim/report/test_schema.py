"""The JSON is what docs/result_schema.md and the schema's table say, comes back equal, and is refused when broken."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hwsim.report import Report, make_report
from hwsim.report.schema import COSINE, LAYER, MACHINE, RANGE, RUN, SCHEMA, TRAFFIC
from hwsim.spec.errors import ResultError
from tests.unit.hwsim.report.handmade import SPEC, Prices, dense
from tests.unit.hwsim.report.test_table import CASES, beside

PAGE = Path(__file__).parents[4] / "docs" / "result_schema.md"


@pytest.mark.parametrize("name", CASES)
def test_a_report_comes_back_equal(name: str) -> None:
    report = CASES[name]()
    assert Report.from_json(report.to_json()) == report


def test_the_promised_words_are_there() -> None:
    data = json.loads(beside().to_json())
    promised = ("cycles", "speedup", "utilisation", "energy_pj", "dram_bits", "cosine", "time_us", "units", "assumed", "host", "versions")
    assert all(data[word] is not None for word in promised)
    each = ("cycles", "speedup", "utilisation", "energy_pj", "dram_bits", "units")
    assert all(layer[word] is not None for layer in data["layers"] for word in each)
    assert set(data["energy_pj"]) == {"low", "typical", "high"} and set(data["dram_bits"]) == {"read", "write"}
    assert {"mean", "min", "nearest_changes"} < set(data["cosine"])
    assert data["units"]["array"]["busy"] == 1100 + 800 and data["layers"][0]["actions"]["pe.mac"] == 16134


def test_unknown_is_null_not_zero() -> None:
    data = json.loads(CASES["no_values"]().to_json())
    assert data["actions"]["pe.mac"] is None and data["unknown"] == ["pe.mac", "pe.gated_mac"]
    alone = json.loads(make_report(dense(), SPEC, Prices()).to_json())
    assert alone["speedup"] is None and alone["dense"] is None and alone["cosine"] is None and alone["layers"][0]["speedup"] is None


def test_the_page_names_every_field_and_no_other() -> None:
    named = set(re.findall(r"^\| `([a-z_0-9]+)`", PAGE.read_text("utf-8"), re.MULTILINE))
    host, lost = (SCHEMA[k][0] for k in ("host", "lost"))
    assert named == {name for table in (SCHEMA, RUN, LAYER, MACHINE, COSINE, RANGE, TRAFFIC, host, lost) for name in table}


def broken(*path: str | int, value: Any) -> str:
    """The JSON of `beside` with one value changed; `...` takes it away."""
    data = json.loads(beside().to_json())
    at = data
    for step in path[:-1]:
        at = at[step]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "r.json: not JSON (line 1: Expecting value)"),
        ('{"schema": 1,\n "net', "r.json: not JSON (line 2: Unterminated string starting at)"),
        ("[" * 100_000, "r.json: not JSON (nested too deep)"),
        ("[1]", "r.json: not a report (list at its top)"),
        ("{}", "r.json: schema is None, this is 1"),
        (broken("schema", value=2), "r.json: schema is 2, this is 1"),
        (broken("cycles", value=...), "r.json: cycles is missing"),
        (broken("cycle", value=1), "r.json: cycle is unknown"),
        (broken("cycles", value="many"), 'r.json.cycles: "many" is no count'),
        (broken("cycles", value=-1), "r.json.cycles: -1 is no count"),
        (broken("cycles", value=True), "r.json.cycles: true is no count"),
        (broken("cycles", value=None), "r.json.cycles: null is no count"),
        (broken("speedup", value=float("nan")), "r.json.speedup: NaN is no number"),
        (broken("values", value=1), "r.json.values: 1 is no flag"),
        (broken("layers", value={}), "r.json.layers: {} is no list"),
        (broken("layers", 2, "units", "array", "busy", value=0.5), "r.json.layers[2].units.array.busy: 0.5 is no count"),
        (broken("layers", 0, value="x" * 60), 'r.json.layers[0]: "' + "x" * 26 + "... is no object"),
        (broken("energy_pj", "low", value=...), "r.json.energy_pj: low is missing"),
        (broken("dense", "time_us", value=[]), "r.json.dense.time_us: [] is no number"),
    ],
)
def test_broken_files_are_refused(text: str, said: str) -> None:
    with pytest.raises(ResultError, match=f"^{re.escape(said)}; make it with hwsim run -o DIR$"):
        Report.from_json(text, "r.json")


@pytest.mark.parametrize("text", ['{"workload": "spmv"}', '{"program": "sum"}'])
def test_a_result_of_the_thread_machine_is_told_apart(text: str) -> None:
    with pytest.raises(ResultError, match="^r.json: of a thread machine; report shows results of networks, read this one as JSON$"):
        Report.from_json(text, "r.json")

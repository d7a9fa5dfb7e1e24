"""The schema of the report's JSON, as a table of fields, and the check of a file against it. Prose:
docs/result_schema.md.

A field's type is a word (`int`, `number`, `text`, `flag`, `count`), with `?` where null is allowed,
a dict (an object with exactly these fields), `[type]` (a list) or `{*: type}` (any names).
"""

import json
import re
import sys
from typing import Any

from hwsim.result import CAUSES, UNITS
from hwsim.spec.errors import ResultError

SCHEMA_VERSION = 1

RANGE = {"low": "number", "typical": "number", "high": "number"}
TRAFFIC = {"read": "count", "write": "count"}
UNIT_TIMES = {unit: dict.fromkeys(CAUSES, "count") for unit in UNITS}
LAYER = {
    "name": "text", "kind": "text", "shape": "text", "pattern": "text", "dataflow": "text",
    "cycles": "count", "estimate_cycles": "count", "speedup": "number?", "utilisation": "number",
    "dense_macs": "count", "kept_macs": "count", "mapped_macs": "count", "array_macs": "count",
    "energy_pj": RANGE, "dram_bits": TRAFFIC, "units": UNIT_TIMES, "actions": {"*": "count?"},
}  # fmt: skip
RUN = {
    "pattern": "text", "cycles": "count", "estimate_cycles": "count", "time_us": "number", "utilisation": "number",
    "dense_macs": "count", "kept_macs": "count", "array_macs": "count",
    "energy_pj": RANGE, "energy_by_block_pj": {"*": RANGE}, "power_mw": RANGE, "dram_bits": TRAFFIC, "needed_bits": "count",
    "units": UNIT_TIMES, "actions": {"*": "count?"}, "unknown": ["text"], "layers": [LAYER],
}  # fmt: skip
MACHINE = {
    "name": "text", "digest": "text", "technology": "text", "number": "text", "rows": "count", "cols": "count",
    "kept_max": "count", "block_max": "count", "clock_mhz": "number", "beat_bits": "count", "area_um2": RANGE,
    "resources": {"*": RANGE},
}  # fmt: skip
COSINE = {
    "mean": "number",
    "min": "number",
    "nearest_changes": "count",
    "sentences": "count",
    "by": "text",
    "machine": "number?",
}
SCHEMA: dict[str, Any] = {
    "schema": "count", "network": "text", "machine": MACHINE, "batch": "count", "seq": "count?", "values": "flag",
    "speedup": "number?", "dense": (RUN, None), "cosine": (COSINE, None),
    "lost": [{"cause": "text", "cycles": "number", "share": "number", "layer": "text"}],
    "host": [{"work": "text", "operations": "count?", "share": "number?"}],
    "assumed": ["text"], "notes": ["text"], "versions": {"*": "text"},
    **RUN,
}  # fmt: skip

PRUNED = re.compile(r"[1-9]\d?:[1-9]\d?", re.ASCII)
NUMBER_MAX = 1 << 63
MAKE = "make it with hwsim run -o DIR"


def parse_json(text: str, where: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as e:
        at = (
            f"line {e.lineno}: {e.msg}"
            if isinstance(e, json.JSONDecodeError)
            else "nested too deep"
        )
        raise ResultError(f"{where}: not JSON ({at}); {MAKE}") from e
    if not isinstance(data, dict):
        raise ResultError(f"{where}: not a report ({type(data).__name__} at its top); {MAKE}")
    if "schema" not in data and data.keys() & {"workload", "program"}:
        raise ResultError(f"{where}: of a thread machine; report shows results of networks, read this one as JSON")
    if data.get("schema") != SCHEMA_VERSION:
        raise ResultError(
            f"{where}: schema is {data.get('schema')!r}, this is {SCHEMA_VERSION}; {MAKE}"
        )
    return data


def validate(data: dict[str, Any], where: str) -> None:
    """Raises ResultError at the first field that is missing, unknown or of another type, or whose parts do not add up."""
    _check(data, SCHEMA, where)
    dense = data["dense"]
    for run, at in ((data, where), *([(dense, f"{where}.dense")] if dense else [])):
        total = sum(x["cycles"] for x in run["layers"])
        if total != run["cycles"]:
            raise ResultError(f"{at}.cycles: {run['cycles']}, its layers add up to {total}; {MAKE}")
    if dense is None:
        if data["speedup"] is not None or data["lost"]:
            raise ResultError(f"{where}.dense: null, with a speedup or what was lost; {MAKE}")
        return
    if data["speedup"] is None or not PRUNED.fullmatch(data["pattern"]):
        raise ResultError(f"{where}.dense: there, without a speedup or an N:M pattern; {MAKE}")
    if odd := {x["name"] for x in data["layers"]} - {x["name"] for x in dense["layers"]}:
        raise ResultError(f"{where}.dense.layers: {min(odd)!r} is missing; {MAKE}")


def _check(value: Any, kind: Any, where: str) -> None:
    if isinstance(kind, tuple):
        if value is not None:
            _check(value, kind[0], where)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            raise ResultError(f"{where}: {_show(value)} is no list; {MAKE}")
        for i, x in enumerate(value):
            _check(x, kind[0], f"{where}[{i}]")
    elif isinstance(kind, dict):
        _check_object(value, kind, where)
    elif not _is(value, kind):
        raise ResultError(f"{where}: {_show(value)} is no {kind.rstrip('?')}; {MAKE}")


def _check_object(value: Any, kind: dict[str, Any], where: str) -> None:
    if not isinstance(value, dict):
        raise ResultError(f"{where}: {_show(value)} is no object; {MAKE}")
    if "*" not in kind:
        for name in kind:
            if name not in value:
                raise ResultError(f"{where}: {name} is missing; {MAKE}")
    for name, x in value.items():
        if "*" not in kind and name not in kind:
            raise ResultError(f"{where}: {name} is unknown; {MAKE}")
        _check(x, kind.get(name, kind.get("*")), f"{where}.{name}")


def _is(value: Any, kind: str) -> bool:
    if value is None:
        return kind.endswith("?")
    match kind.rstrip("?"):
        case "text":
            return isinstance(value, str)
        case "flag":
            return isinstance(value, bool)
        case "count":
            return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < NUMBER_MAX
        case _:
            return (
                isinstance(value, (int, float))
                and not isinstance(value, bool)
                and abs(value) <= sys.float_info.max
            )


def _show(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 30 else text[:27] + "..."

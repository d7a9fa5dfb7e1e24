"""A machine's fields as knobs, and what turning one moved."""

from typing import Any

from hwsim.spec.records import walk


def knobs(spec: Any, no_knobs: set[str]) -> list[tuple[str, Any]]:
    """Dotted paths and values, but those of `no_knobs`."""
    return [(where, value) for where, value in walk(spec) if where not in no_knobs]


def moved(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}

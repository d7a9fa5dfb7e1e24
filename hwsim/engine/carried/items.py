"""Items of ports in the order in which they pass."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Column:
    """One field of a port: [n] integers, or [n, bytes] (of PEs [n, PEs, bytes]) uint8. `known`: what of it the model says, bools of the
    same shape; all of it where there is none."""

    data: Array
    known: Array | None = None


Columns = dict[str, Column]


class Items:
    """Columns by source, put together from what commands give."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Columns]] = {}

    def add(self, source: str, columns: Columns) -> None:
        self._parts.setdefault(source, []).append(columns)

    def joined(self) -> dict[str, Columns]:
        return {source: {name: _joined([p[name] for p in parts]) for name in parts[0]} for source, parts in self._parts.items()}


def _joined(parts: list[Column]) -> Column:
    data = np.concatenate([p.data for p in parts])
    if all(p.known is None for p in parts):
        return Column(data)
    return Column(data, np.concatenate([np.ones(p.data.shape, bool) if p.known is None else p.known for p in parts]))


def octets(values: Array, size: int) -> Array:
    """[..., size] uint8, the lowest byte first."""
    return np.ascontiguousarray(values.astype(f"<i{size}"))[..., None].view(np.uint8)


def padded(level: Array, more: int) -> Array:
    """A level, and zeros behind it: reads may begin near its end."""
    return np.concatenate([level, np.zeros(more, np.uint8)])


def ceil_div(a: Any, b: Any) -> Any:
    return -(-a // b)

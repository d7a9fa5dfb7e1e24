"""SRAM prices at points of capacity and width, interpolated between them."""

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from math import log

from hwsim.spec.errors import SpecError
from hwsim.spec.prices.ranges import Priced


@dataclass(frozen=True, kw_only=True)
class SramPoint:
    """pJ a bit read and written, um2 a bit, of one bank."""

    capacity_bits: int
    width_bits: int
    read_pj: Priced
    write_pj: Priced
    um2: Priced

    def __post_init__(self) -> None:
        if self.capacity_bits <= 0 or self.width_bits <= 0:
            raise SpecError(
                f"capacity_bits: {self.capacity_bits} with width_bits {self.width_bits}; both are above 0"
            )
        if min(p.low for p in (self.read_pj, self.write_pj, self.um2)) <= 0:
            raise SpecError("read_pj: a price of 0; give what it costs")


@dataclass(frozen=True, kw_only=True)
class SramFile:
    source: str
    confidence: str
    points: tuple[SramPoint, ...]

    def __post_init__(self) -> None:
        if not self.points:
            raise SpecError("points: none; give at least one")

    def at(self, capacity_bits: int, width_bits: int) -> SramPoint:
        """Straight lines between points on logarithmic axes, width first; outside the points the nearest price a bit holds."""
        rows: dict[int, list[SramPoint]] = {}
        for p in self.points:
            rows.setdefault(p.capacity_bits, []).append(p)
        along = [
            _between(sorted(row, key=lambda p: p.width_bits), "width_bits", width_bits)
            for _, row in sorted(rows.items())
        ]
        point = _between(along, "capacity_bits", capacity_bits)
        return replace(point, capacity_bits=capacity_bits, width_bits=width_bits)

    def scaled(self, pj: Priced, um2: Priced) -> "SramFile":
        points = (
            replace(p, read_pj=p.read_pj * pj, write_pj=p.write_pj * pj, um2=p.um2 * um2)
            for p in self.points
        )
        return replace(self, confidence="derived", points=tuple(points))


def _between(points: list[SramPoint], axis: str, at: int) -> SramPoint:
    for a, b in pairwise(points):
        x0, x1 = getattr(a, axis), getattr(b, axis)
        if x0 <= at <= x1:
            t = (log(at) - log(x0)) / (log(x1) - log(x0))
            read, write, um2 = (
                _mixed(getattr(a, k), getattr(b, k), t) for k in ("read_pj", "write_pj", "um2")
            )
            return replace(a, read_pj=read, write_pj=write, um2=um2)
    return points[0] if at < getattr(points[0], axis) else points[-1]


def _mixed(a: Priced, b: Priced, t: float) -> Priced:
    ends = (getattr(a, f.name) ** (1 - t) * getattr(b, f.name) ** t for f in fields(Priced))
    low, typical, high = sorted(ends)
    return Priced(low=low, typical=typical, high=high)

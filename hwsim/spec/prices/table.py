"""PriceTable: one technology's prices, read from hwsim/spec/price_tables, scaled where a file says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hwsim.spec.errors import SpecError
from hwsim.spec.load import read_file
from hwsim.spec.machine import AcceleratorSpec, LevelSpec
from hwsim.spec.prices.parts import ACTION_PARTS, BLOCK_PARTS, LEVELS, PARTS, Bill
from hwsim.spec.prices.ranges import ONE, ZERO, Priced
from hwsim.spec.prices.sram import SramFile, SramPoint

TABLES = Path(__file__).parents[1] / "price_tables"
# read: in the source itself; copy: in somebody's copy of it; run: a tool run for this table; derived: computed here from others
CONFIDENCE = ("read", "copy", "run", "derived", "memory", "assumed")
UNKNOWN = ("pe.mac", "pe.gated_mac")


@dataclass(frozen=True, kw_only=True)
class Part:
    pj: Priced
    um2: Priced = ZERO
    source: str
    confidence: str


@dataclass(frozen=True, kw_only=True)
class Gap:
    """What the technology multiplies the scaled prices by."""

    pj: Priced = ONE
    um2: Priced = ONE
    sram_pj: Priced = ONE
    sram_um2: Priced = ONE
    source: str = ""
    confidence: str = "read"


@dataclass(frozen=True, kw_only=True)
class Units:
    lut: Priced
    ff: Priced
    dsp: Priced


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Units of an FPGA a part; its RAM blocks by capacity and width."""

    ram_bits: int = 0
    ram_width_bits: int = 0
    source: str = ""
    confidence: str = "read"
    parts: dict[str, Units] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """`sram`: name of a file of points, or `base`: name of the table that is scaled to this node and voltage."""

    name: str
    node: str
    volts: float
    sram: str = ""
    base: str = ""
    gap: Gap = Gap()
    parts: dict[str, Part]
    resources: Resources = Resources()


@dataclass(frozen=True, kw_only=True)
class Node:
    energy: tuple[float, ...]
    area: float


@dataclass(frozen=True, kw_only=True)
class ScalingFile:
    source: str
    confidence: str
    nodes: dict[str, Node]


@dataclass(frozen=True)
class PriceTable:
    """`sram`: pJ a bit read and written, um2 a bit, at points of capacity and width."""

    name: str
    node: str
    volts: float
    parts: dict[str, Part]
    sram: SramFile
    fabric: Resources

    def price_pj(self, spec: AcceleratorSpec, action: str) -> Priced:
        """pJ one count of the action costs on this machine (bits: a bit)."""
        if action in ACTION_PARTS:
            return self._sum(ACTION_PARTS[action](spec), "pj")
        level, _, port = action.partition(".")
        if level not in LEVELS or port not in ("read_bits", "write_bits"):
            raise SpecError(
                f"actions: {action!r} has no price; use {', '.join(ACTION_PARTS)} or read_bits and write_bits of {', '.join(LEVELS)}"
            )
        point = self._bank(getattr(spec.levels, level))
        return point.read_pj if port == "read_bits" else point.write_pj

    def energy_pj(
        self, spec: AcceleratorSpec, actions: Mapping[str, int | None], kept_macs: int | None = None
    ) -> dict[str, Priced]:
        """Action -> pJ of all its counts. `pe.mac` and `pe.gated_mac` may be unknown (None): then `kept_macs` is their sum, and the whole
        range, from all gated to none, stands under `pe.mac`; typical has none gated."""
        out = {k: self.price_pj(spec, k) * n for k, n in actions.items() if n is not None}
        unknown = [k for k, n in actions.items() if n is None]
        if unknown:
            if tuple(sorted(unknown)) != tuple(sorted(UNKNOWN)) or kept_macs is None:
                raise SpecError(
                    f"actions: {', '.join(unknown)} unknown; only {' and '.join(UNKNOWN)} may be, together, and with kept_macs"
                )
            mac, gated = (self.price_pj(spec, k) * kept_macs for k in UNKNOWN)
            out |= {
                "pe.mac": Priced(low=gated.low, typical=mac.typical, high=mac.high),
                "pe.gated_mac": ZERO,
            }
        return out

    def blocks_um2(self, spec: AcceleratorSpec) -> dict[str, Priced]:
        """Block, or level of the buffers, -> um2 on the chip."""
        out = {block: self._sum(bill(spec), "um2") for block, bill in BLOCK_PARTS.items()}
        for name in LEVELS:
            level = getattr(spec.levels, name)
            out[name] = self._bank(level).um2 * level.capacity_bits
        return out

    def area_um2(self, spec: AcceleratorSpec) -> Priced:
        return sum(self.blocks_um2(spec).values(), ZERO)

    def resources(self, spec: AcceleratorSpec) -> dict[str, dict[str, Priced]]:
        """Block or level -> lut, ff, dsp, ram -> number. Empty for a technology that is no FPGA."""
        if not self.fabric.parts:
            return {}
        out = {block: self._units(bill(spec)) for block, bill in BLOCK_PARTS.items()}
        for name in LEVELS:
            out[name] = {"ram": ONE * _rams(getattr(spec.levels, name), self.fabric)}
        return out

    @property
    def notes(self) -> tuple[str, ...]:
        """One line each: what rests on memory, assumption or derivation."""
        return tuple(
            f"{self.name}: price of {k} is {p.confidence}"
            for k, p in self.parts.items()
            if p.confidence not in ("read", "copy", "run")
        )

    def _sum(self, bill: Bill, what: str) -> Priced:
        return sum((getattr(self.parts[k], what) * n for k, n in bill.items()), ZERO)

    def _units(self, bill: Bill) -> dict[str, Priced]:
        return {
            u: sum((getattr(self.fabric.parts[k], u) * n for k, n in bill.items()), ZERO)
            for u in ("lut", "ff", "dsp")
        }

    def _bank(self, level: LevelSpec) -> SramPoint:
        return self.sram.at(level.capacity_bits // level.banks, level.width_bits)


def _rams(level: LevelSpec, fabric: Resources) -> int:
    """Blocks side by side for the width, and deeper where the capacity asks for more."""
    wide = -(-level.width_bits // fabric.ram_width_bits)
    rows = -(-(level.capacity_bits // level.banks) // level.width_bits)
    return level.banks * wide * -(-rows // (fabric.ram_bits // fabric.ram_width_bits))


def price_names() -> list[str]:
    return sorted(
        p.stem
        for p in TABLES.glob("*.yaml")
        if p.stem not in ("scaling",) and not p.stem.startswith("sram_")
    )


def price_table(technology: str | Path) -> PriceTable:
    """A technology by name, or a YAML file by path (it ends in .yaml or .yml, or has a slash); `base`
    and `sram` of such a file are names of the tables here."""
    text = str(technology)
    if isinstance(technology, Path) or text.endswith((".yaml", ".yml")) or "/" in text:
        return _read(Path(technology))
    if text not in price_names():
        raise SpecError(
            f"technology: {text[:80]!r} has no price table; use {', '.join(price_names())}, or a path to a .yaml file"
        )
    return _named(text)


@cache
def _named(name: str) -> PriceTable:
    return _read(TABLES / f"{name}.yaml")


def _read(path: Path) -> PriceTable:
    given = read_file(TableFile, path, _faults)
    if not given.base:
        sram = read_file(SramFile, TABLES / f"{given.sram}.yaml")
        return PriceTable(given.name, given.node, given.volts, given.parts, sram, given.resources)
    base = price_table(given.base)
    pj, um2 = factors(base.node, base.volts, given.node, given.volts)
    gap = given.gap
    parts = {
        k: Part(
            pj=p.pj * (gap.pj * pj),
            um2=p.um2 * (gap.um2 * um2),
            source=p.source,
            confidence="derived",
        )
        for k, p in base.parts.items()
    }
    sram = base.sram.scaled(gap.sram_pj * pj, gap.sram_um2 * um2)
    return PriceTable(
        given.name, given.node, given.volts, {**parts, **given.parts}, sram, given.resources
    )


@cache
def _scaling() -> ScalingFile:
    return read_file(ScalingFile, TABLES / "scaling.yaml")


def factors(node: str, volts: float, to_node: str, to_volts: float) -> tuple[float, float]:
    """Energy and area of logic at the second node over the first. Source: see price_tables/scaling.yaml."""

    def energy(name: str, v: float) -> float:
        a, b, c = _scaling().nodes[name].energy
        return a * v * v + b * v + c

    nodes = _scaling().nodes
    return energy(to_node, to_volts) / energy(node, volts), nodes[to_node].area / nodes[node].area


def _faults(t: TableFile) -> Any:
    if bool(t.base) == bool(t.sram):
        yield f"sram: {t.sram!r} with base {t.base!r}; name either a file of SRAM points or a table to scale"
    if t.base and t.base not in price_names():
        yield f"base: {t.base!r} has no price table; use {', '.join(price_names())}"
    if t.sram and not (TABLES / f"{t.sram}.yaml").is_file():
        yield f"sram: {t.sram!r} has no file of points; use {', '.join(sorted(p.stem for p in TABLES.glob('sram_*.yaml')))}"
    if t.node not in _scaling().nodes:
        yield f"node: {t.node!r} is unknown; use {', '.join(_scaling().nodes)}"
    if not 0.4 <= t.volts <= 1.3:
        yield f"volts: {t.volts} is outside 0.4..1.3; the scaling rule holds there only"
    for name in PARTS:
        if not t.base and name not in t.parts:
            yield f"parts.{name}: missing; add it, or name a base that has it"
    for name, part in t.parts.items():
        if name not in PARTS:
            yield f"parts.{name}: no such part; use {', '.join(PARTS)}"
        if name == "dram_bit" and part.um2 != ZERO:
            yield f"parts.{name}.um2: {part.um2.typical}, but memory is outside the chip; leave it out"
        yield from _unsourced(f"parts.{name}", part.source, part.confidence)
    if t.gap != Gap():
        yield from _unsourced("gap", t.gap.source, t.gap.confidence)
    if t.resources != Resources():
        yield from _resource_faults(t.resources)


def _resource_faults(r: Resources) -> Any:
    yield from _unsourced("resources", r.source, r.confidence)
    if r.ram_bits <= 0 or r.ram_width_bits <= 0 or r.ram_bits % max(r.ram_width_bits, 1):
        yield f"resources.ram_bits: {r.ram_bits} is not whole rows of {r.ram_width_bits} bits; give the block's shape"
    for name in PARTS:
        if name != "dram_bit" and name not in r.parts:
            yield f"resources.parts.{name}: missing; add its lut, ff and dsp"


def _unsourced(where: str, source: str, confidence: str) -> Any:
    if not source.strip():
        yield f"{where}.source: empty; say where the number is from"
    if confidence not in CONFIDENCE:
        yield f"{where}.confidence: {confidence!r} is unknown; use {', '.join(CONFIDENCE)}"

"""Result: what the engine measured. Cycles and counts only; prices come in the report."""

import json
from dataclasses import asdict, dataclass
from typing import Any

UNITS = ("sequencer", "fetch", "feed", "array", "vector", "writeback", "memory")
CAUSES = ("busy", "wait_token", "wait_input", "wait_output", "fill", "drain", "idle")
ACTIONS = (
    "pe.mac", "pe.gated_mac", "pe.skipped_mac", "pe.padded_mac", "nm_select.select",
    "act.read_bits", "act.write_bits", "weight.read_bits", "weight.write_bits", "meta.read_bits", "meta.write_bits",
    "acc.read_bits", "acc.write_bits", "vec.read_bits", "vec.write_bits",
    "memory.read_bits", "memory.write_bits", "vector.op", "sequencer.command",
)  # fmt: skip
WHOLE = "commands"  # kind of the one row of a Program that has no layers


@dataclass(frozen=True)
class LayerResult:
    """`cycles`: from the end of the layer before to the end of this one, so that layers add up to
    the total. `units`: unit -> cause -> cycles, adding up to `cycles` for each unit. `actions`:
    counts of the layer's own commands; `pe.mac` and `pe.gated_mac` are None (unknown) without
    values, their sum is `kept_macs`. mapped_macs = mac + gated + skipped + padded.
    """

    name: str
    kind: str
    shape: str
    pattern: str
    dataflow: str
    cycles: int
    estimate_cycles: int
    dense_macs: int
    kept_macs: int
    mapped_macs: int
    needed_bits: int
    units: dict[str, dict[str, int]]
    actions: dict[str, int | None]


@dataclass(frozen=True)
class Result:
    """`cycles` is the sum over layers. `values`: whether the numbers were computed. `notes`: what
    the reader must know (assumed figures, host work).
    """

    network: str
    machine: str
    digest: str
    clock_mhz: float
    pattern: str
    batch: int
    values: bool
    cycles: int
    layers: tuple[LayerResult, ...]
    notes: tuple[str, ...] = ()

    def action(self, name: str) -> int | None:
        parts = [x.actions.get(name, 0) for x in self.layers]
        return None if any(p is None for p in parts) else sum(p for p in parts if p is not None)

    def unit(self, name: str, cause: str) -> int:
        return sum(x.units[name][cause] for x in self.layers)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Result":
        d: dict[str, Any] = json.loads(text)
        layers = tuple(LayerResult(**x) for x in d.pop("layers"))
        return cls(**{**d, "layers": layers, "notes": tuple(d["notes"])})

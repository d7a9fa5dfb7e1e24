"""Report: a Result times prices, as people and scripts read it. Its JSON is
docs/result_schema.md.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from hwsim.report.schema import SCHEMA_VERSION, parse_json, validate


@dataclass(frozen=True)
class Range:
    """A priced total: what it is at least, typically and at most."""

    low: float
    typical: float
    high: float

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.typical + other.typical, self.high + other.high)

    def scaled(self, by: float) -> "Range":
        return Range(self.low * by, self.typical * by, self.high * by)


ZERO = Range(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Traffic:
    """Bits across the memory's port, command words included in `read`."""

    read: int
    write: int


@dataclass(frozen=True)
class LayerReport:
    """One layer of one run. `speedup`: cycles of the same layer in the dense run / these cycles;
    None without a dense run. `actions`: None is unknown.
    """

    name: str
    kind: str
    shape: str
    pattern: str
    dataflow: str
    cycles: int
    estimate_cycles: int
    speedup: float | None
    utilisation: float
    dense_macs: int
    kept_macs: int
    mapped_macs: int
    array_macs: int
    energy_pj: Range
    dram_bits: Traffic
    units: dict[str, dict[str, int]]
    actions: dict[str, int | None]


@dataclass(frozen=True)
class Run:
    """Totals of one run and its layers. `energy_by_block_pj` adds up to `energy_pj`; `unknown`: the
    actions whose counts were not measured.
    """

    pattern: str
    cycles: int
    estimate_cycles: int
    time_us: float
    utilisation: float
    dense_macs: int
    kept_macs: int
    array_macs: int
    energy_pj: Range
    energy_by_block_pj: dict[str, Range]
    power_mw: Range
    dram_bits: Traffic
    needed_bits: int
    units: dict[str, dict[str, int]]
    actions: dict[str, int | None]
    unknown: tuple[str, ...]
    layers: tuple[LayerReport, ...]


@dataclass(frozen=True)
class Machine:
    """What the report says of the machine. `beat_bits`: what the memory moves in a cycle.
    `resources`: of an FPGA (lut, ff, dsp, ram), empty otherwise.
    """

    name: str
    digest: str
    technology: str
    number: str
    rows: int
    cols: int
    kept_max: int
    block_max: int
    clock_mhz: float
    beat_bits: int
    area_um2: Range
    resources: dict[str, Range]

    @property
    def pes(self) -> int:
        return self.rows * self.cols


@dataclass(frozen=True)
class Cosine:
    """Sentence vectors of the network that was run against those of the network as it was trained.
    `nearest_changes`: sentences whose nearest other sentence is another one than before. `by`: what
    computed the vectors.
    """

    mean: float
    min: float
    nearest_changes: int
    sentences: int
    by: str
    machine: float | None = None


@dataclass(frozen=True)
class HostWork:
    """Work outside the machine. `share`: of all arithmetic operations of the network, None where
    there are none to count.
    """

    work: str
    operations: int | None
    share: float | None


@dataclass(frozen=True)
class Lost:
    """Cycles of the pruned run above dense / (block / kept), by what took them; `layer` took most
    of them. Negative: gained. `share`: of all that was lost, gains not deducted.
    """

    cause: str
    cycles: float
    share: float
    layer: str


@dataclass(frozen=True)
class Report:
    """`run`: the network as asked for; `dense`: the same without pruning, None where nothing was
    pruned.
    """

    network: str
    machine: Machine
    batch: int
    seq: int | None
    values: bool
    run: Run
    dense: Run | None
    speedup: float | None
    lost: tuple[Lost, ...]
    cosine: Cosine | None
    host: tuple[HostWork, ...]
    assumed: tuple[str, ...]
    notes: tuple[str, ...]
    versions: dict[str, str]

    def to_json(self) -> str:
        """The totals of `run` stand at the top level, beside what they were measured on."""
        data = asdict(self)
        run = data.pop("run")
        return json.dumps({"schema": SCHEMA_VERSION, **data, **run}, indent=1)

    @classmethod
    def from_json(cls, text: str, where: str = "report") -> "Report":
        """Raises ResultError for anything but what `to_json` writes."""
        data = parse_json(text, where)
        validate(data, where)
        data.pop("schema")
        names = {f.name for f in fields(Run)}
        run = {k: data.pop(k) for k in list(data) if k in names}
        dense, machine = data.pop("dense"), data.pop("machine")
        return cls(
            run=_run(run),
            dense=_run(dense) if dense else None,
            machine=_machine(machine),
            lost=tuple(Lost(**x) for x in data.pop("lost")),
            cosine=Cosine(**c) if (c := data.pop("cosine")) else None,
            host=tuple(HostWork(**x) for x in data.pop("host")),
            assumed=tuple(data.pop("assumed")),
            notes=tuple(data.pop("notes")),
            **data,
        )


def _run(d: dict[str, Any]) -> Run:
    return Run(
        **{
            **d,
            "energy_pj": Range(**d["energy_pj"]),
            "power_mw": Range(**d["power_mw"]),
            "energy_by_block_pj": {k: Range(**v) for k, v in d["energy_by_block_pj"].items()},
            "dram_bits": Traffic(**d["dram_bits"]),
            "unknown": tuple(d["unknown"]),
            "layers": tuple(
                LayerReport(
                    **{
                        **x,
                        "energy_pj": Range(**x["energy_pj"]),
                        "dram_bits": Traffic(**x["dram_bits"]),
                    }
                )
                for x in d["layers"]
            ),
        }
    )


def _machine(d: dict[str, Any]) -> Machine:
    resources = {name: Range(**count) for name, count in d["resources"].items()}
    return Machine(**{**d, "area_um2": Range(**d["area_um2"]), "resources": resources})

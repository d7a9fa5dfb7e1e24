"""Result x prices -> Report."""

from hwsim.report.check import check
from hwsim.report.measures import array_macs, total_utilisation, utilisation
from hwsim.report.report import (
    ZERO,
    Cosine,
    HostWork,
    LayerReport,
    Lost,
    Machine,
    Range,
    Report,
    Run,
    Traffic,
)
from hwsim.report.shortfall import shortfall
from hwsim.result import ACTIONS, CAUSES, UNITS, LayerResult, Result
from hwsim.spec.errors import ResultError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.prices import Priced, PriceTable


def make_report(
    result: Result,
    spec: AcceleratorSpec,
    prices: PriceTable,
    *,
    dense: Result | None = None,
    seq: int | None = None,
    cosine: Cosine | None = None,
    host: tuple[HostWork, ...] = (),
    versions: dict[str, str] | None = None,
) -> Report:
    """Checks both results first. Raises SimulationError where a check fails, ResultError where
    `dense` is not the same network on this machine.
    """
    for x in (result, *([dense] if dense else [])):
        check(x, spec)
    lost: tuple[Lost, ...] = ()
    if dense is not None:
        _same(result, dense)
        kept, block = (int(x) for x in result.pattern.split(":"))
        lost = shortfall(dense, result, kept, block)
    return Report(
        network=result.network,
        machine=_machine(spec, prices),
        batch=result.batch,
        seq=seq,
        values=result.values,
        run=_run(result, spec, prices, dense),
        dense=_run(dense, spec, prices, None) if dense else None,
        speedup=dense.cycles / result.cycles if dense else None,
        lost=lost,
        cosine=cosine,
        host=host,
        assumed=spec.assumed,
        notes=tuple(x for x in result.notes if not x.startswith("assumed: ")),
        versions=versions or {},
    )


def _same(result: Result, dense: Result) -> None:
    a, b = [x.name for x in result.layers], [x.name for x in dense.layers]
    if a != b or result.digest != dense.digest:
        odd = next((x for x in [*a, *b] if x not in a or x not in b), result.machine)
        raise ResultError(
            f"{result.network}.{odd}: not in both runs; compare one network on one machine"
        )


def _machine(spec: AcceleratorSpec, prices: PriceTable) -> Machine:
    return Machine(
        name=spec.name,
        digest=spec.digest,
        technology=spec.technology,
        number=spec.pe.number,
        rows=spec.array.rows,
        cols=spec.array.cols,
        kept_max=spec.pe.kept_max,
        block_max=spec.pe.block_max,
        clock_mhz=spec.clock_mhz,
        beat_bits=spec.memory.width_bits,
        area_um2=_range(prices.area_um2(spec)),
        resources=_resources(spec, prices),
    )


def _resources(spec: AcceleratorSpec, prices: PriceTable) -> dict[str, Range]:
    out: dict[str, Range] = {}
    for block in prices.resources(spec).values():
        for name, count in block.items():
            out[name] = out.get(name, ZERO) + _range(count)
    return out


def _run(result: Result, spec: AcceleratorSpec, prices: PriceTable, dense: Result | None) -> Run:
    before = {x.name: x.cycles for x in dense.layers} if dense else {}
    energies = [_energy(x, spec, prices) for x in result.layers]
    layers = tuple(
        _layer(x, spec, sum(energy.values(), ZERO), before.get(x.name))
        for x, energy in zip(result.layers, energies, strict=True)
    )
    actions = {name: result.action(name) for name in ACTIONS}
    by_block: dict[str, Range] = {}
    for one in energies:
        for name, energy in one.items():
            block = name.split(".")[0]
            by_block[block] = by_block.get(block, ZERO) + energy
    energy = sum(by_block.values(), ZERO)
    time_us = result.cycles / spec.clock_mhz
    return Run(
        pattern=result.pattern,
        cycles=result.cycles,
        estimate_cycles=sum(x.estimate_cycles for x in result.layers),
        time_us=time_us,
        utilisation=total_utilisation(result, spec),
        dense_macs=sum(x.dense_macs for x in result.layers),
        kept_macs=sum(x.kept_macs for x in result.layers),
        array_macs=sum(array_macs(x) for x in result.layers),
        energy_pj=energy,
        energy_by_block_pj=by_block,
        power_mw=energy.scaled(1e-3 / time_us if time_us else 0.0),
        dram_bits=Traffic(actions["memory.read_bits"] or 0, actions["memory.write_bits"] or 0),
        needed_bits=sum(x.needed_bits for x in result.layers),
        units={unit: {cause: result.unit(unit, cause) for cause in CAUSES} for unit in UNITS},
        actions=actions,
        unknown=tuple(name for name, count in actions.items() if count is None),
        layers=layers,
    )


def _layer(
    layer: LayerResult, spec: AcceleratorSpec, energy: Range, before: int | None
) -> LayerReport:
    read, write = layer.actions["memory.read_bits"], layer.actions["memory.write_bits"]
    return LayerReport(
        name=layer.name,
        kind=layer.kind,
        shape=layer.shape,
        pattern=layer.pattern,
        dataflow=layer.dataflow,
        cycles=layer.cycles,
        estimate_cycles=layer.estimate_cycles,
        speedup=before / layer.cycles if before is not None and layer.cycles else None,
        utilisation=utilisation(layer, spec),
        dense_macs=layer.dense_macs,
        kept_macs=layer.kept_macs,
        mapped_macs=layer.mapped_macs,
        array_macs=array_macs(layer),
        energy_pj=energy,
        dram_bits=Traffic(read or 0, write or 0),
        units=layer.units,
        actions=layer.actions,
    )


def _energy(layer: LayerResult, spec: AcceleratorSpec, prices: PriceTable) -> dict[str, Range]:
    """Action -> pJ. Where nobody knows how many of the kept MACs met a zero activation: low has all
    of them gated, typical and high none.
    """
    priced = prices.energy_pj(spec, layer.actions, array_macs(layer))
    return {name: _range(energy) for name, energy in priced.items()}


def _range(priced: Priced) -> Range:
    return Range(float(priced.low), float(priced.typical), float(priced.high))

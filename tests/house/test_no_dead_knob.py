"""No dead knob: every field of every preset, changed alone, moves a price, a result, or whether the work fits at all."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Any

import pytest

from hwsim import trip
from hwsim.explore import changed as changed_all
from hwsim.spec.errors import HwsimError, SpecError
from hwsim.spec.load import load_machine, machine_names
from hwsim.spec.machine import DATAFLOWS, FUNCTIONS, NUMBERS, AcceleratorSpec
from hwsim.spec.patterns import NMPattern
from hwsim.spec.prices import price_names
from mapper.graph.ir import Graph
from tests.harness.graphs import Net
from tests.harness.knobs import knobs, moved

# who it is, what is assumed, and a word without another choice
NO_KNOBS = {"name", "assumed", "memory.kind"}
# fields that must move cycles, stalls or counts of the work below on tiny4, not its price alone
TIMED = (
    "array.rows", "array.cols", "array.dataflows", "pe.number", "pe.multiplier_latency_cycles",
    "levels.act.width_bits", "levels.act.capacity_bits", "levels.weight.capacity_bits", "levels.acc.capacity_bits",
    "levels.vec.width_bits", "levels.vec.capacity_bits", "levels.vec.banks", "vector.lanes", "vector.latency_cycles",
    "sequencer.queue_depth", "sequencer.token_depth", "memory.width_bits", "memory.latency_cycles", "link_depth",
)  # fmt: skip


def others(where: str, value: Any) -> list[Any]:
    """Other values of a field, the likeliest to move something first."""
    if where == "technology":
        return [t for t in price_names() if t != value]
    if where == "pe.number":
        return [n for n in NUMBERS if n != value]
    if isinstance(value, tuple):
        whole = DATAFLOWS if where == "array.dataflows" else FUNCTIONS
        return [*(tuple(x for x in value if x != y) for y in value), whole]
    if where == "name":
        return [value + "2"]
    halves = [value // 2, value // 4] if isinstance(value, int) else [value / 2]
    return [value * 2, *halves, value * 4, value + 1, 16, 1]


def changed(spec: AcceleratorSpec, where: str, value: Any) -> AcceleratorSpec | None:
    """None: the machine would contradict itself."""
    try:
        return spec.with_(**{where.replace(".", "__"): value})
    except SpecError:
        return None


@cache
def work(pattern: str) -> Graph:
    """A layer norm, two pruned linear layers with a GELU between, a softmax: every unit has something to do."""
    net = Net(0, x=(24, 64))
    net.add("norm", "layernorm", "x", params={"gamma": 1 + net.normal(64) / 4, "beta": net.normal(64)}, epsilon=1e-5)
    net.add("fc1", "linear", "norm", params={"weight": net.normal(80, 64, spread=0.1), "bias": net.normal(80)}, act="gelu")
    net.add("fc2", "linear", "fc1", params={"weight": net.normal(40, 80, spread=0.1), "bias": net.normal(40)})
    net.add("p", "softmax", "fc2")
    return trip.prune(network(net.graph()), pattern).graph


@cache
def small_work(pattern: str) -> Graph:
    """For machines that have a map alone, and memory for little."""
    net = Net(0, x=(6, 16))
    net.add("fc1", "linear", "x", params={"weight": net.normal(12, 16, spread=0.1), "bias": net.normal(12)}, act="relu")
    net.add("fc2", "linear", "fc1", params={"weight": net.normal(8, 12, spread=0.1), "bias": net.normal(8)})
    return trip.prune(network(net.graph()), pattern).graph


def network(graph: Graph, pattern: str = "dense") -> trip.Network:
    inputs = {name: Net(1).normal(*shape) for name, shape in graph.inputs.items()}
    return trip.Network(graph, inputs, 1, pattern=NMPattern.parse(pattern))


@cache
def outcome(spec: AcceleratorSpec, pattern: str) -> dict[str, Any]:
    """What a user would see change: refusal, or cycles, counts, time, energy, area."""
    net = network(work(pattern) if reduces(spec) else small_work(pattern), pattern)
    try:
        result, _ = trip.simulate(net, trip.compile(net, spec), spec, values=False)
    except HwsimError as e:
        return {"refused": type(e).__name__}
    report = trip.report(net, result, spec)
    timed = {k: getattr(report.run, k) for k in ("cycles", "units", "actions", "dram_bits")}
    priced = {k: asdict(getattr(report.run, k)) for k in ("energy_pj", "power_mw")}
    return {"timed": timed, **priced, "time_us": report.run.time_us, "area_um2": asdict(report.machine.area_um2)}


def reduces(spec: AcceleratorSpec) -> bool:
    return bool({"softmax", "layernorm"} & set(spec.vector.functions))


def pattern_of(spec: AcceleratorSpec) -> str:
    pe = spec.pe
    return f"{max(1, pe.kept_max // 2)}:{pe.block_max}" if pe.block_max > 1 else "dense"


def roomy(spec: AcceleratorSpec) -> AcceleratorSpec:
    """The same machine with ports and an adder that leave each field another legal value."""
    levels = spec.levels
    return changed_all(
        spec,
        pe__adder_latency_cycles=1,
        pe__block_max=max(2, spec.pe.block_max),
        levels__act__width_bits=max(4 * levels.act.width_bits, 32 * 16),
        levels__act__capacity_bits=max(levels.act.capacity_bits, 2**17),
        levels__weight__width_bits=2 * levels.weight.width_bits,
        levels__weight__capacity_bits=max(levels.weight.capacity_bits, 2**17),
        levels__acc__width_bits=2 * levels.acc.width_bits,
        levels__acc__capacity_bits=max(levels.acc.capacity_bits, 2**17),
        levels__vec__width_bits=max(levels.vec.width_bits, 16),
        levels__meta__width_bits=max(levels.meta.width_bits, 8 * spec.array.cols),
        levels__meta__capacity_bits=2**20,
    )


def moving(machine: str, where: str, value: Any) -> Iterator[set[str]]:
    """What each other value moves: on the machine, and on a roomy one for values that contradict the machine."""
    for spec in (load_machine(machine), roomy(load_machine(machine))):
        before = outcome(spec, pattern_of(spec))
        assert "timed" in before, f"{machine} does not run the work"
        now = dict(knobs(spec, NO_KNOBS)).get(where, value)
        for other in others(where, now):
            new = changed(spec, where, other)
            if new is not None and new != spec:
                after = outcome(new, pattern_of(spec))
                yield moved(before, after)


def fixed(machine: str, where: str) -> bool:
    """A fixed-point adder takes one cycle, by law of the spec; and a vector unit that cannot reduce waits for no reduction."""
    spec = load_machine(machine)
    waits = where in ("vector.reduce_cycles", "vector.rows_in_flight")
    return (where == "pe.adder_latency_cycles" and spec.pe.number == "int8") or (waits and not reduces(spec))


KNOBS = [(m, *knob) for m in machine_names() for knob in knobs(load_machine(m), NO_KNOBS) if not fixed(m, knob[0])]


@pytest.mark.parametrize("machine", machine_names())
def test_every_field_moves_something(machine: str) -> None:
    mine = [(where, value) for m, where, value in KNOBS if m == machine]
    dead = [where for where, value in mine if not any(moving(machine, where, value))]
    assert len(mine) >= 30 and not dead, f"{machine}: nothing moves with {dead}"


@pytest.mark.parametrize("where", TIMED)
def test_a_field_of_time_moves_more_than_the_price(where: str) -> None:
    value = dict(knobs(load_machine("tiny4"), NO_KNOBS))[where]
    assert any({"timed", "refused"} & moved for moved in moving("tiny4", where, value)), where


def test_a_name_moves_nothing() -> None:
    """The check can fail: a field that nobody reads moves nothing."""
    assert list(moving("tiny4", "name", "tiny4"))
    assert not any(moving("tiny4", "name", "tiny4"))

"""One Program on engine and gates: every port at every clock edge, then memory, storages on chip and action counts."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.engine.carried.items import Column
from hwsim.engine.carried.run import Values
from hwsim.engine.watch import Watch
from hwsim.functional import fill_memory
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.twin.traces import pack, unpack, words_of
from rtl.machine import CompiledMachine, Run, machine_of

Array = np.ndarray[Any, Any]
STRETCH = 4096


@dataclass(frozen=True)
class Difference:
    cycle: int
    where: str
    what: str
    gates: int
    model: int

    def __str__(self) -> str:
        said = f"cycle {self.cycle}: {self.where}: gates and model disagree on {self.what}"
        return said if {self.gates, self.model} == {0, 1} else f"{said}: gates {self.gates}, model {self.model}"


@dataclass(frozen=True)
class Comparison:
    """`events`: in how many cycles each port gave, took or carried something. `actions`: counts that both sides made."""

    cycles: int
    commands: int
    events: dict[str, int]
    actions: dict[str, int]
    difference: Difference | None


def laid_out(spec: AcceleratorSpec, program: Program, inputs: dict[str, Array]) -> tuple[Array, int]:
    """Memory with image, inputs and, behind them from a whole beat on, the command words; and where these begin."""
    beat = spec.memory.beat_bytes
    base = -(-program.memory_bytes // (64 * beat)) * 64 * beat
    words = program.words.ravel()
    memory = np.zeros(base + len(words) + beat, np.uint8)
    fill_memory(memory[: program.memory_bytes], program, inputs)
    memory[base : base + len(words)] = words
    return memory, base


def compare(
    spec: AcceleratorSpec, program: Program, inputs: dict[str, Array] | None = None, machine: CompiledMachine | None = None
) -> Comparison:
    """Stops at the first difference."""
    machine, given = machine or machine_of(spec), inputs or {}
    memory, base = laid_out(spec, program, given)
    watch, gates = Watch(spec, program, base, given), machine.run(memory, base, len(program.words))
    events, difference = np.zeros(len(machine.probes), np.int64), None
    while not watch.over and difference is None:
        start = watch.now
        values = watch.stretch(STRETCH)
        model, known = pack(values, machine.probes)
        same, trace = gates.compare(model, known)
        if same < len(model):
            seen = trace[same:] & known[same : same + 1]
            difference = first_difference(start + same, model[same:], seen, machine.probes, machine.signed)
        events += [events_of(values[name]) for name in machine.probes]
    actions: dict[str, int] = {}
    if difference is None:
        difference, actions = at_the_end(spec, program, watch, gates)
    counted = dict(zip(machine.probes, events.tolist(), strict=True))
    return Comparison(watch.now, len(program.words), counted, actions, difference)


def events_of(column: Column) -> int:
    """Cycles in which a port was not 0; of what is not always known, those in which it was."""
    told = column.data if column.known is None else column.known
    return int(np.count_nonzero(told.any(axis=1) if told.ndim == 2 else told))


def first_difference(cycle: int, model: Array, trace: Array, probes: dict[str, int], signed: frozenset[str]) -> Difference:
    gates, wanted = (unpack(x[:1], probes) for x in (trace, model))
    name = next(n for n in probes if gates[n] != wanted[n])
    said = [_number(x[name][0], probes[name], name in signed) for x in (gates, wanted)]
    return Difference(cycle, *words_of(name), *said)


def _number(word: int, bits: int, signed: bool) -> int:
    return word - (1 << bits) if signed and word >> bits - 1 else word


def at_the_end(spec: AcceleratorSpec, program: Program, watch: Watch, gates: Run) -> tuple[Difference | None, dict[str, int]]:
    """Storages, then counts, once both are through."""
    values, last = watch.carried.values, watch.now - 1
    places = {"memory": (gates.memory()[: program.memory_bytes], values.memory)}
    places |= {f"level {name}": pair for name, pair in _levels(spec, gates.levels(), values).items()}
    found, wanted = gates.counts(), watch.actions()
    return differing_storage(last, places) or _differing_count(last, found, wanted), found


def differing_storage(cycle: int, places: dict[str, tuple[Array, Array]]) -> Difference | None:
    """The first byte (of acc: the first sum) that gates and functional run leave different."""
    for where, (found, wanted) in places.items():
        wrong = np.flatnonzero(found != wanted[: len(found)])
        if len(wrong):
            at = int(wrong[0])
            return Difference(cycle, where, f"{'sum' if where == 'level acc' else 'byte'} {at}", int(found[at]), int(wanted[at]))
    return None


def _differing_count(cycle: int, found: dict[str, int], wanted: dict[str, int]) -> Difference | None:
    assert found.keys() == wanted.keys(), f"only one side counts {sorted(found.keys() ^ wanted.keys())}"
    for name, count in found.items():
        if count != wanted[name]:
            return Difference(cycle, name.split(".")[0], f"the count of {name}", count, wanted[name])
    return None


def _levels(spec: AcceleratorSpec, found: dict[str, Array], values: Values) -> dict[str, tuple[Array, Array]]:
    """Bytes of each level, sums of acc."""
    dtype: Any = np.int8 if spec.pe.number == "int8" else np.float16
    numbers = {name: getattr(values, name).astype(dtype).view(np.uint8) for name in ("act", "weight")}
    wanted = {**numbers, "meta": values.meta, "vec": values.vec}
    pairs = {name: (found[name], wanted[name]) for name in wanted}
    if spec.pe.number == "fp16":  # a number on its way through FP32 may have lost what a NaN carries
        pairs |= {name: (_same_nan(pairs[name][0]), _same_nan(pairs[name][1])) for name in ("act", "weight")}
    return pairs | {"acc": (found["acc"].view(np.int32), values.acc)}


def _same_nan(octets: Array) -> Array:
    halves = octets.view(np.uint16).copy()
    halves[np.isnan(halves.view(np.float16))] = 0x7E00
    return halves.view(np.uint8)

"""`hwsim verify`: random Programs and real layers, or one given Program, on engine and gates, until one of them differs."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hwsim.engine.watch import Watch
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program, write_whole
from hwsim.trip.stages import seeded_inputs
from hwsim.twin.compare import Difference, compare, laid_out
from hwsim.twin.layers import Work, layers
from hwsim.twin.programs import random_program
from hwsim.twin.shrink import bare, is_bare, shrink
from hwsim.twin.traces import pack
from hwsim.twin.vcd import vcd
from rtl.machine import CompiledMachine, machine_of
from rtl.simulators import choose

Progress = Callable[[str, int, int], None]
AFTER = 16  # cycles that the waveforms go on after the difference


@dataclass(frozen=True)
class Found:
    """The first Program that differs, and what is left of it: `program` of `commands` commands, with its own `difference`."""

    name: str
    first: Difference
    commands: int
    program: Program
    difference: Difference


@dataclass(frozen=True)
class Verified:
    """`ports` are those compared at every clock edge. `program`: the one that was given, instead of random ones and layers."""

    machine: str
    digest: str
    simulator: str
    program: str | None
    random: int
    layers: tuple[str, ...]
    cycles: int
    ports: int
    actions: tuple[str, ...]
    found: Found | None

    def facts(self) -> dict[str, Any]:
        out = {k: v for k, v in vars(self).items() if k != "found"} | {"equal": self.found is None}
        if self.found is not None:
            shown = {"program": self.found.name, "commands": len(self.found.program.words), "of": self.found.commands}
            out["difference"] = {**asdict(self.found.difference), "text": str(self.found.difference), **shown}
        return out


def verify_machine(spec: AcceleratorSpec, programs: int, seed: int, progress: Progress, machine: CompiledMachine | None = None) -> Verified:
    """`machine`: gates to use, else those of the spec."""
    progress("compile the gates", 0, 1)
    gates = machine or machine_of(spec)
    progress("make Programs", 0, 1)
    works: list[Work] = [(f"random {k} of seed {seed}", random_program(spec, seed * 1_000_000 + k), {}) for k in range(programs)]
    real = layers(spec, seed)
    cycles, found = _first(spec, [*works, *real], gates, progress)
    return _verified(spec, gates, cycles, found, random=programs, layers=tuple(name for name, _, _ in real))


def verify_program(
    spec: AcceleratorSpec, program: Program, name: str, seed: int, progress: Progress, machine: CompiledMachine | None = None
) -> Verified:
    """This one alone, with seeded inputs where it has any; a bare one is not shrunk. Raises ProgramError where it is illegal, or another
    machine's."""
    progress("compile the gates", 0, 1)
    gates = machine or machine_of(spec)
    work = (name, program, seeded_inputs(program, seed))
    cycles, found = _first(spec, [work], gates, progress, whole=is_bare(program))
    return _verified(spec, gates, cycles, found, program=name)


def _verified(
    spec: AcceleratorSpec,
    gates: CompiledMachine,
    cycles: int,
    found: Found | None,
    program: str | None = None,
    random: int = 0,
    layers: tuple[str, ...] = (),
) -> Verified:
    ports, actions = len(gates.probes), gates.counts
    return Verified(spec.name, spec.digest, choose().name, program, random, layers, cycles, ports, actions, found)


def _first(
    spec: AcceleratorSpec, works: list[Work], gates: CompiledMachine, progress: Progress, whole: bool = False
) -> tuple[int, Found | None]:
    """Cycles compared, and the first that differs; shrunk, but `whole`."""
    cycles = 0
    for k, (name, program, inputs) in enumerate(works):
        progress("compare Programs", k, len(works))
        done = compare(spec, program, inputs, gates)
        cycles += done.cycles
        if done.difference is not None:
            if whole:
                return cycles, Found(name, done.difference, len(program.words), program, done.difference)
            progress("shrink", 0, 1)
            return cycles, _shrunk(spec, name, program, inputs, done.difference, gates)
    return cycles, None


def _shrunk(
    spec: AcceleratorSpec, name: str, program: Program, inputs: dict[str, Any], first: Difference, gates: CompiledMachine
) -> Found:
    def difference(candidate: Program) -> Difference | None:
        return compare(spec, candidate, machine=gates).difference

    small = shrink(spec, bare(spec, program, inputs), lambda candidate: difference(candidate) is not None)
    return Found(name, first, len(program.words), small, difference(small) or first)


def write_found(folder: Path, spec: AcceleratorSpec, found: Found, machine: CompiledMachine | None = None) -> None:
    """gates.vcd and model.vcd, from the start to a little after the difference; program.bin and program.txt."""
    gates, program = machine or machine_of(spec), found.program
    memory, base = laid_out(spec, program, {})
    cycles = found.difference.cycle + AFTER
    watch = Watch(spec, program, base)
    model, known = pack(watch.stretch(cycles), gates.probes)
    trace = gates.run(memory, base, len(program.words)).record(cycles)
    both = min(len(model), len(trace))
    trace[:both] &= known[:both]  # what the model does not know is 0 in both
    traces = {"model": model, "gates": trace}
    for side, trace in traces.items():
        write_whole(folder / f"{side}.vcd", vcd(trace, gates.probes, spec.clock_mhz).encode())
    program.save(folder / "program.bin")
    write_whole(folder / "program.txt", f"# {found.difference}\n{program.text()}".encode())

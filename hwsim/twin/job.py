"""`hwsim verify`: random Programs and real layers on engine and gates, until one of them differs."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hwsim.engine.watch import Watch
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program, write_whole
from hwsim.twin.compare import Comparison, Difference, compare, laid_out
from hwsim.twin.layers import Work, layers
from hwsim.twin.programs import random_program
from hwsim.twin.shrink import bare, shrink
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
    """`ports` are those compared at every clock edge."""

    machine: str
    digest: str
    simulator: str
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
    works: list[Work] = [(f"random {k} of seed {seed}", random_program(spec, seed * 1_000_000 + k), {}) for k in range(programs)]
    real = layers(spec, seed)
    works += real
    cycles, done, found = 0, Comparison(0, 0, {}, {}, None), None
    for k, (name, program, inputs) in enumerate(works):
        progress("compare", k, len(works))
        done = compare(spec, program, inputs, gates)
        cycles += done.cycles
        if done.difference is not None:
            progress("shrink", 0, 1)
            found = _shrunk(spec, name, program, inputs, done.difference, gates)
            break
    return Verified(
        spec.name, spec.digest, choose().name, programs, tuple(name for name, _, _ in real), cycles, len(gates.probes), gates.counts, found
    )


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

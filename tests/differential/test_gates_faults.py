"""Faults in the gates of a small machine: random Programs tell each of them, with a cycle and a name; without a fault, none."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsim.engine.watch import Watch
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import load_program
from hwsim.spec.verify import verify
from hwsim.trip.stages import silent
from hwsim.twin.compare import Comparison, at_the_end, compare, laid_out
from hwsim.twin.job import verify_machine, verify_program, write_found
from hwsim.twin.programs import random_program
from tests.harness.machine_faults import FAULTS, TIES, UNSEEN, Fault, FaultyMachine
from tests.harness.programs import TINY4

SMALL = TINY4.with_(name="tiny2", array__rows=2, array__cols=2, vector__lanes=2)
ALL = (*FAULTS, *UNSEEN, TIES)
LONGEST = 1 << 20


@pytest.fixture(scope="module")
def machine() -> Iterator[FaultyMachine]:
    with pytest.MonkeyPatch.context() as patch:
        yield FaultyMachine(SMALL, patch)


@pytest.fixture(autouse=True)
def awake_again(machine: FaultyMachine) -> Iterator[None]:
    yield
    machine.chosen = 0


def first_difference(spec: AcceleratorSpec, machine: FaultyMachine, programs: int = 12) -> Comparison:
    for seed in range(programs):
        done = compare(spec, random_program(spec, seed), machine=machine)
        if done.difference is not None:
            break
    return done


@pytest.mark.parametrize("number", range(1, len(ALL) + 1), ids=[f.name for f in ALL])
def test_each_fault_is_told(machine: FaultyMachine, number: int) -> None:
    machine.chosen = number
    done, told = first_difference(SMALL, machine), ALL[number - 1].told
    assert done.difference is not None, "not seen"
    assert re.fullmatch(rf"cycle \d+: {told}", str(done.difference)), str(done.difference)


@pytest.mark.parametrize("fault", UNSEEN, ids=[f.name for f in UNSEEN])
def test_some_leave_no_trace_but_on_a_port(machine: FaultyMachine, fault: Fault) -> None:
    """Cycles, storages and counts are right: only what a port carries in its cycle tells the fault."""
    machine.chosen = ALL.index(fault) + 1
    for seed in range(6):
        program = random_program(SMALL, seed)
        memory, base = laid_out(SMALL, program, {})
        watch, gates = Watch(SMALL, program, base), machine.run(memory, base, len(program.words))
        cycles = gates.finish(LONGEST)
        watch.stretch(LONGEST // 64)
        difference, actions = at_the_end(SMALL, program, watch, gates)
        assert watch.over and cycles == watch.now - 1 and difference is None and actions["pe.mac"] > 0


def test_without_a_fault_nothing_is_told(machine: FaultyMachine) -> None:
    assert first_difference(SMALL, machine).difference is None


def test_the_job_shrinks_and_writes_what_differs(machine: FaultyMachine, tmp_path: Path) -> None:
    machine.chosen = 1 + [f.name for f in FAULTS].index("a PE keeps its old weights")
    stages: list[str] = []
    done = verify_machine(SMALL, 3, 1, lambda stage, done, total: stages.append(stage), machine)
    found = done.found
    assert found is not None and not done.facts()["equal"]
    assert len(found.program.words) <= 3 < found.commands, found.program.text()
    verify(found.program, SMALL)
    again = compare(SMALL, found.program, machine=machine)
    assert again.difference == found.difference and "array.pe[0,0]" in str(found.difference)
    write_found(tmp_path, SMALL, found, machine)
    assert {f.name for f in tmp_path.iterdir()} == {"gates.vcd", "model.vcd", "program.bin", "program.txt"}
    replayed = verify_program(SMALL, load_program(tmp_path / "program.bin"), "program.bin", 1, silent, machine)
    assert replayed.found is not None and replayed.found.difference == found.difference
    machine.chosen = 0
    assert verify_program(SMALL, found.program, "program.bin", 1, silent, machine).found is None
    gates, model = ((tmp_path / f"{side}.vcd").read_text().split("$enddefinitions") for side in ("gates", "model"))
    assert gates[0] == model[0] and gates[1] != model[1] and "$scope module pe[0,0] $end" in gates[0]
    assert (tmp_path / "program.txt").read_text().startswith(f"# {found.difference}\n")
    assert "shrink" in stages

"""Random Programs on many machines: engine and compiled gates, every port at every clock edge, storages and action counts at the end."""

from collections import Counter

import pytest

from hwsim.twin.compare import compare
from hwsim.twin.programs import random_program
from rtl.machine import CompiledMachine, machine_of
from tests.differential.test_gates_faults import SMALL
from tests.harness.sweep import machines

MACHINES = machines()
PROGRAMS, NIGHTLY = 30, 1000


def sweep(name: str, seeds: range, machine: CompiledMachine | None = None) -> Counter[str]:
    """How often each port was not 0, and cycles."""
    spec = SMALL if machine else MACHINES[name]
    gates, count = machine or machine_of(spec), Counter[str]()
    for seed in seeds:
        done = compare(spec, random_program(spec, seed), machine=gates)
        assert done.difference is None, f"{name}, seed {seed}: {done.difference}"
        assert done.actions["pe.mac"] > 0 and done.actions["memory.write_bits"] > 0
        count.update(done.events | {"cycle": done.cycles})
    ports = [n for port, n in count.items() if port.endswith((".taken", ".given", ".o_done", ".i_step"))]
    assert len(ports) >= 24 and all(ports), "a port that never moved was not compared"
    return count


def test_there_are_enough_machines_and_programs() -> None:
    specs = list(MACHINES.values())
    assert len(specs) >= 6 and len(specs) * PROGRAMS >= 200
    assert {s.pe.number for s in specs} == {"int8", "fp16"} and {s.array.dataflows for s in specs} >= {("ws",), ("os",), ("ws", "os")}
    assert {(s.pe.kept_max, s.pe.block_max) for s in specs} >= {(2, 4), (2, 8), (1, 16)}
    assert {s.link_depth for s in specs} >= {1, 4} and {s.memory.latency_cycles for s in specs} >= {1, 60}


@pytest.mark.parametrize("name", MACHINES)
def test_random_programs(name: str) -> None:
    assert sweep(name, range(PROGRAMS))["cycle"] > 100 * PROGRAMS


@pytest.mark.nightly
@pytest.mark.parametrize("name", MACHINES)
def test_many_random_programs(name: str) -> None:
    assert sweep(name, range(PROGRAMS, NIGHTLY))["cycle"] > 100 * NIGHTLY


def test_the_other_simulator_says_the_same() -> None:
    assert sweep(SMALL.name, range(10), CompiledMachine(SMALL, "cxxrtl"))["cycle"] > 1000

"""Random Programs on many machines: engine and compiled gates, every port at every clock edge, storages and action counts at the end. Each
machine says how many Programs, commands and cycles it compared (`pytest -rP`)."""

from collections import Counter

import pytest

from hwsim.result import ACTIONS
from hwsim.spec.commands import FN
from hwsim.spec.machine import AcceleratorSpec
from hwsim.twin.compare import compare
from hwsim.twin.programs import random_program
from rtl.machine import CompiledMachine, machine_of
from tests.harness.sweep import machines, wide_vectors

MACHINES, WIDE = machines(), wide_vectors()
PROGRAMS, NIGHTLY = 30, 1000
UNCOUNTED = {"pe.skipped_mac", "pe.padded_mac"}  # need the layer behind the commands


def sweep(name: str, seeds: range, machine: CompiledMachine | None = None) -> Counter[str]:
    """In how many cycles each port did something; Programs, commands and cycles."""
    spec = (MACHINES | WIDE)[name]
    gates, count = machine or machine_of(spec), Counter[str]()
    for seed in seeds:
        done = compare(spec, random_program(spec, seed), machine=gates)
        assert done.difference is None, f"{name}, seed {seed}: {done.difference}"
        assert done.commands > 10 and not UNCOUNTED & done.actions.keys() and set(ACTIONS) == done.actions.keys() | UNCOUNTED
        count.update(done.events | done.actions | {"Program": 1, "command": done.commands, "cycle": done.cycles})
    silent = {name for name in (*gates.probes, *gates.counts) if not count[name] and not name.startswith("tokens.")}
    assert not {n for n in silent if not may_be_silent(spec, n)}, silent
    print(f"{spec.name}: {count['Program']} Programs, {count['command']:,} commands, {count['cycle']:,} cycles, {len(gates.probes)} ports")
    return count


def may_be_silent(spec: AcceleratorSpec, port: str) -> bool:
    """What a machine without ws, or without patterns, never does, and what the rows of random Programs are too short for."""
    without_ws = "ws" not in spec.array.dataflows and port.endswith((".i_swap", ".blocks"))
    dense = spec.pe.block_max == 1 and ("meta" in port or port.startswith("nm_select") or port.endswith("block_log2"))
    name, _, lane = port.rpartition("_")
    return without_ws or dense or (name.startswith("vector.o_write.") and int(lane) >= spec.array.cols)


def worked(count: Counter[str], programs: int) -> None:
    assert count["Program"] == programs and count["command"] > 20 * programs and count["cycle"] > 700 * programs


def test_there_are_enough_machines_and_programs() -> None:
    specs = list(MACHINES.values())
    assert len(specs) >= 6 and len(specs) * PROGRAMS >= 200
    assert {s.pe.number for s in specs} == {"int8", "fp16"} and {s.array.dataflows for s in specs} >= {("ws",), ("os",), ("ws", "os")}
    assert {(s.pe.kept_max, s.pe.block_max) for s in specs} >= {(2, 4), (2, 8), (1, 16)}
    assert {s.pe.number for s in specs if {*FN, "gelu", "silu"} <= set(s.vector.functions)} == {"int8", "fp16"}
    assert {s.link_depth for s in specs} >= {1, 4} and {s.memory.latency_cycles for s in specs} >= {1, 60}


@pytest.mark.parametrize("name", MACHINES)
def test_random_programs(name: str) -> None:
    worked(sweep(name, range(PROGRAMS)), PROGRAMS)


@pytest.mark.nightly
@pytest.mark.parametrize("name", MACHINES)
def test_many_random_programs(name: str) -> None:
    worked(sweep(name, range(PROGRAMS, NIGHTLY)), NIGHTLY - PROGRAMS)


@pytest.mark.nightly
@pytest.mark.parametrize("name", WIDE)
def test_a_vector_unit_of_32_lanes(name: str) -> None:
    worked(sweep(name, range(PROGRAMS)), PROGRAMS)


@pytest.mark.nightly  # g++ takes ten minutes over CXXRTL's text
def test_the_other_simulator_says_the_same() -> None:
    worked(sweep("2x3_link1_latency1", range(10), CompiledMachine(MACHINES["2x3_link1_latency1"], "cxxrtl")), 10)

"""Registers that no reset clears: whatever they hold when a Program begins, ports, storages and cycles are those of the engine."""

import random
from typing import Any

import pytest
from amaranth.hdl import Fragment, ResetInserter, Signal

from hwsim.spec.machine import AcceleratorSpec
from hwsim.twin.compare import compare
from hwsim.twin.programs import random_program
from rtl.machine import CompiledMachine
from rtl.probes import Probed
from tests.harness.sweep import machines

SPECS = {name: machines()[name] for name in ("2x3_link1_latency1", "2x2_fp16_2of8")}
PROGRAMS = 4


class Leftovers(ResetInserter):
    """Inserts no reset: what has none begins with any bits."""

    def __init__(self, seed: int, *, all_of_them: bool = False):
        super().__init__({"sync": Signal()})
        self.random, self.all, self.bits = random.Random(seed), all_of_them, 0

    def _insert_control(self, fragment: Fragment, domain: str, signals: Any) -> None:
        for signal, *_ in signals.chunks():
            if signal.reset_less or self.all:
                signal._init = self.random.getrandbits(len(signal))
                self.bits += len(signal)


class After(Probed):
    """The machine as a Program before may have left it."""

    def __init__(self, spec: AcceleratorSpec, leftovers: Leftovers):
        super().__init__(spec)
        self.leftovers = leftovers

    def elaborate(self, platform: Any) -> Fragment:
        return self.leftovers(Fragment.get(super().elaborate(platform), platform))


@pytest.mark.parametrize("name", SPECS)
def test_what_a_reset_leaves_changes_nothing(name: str) -> None:
    left = Leftovers(seed=1)
    machine = CompiledMachine(SPECS[name], probed=After(SPECS[name], left))
    assert left.bits > 5_000
    for seed in range(PROGRAMS):
        done = compare(SPECS[name], random_program(SPECS[name], seed), machine=machine)
        assert done.difference is None, f"seed {seed}: {done.difference}"


def test_a_register_that_needs_its_reset_is_seen() -> None:
    spec = SPECS["2x3_link1_latency1"]
    machine = CompiledMachine(spec, probed=After(spec, Leftovers(seed=1, all_of_them=True)))
    assert compare(spec, random_program(spec, 0), machine=machine).difference is not None

"""Energy of a run of the thread machine: each action pays for its counters, by hand from the table."""

import pytest

from hwsim.spec.load import load_thread_machine
from hwsim.spec.prices import price_names, price_table, thread_energy_pj
from hwsim.spec.prices.thread import ACTIONS, LINK_PJ
from hwsim.thread_result import COUNTERS

PIUMA = load_thread_machine("piuma")
NONE = dict.fromkeys(COUNTERS, 0)


def energy(instructions: int = 0, **counters: int) -> dict[str, float]:
    found = thread_energy_pj(PIUMA, {**NONE, **counters}, instructions)
    assert tuple(found) == ACTIONS and all(p.low <= p.typical <= p.high for p in found.values())
    return {name: p.typical for name, p in found.items() if p.high}


def test_each_action_by_hand() -> None:
    table = price_table("7nm")
    parts = {name: p.pj.typical for name, p in table.parts.items()}
    assert energy() == {}
    assert energy(dram_read_accesses=3, dram_atomics=2) == {"dram": pytest.approx(7 * 64 * parts["dram_bit"])}
    assert energy(integer_ops=5) == {"integer": pytest.approx(10 * parts["add_int32"])}
    assert energy(multiply_ops=5) == {"multiply": pytest.approx(20 * parts["multiply_int32"])}
    assert energy(float_ops=2) == {"float": pytest.approx(8 * parts["multiply_fp32"] + 4 * parts["add_fp32"])}
    assert energy(message_bits=100) == {"network": pytest.approx(100 * LINK_PJ.typical)}
    bank = table.sram.at(PIUMA.scratchpad.capacity_bits // 8, 64)
    assert energy(scratchpad_atomics=1) == {"scratchpad": pytest.approx(64 * (bank.read_pj.typical + bank.write_pj.typical))}


@pytest.mark.parametrize("counter", [c for c in COUNTERS if c.endswith(("ops", "operations", "elements", "bits", "accesses", "atomics"))])
def test_what_happens_costs(counter: str) -> None:
    assert sum(energy(**{counter: 1000}).values()) > 0


@pytest.mark.parametrize("technology", price_names())
def test_every_technology_prices_the_machine(technology: str) -> None:
    found = thread_energy_pj(PIUMA.with_(technology=technology), dict.fromkeys(COUNTERS, 10), 10)
    assert all(p.typical > 0 for p in found.values())

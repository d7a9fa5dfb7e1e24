"""Each invariant is broken once, and says which, with the numbers."""

import re
from dataclasses import replace
from typing import Any

import pytest

from hwsim.report import check
from hwsim.result import LayerResult, Result
from hwsim.spec.errors import SimulationError
from tests.unit.hwsim.report.handmade import SPEC, dense, layer, pruned, result, units

BUG = "this is a fault of the simulator, report it with the machine and the network"


def refused(r: Result, said: str) -> None:
    with pytest.raises(SimulationError, match=f"^{re.escape(said)}; {BUG}$"):
        check(r, SPEC)


def changed(**changes: Any) -> Result:
    """`pruned()` with its first layer changed."""
    r = pruned()
    return replace(r, layers=(replace(r.layers[0], **changes), *r.layers[1:]))


def acting(**counts: int | None) -> Result:
    return changed(actions=pruned().layers[0].actions | {k.replace("__", "."): v for k, v in counts.items()})


@pytest.mark.parametrize("r", [dense(), pruned(), pruned(gated=None)], ids=["dense", "pruned", "no values"])
def test_sound_results_pass(r: Result) -> None:
    assert check(r, SPEC) is None


def test_layers_add_up_to_the_total() -> None:
    refused(replace(dense(), cycles=7001), "toy: 7001 cycles, its layers add up to 7000")


def test_causes_add_up_to_the_cycles() -> None:
    spent = units(1500, array={"busy": 1100})
    spent["array"]["idle"] -= 1
    refused(changed(units=spent), "encoder.0.ffn.up at array: busy 1100, idle 399 do not add up to 1500 cycles")


def test_no_cause_is_negative() -> None:
    refused(
        changed(units=units(1500, feed={"busy": 1501})),
        "encoder.0.ffn.up at feed: busy 1501, idle -1 do not add up to 1500 cycles",
    )


def test_no_unit_is_missing() -> None:
    spent = units(1500)
    del spent["vector"]
    refused(changed(units=spent), "encoder.0.ffn.up at vector: nothing do not add up to 1500 cycles")


def test_macs_are_sums_of_parts() -> None:
    refused(
        acting(pe__gated_mac=251),
        "encoder.0.ffn.up: 16134 mac + 251 gated_mac + 49152 skipped_mac + 0 padded_mac is not mapped_macs 65536",
    )


def test_no_count_is_negative() -> None:
    refused(acting(pe__gated_mac=16385, pe__mac=-1), "encoder.0.ffn.up: -1 of pe.mac")


def fast(cycles: int) -> LayerResult:
    return layer("fast", "linear", cycles, mapped=16000, kept=16000)


def test_utilisation_is_at_most_one() -> None:
    assert check(result("dense", (fast(1000),)), SPEC) is None
    refused(result("dense", (fast(999),)), "fast: 16000 MACs by its end, 16 PEs x 999 cycles allow 15984")


def test_a_layer_may_start_before_its_own_cycles() -> None:
    early = layer("early", "linear", 900, mapped=160, kept=160)
    assert check(result("dense", (early, fast(110))), SPEC) is None
    refused(result("dense", (fast(110), early)), "fast: 16000 MACs by its end, 16 PEs x 110 cycles allow 1760")


def test_what_is_needed_is_moved() -> None:
    refused(changed(needed_bits=53193 - 12000 + 4097), "toy: needs 57290 bits of memory once, 53192 were read and 4096 written")


def test_what_is_read_is_used() -> None:
    refused(
        acting(act__read_bits=30000),
        "toy: 51144 operand bits read from memory, only 47288 read from the levels",
    )


def test_traffic_is_counted() -> None:
    refused(acting(memory__read_bits=None), "toy: traffic to memory was not counted")

"""PE: gates against a model of its registers, every port at every clock edge, under random control."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.spec.machine import PESpec
from rtl.components.pe import PE
from tests.harness.faults import crossed_offset
from tests.harness.model_pe import ModelPE
from tests.harness.programs import FP16, TINY4
from tests.harness.twins import Disagreement, differ, simulate
from tests.harness.words import draw_elements, draw_sums

CYCLES = 800


def inputs(rng: np.random.Generator, spec: PESpec, os: bool) -> dict[str, Any]:
    kept_max, block_max, number = spec.kept_max, spec.block_max, spec.number

    def weight() -> tuple[int, int]:
        return int(draw_elements(rng, (), number)), int(rng.integers(block_max))

    slot = int(rng.integers(kept_max)) if not os else 0
    flags = {
        name: bool(rng.random() < p)
        for name, p in (("valid", 0.8), ("first", 0.2), ("capture", 0.2), ("there", 0.9))
    }
    return {
        "os": os,
        "step": {**flags, "slot": slot, "lane": int(rng.integers(spec.adder_latency_cycles))},
        "swap": bool(rng.random() < 0.2),
        "load": bool(rng.random() < 0.5),
        "slot": int(rng.integers(kept_max)),
        "weight": weight(),
        "flow": weight(),
        "sum": int(draw_sums(rng, (), number)),
        "shift": bool(rng.random() < 0.5),
        "drain": int(draw_sums(rng, (), number)),
        "acts": draw_elements(rng, block_max, number).tolist(),
    }


def drive(ctx: Any, dut: PE, x: dict[str, Any]) -> None:
    for name, value in x.items():
        as_struct = name in ("weight", "flow")
        ctx.set(
            getattr(dut, f"i_{name}"),
            {"payload": value[0], "offset": value[1]} if as_struct else value,
        )


def compare(spec: PESpec, seed: int = 1) -> int:
    """Products that went into a sum."""
    rng, products = np.random.default_rng(seed), 0
    dut, model = PE(spec), ModelPE(spec)
    filled = spec.multiplier_latency_cycles + spec.adder_latency_cycles  # cycles until what the adder gives is defined
    before: dict[str, Any] = {}

    def cycle(ctx: Any, n: int) -> bool:
        nonlocal before, products
        if spec.number == "int8" or n >= filled:
            differ(n, "pe", "the sum", ctx.get(dut.o_sum), model.sum)
        differ(n, "pe", "the drained sum", ctx.get(dut.o_drain), model.drains[0])
        flow = ctx.get(dut.o_flow)
        differ(
            n,
            "pe",
            "the weight that goes south",
            (flow["payload"], flow["offset"]),
            model.active[0],
        )
        if before:  # what goes east is a cycle old
            differ(n, "pe", "the swap that goes east", ctx.get(dut.o_swap), int(before["swap"]))
            differ(
                n, "pe", "the activations that go east", list(ctx.get(dut.o_acts)), before["acts"]
            )
            for name, value in before["step"].items():
                differ(
                    n, "pe", f"step.{name} that goes east", ctx.get(dut.o_step[name]), int(value)
                )
        before = inputs(rng, spec, os=n // 100 % 2 == 1)
        drive(ctx, dut, before)
        model.edge(before)
        products += before["step"]["valid"]
        return n < CYCLES

    simulate(dut, cycle)
    return products


@pytest.mark.parametrize("stages", [0, 1, 2, 3])
def test_random_control(stages: int) -> None:
    assert compare(replace(TINY4.pe, multiplier_latency_cycles=stages), stages) > CYCLES / 2


@pytest.mark.parametrize("stages, adder", [(0, 1), (1, 4), (2, 3), (4, 5)])
def test_random_control_fp16(stages: int, adder: int) -> None:
    spec = replace(FP16.pe, multiplier_latency_cycles=stages, adder_latency_cycles=adder)
    assert compare(spec, adder) > CYCLES / 2


def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    crossed_offset(monkeypatch)
    with pytest.raises(
        Disagreement,
        match=r"^cycle \d+: pe: gates and model disagree on the sum: gates -?\d+, model -?\d+$",
    ):
        compare(TINY4.pe)

"""PE: gates against a model of its registers, every port at every clock edge, under random control."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rtl.components.pe import PE
from tests.harness.faults import crossed_offset
from tests.harness.model_pe import ModelPE
from tests.harness.programs import TINY4
from tests.harness.twins import Disagreement, differ, simulate

CYCLES = 800


def inputs(rng: np.random.Generator, kept_max: int, block_max: int, os: bool) -> dict[str, Any]:
    def weight() -> tuple[int, int]:
        return int(rng.integers(-128, 128)), int(rng.integers(block_max))

    slot = int(rng.integers(kept_max)) if not os else 0
    flags = {
        name: bool(rng.random() < p)
        for name, p in (("valid", 0.8), ("first", 0.2), ("capture", 0.2), ("end", 0.1))
    }
    return {
        "os": os,
        "step": {**flags, "slot": slot},
        "swap": bool(rng.random() < 0.2),
        "load": bool(rng.random() < 0.5),
        "slot": int(rng.integers(kept_max)),
        "weight": weight(),
        "flow": weight(),
        "sum": int(rng.integers(-(2**31), 2**31)),
        "shift": bool(rng.random() < 0.5),
        "drain": int(rng.integers(-(2**31), 2**31)),
        "acts": rng.integers(-128, 128, block_max).tolist(),
    }


def drive(ctx: Any, dut: PE, x: dict[str, Any]) -> None:
    for name, value in x.items():
        as_struct = name in ("weight", "flow")
        ctx.set(
            getattr(dut, f"i_{name}"),
            {"payload": value[0], "offset": value[1]} if as_struct else value,
        )


def compare(seed: int = 1, stages: int = 2) -> int:
    """Products that went into a sum."""
    spec, rng, products = replace(TINY4.pe, multiplier_latency_cycles=stages), np.random.default_rng(seed), 0
    dut, model = PE(spec), ModelPE(spec.kept_max, stages)
    before: dict[str, Any] = {}

    def cycle(ctx: Any, n: int) -> bool:
        nonlocal before, products
        differ(n, "pe", "the sum", ctx.get(dut.o_sum), model.sum)
        differ(n, "pe", "the drained sum", ctx.get(dut.o_drain), model.drain)
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
        before = inputs(rng, spec.kept_max, spec.block_max, os=n // 100 % 2 == 1)
        drive(ctx, dut, before)
        model.edge(before)
        products += before["step"]["valid"]
        return n < CYCLES

    simulate(dut, cycle)
    return products


@pytest.mark.parametrize("stages", [0, 1, 2, 3])
def test_random_control(stages: int) -> None:
    assert compare(stages, stages) > CYCLES / 2


def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    crossed_offset(monkeypatch)
    with pytest.raises(
        Disagreement,
        match=r"^cycle \d+: pe: gates and model disagree on the sum: gates -?\d+, model -?\d+$",
    ):
        compare()

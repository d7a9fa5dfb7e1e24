"""How the lanes of fp16 machines use the latencies of a spec: by count, and built with as little as they ask for."""

import pytest

from hwsim.spec.errors import SpecError
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from rtl.vector.float_plan import Plan, operation_cycles
from rtl.vector.floats import FloatLanes
from tests.harness.programs import FP16

SUBSETS = [(), ("gelu",), ("silu",), ("softmax",), ("layernorm",), ("gelu", "softmax"), ("silu", "layernorm"), ("maxpool", "depthwise")]


def tight(spec: AcceleratorSpec, operation: int) -> AcceleratorSpec:
    """With the fewest cycles in which operations of so many fit."""
    plan = Plan.of(spec)
    return spec.with_(vector__latency_cycles=plan.latency_cycles(operation), vector__reduce_cycles=max(1, plan.reduce_cycles(operation)))


@pytest.mark.parametrize("functions", SUBSETS, ids=["+".join(f) or "map" for f in SUBSETS])
@pytest.mark.parametrize("lanes, operation", [(1, 1), (3, 2)])
def test_built_with_as_little_as_it_asks_for(functions: tuple[str, ...], lanes: int, operation: int) -> None:
    spec = tight(FP16.with_(vector__functions=("map", *functions), vector__lanes=lanes), operation)
    assert operation_cycles(spec) == operation
    assert FloatLanes(spec).elaborate(None) is not None


def test_a_wide_tree_outlasts_a_short_pipeline() -> None:
    """32 lanes: the largest of a row comes behind the row's results."""
    wide = {f"levels__{name}__width_bits": 1024 for name in ("weight", "meta", "acc", "vec")}
    size = {"vector__lanes": 32, "array__cols": 32, "levels__acc__capacity_bits": 1 << 16}
    spec = tight(FP16.with_(vector__functions=("map", "softmax"), **size, **wide), 1)
    assert spec.vector.latency_cycles == 11 > 2 + Plan.of(spec).operations + 1
    assert FloatLanes(spec).elaborate(None) is not None


def test_presets_have_room_for_one_cycle() -> None:
    for name in ("sat", "dense32_fp16", "tiny4_fp16"):
        assert operation_cycles(load_machine(name)) == 1


def test_more_latency_slower_operations() -> None:
    found = [operation_cycles(FP16.with_(vector__latency_cycles=n, vector__reduce_cycles=40)) for n in (16, 28, 29, 42, 200)]
    assert found == [1, 1, 2, 3, 5]  # the last one: bounded by reduce_cycles


def test_too_little_is_refused() -> None:
    plan = Plan.of(FP16)
    for name, least in (("latency_cycles", plan.latency_cycles(1)), ("reduce_cycles", plan.reduce_cycles(1))):
        with pytest.raises(SpecError, match=rf"^vector\.{name}: {least - 1} has no gates; use {least} or more$"):
            operation_cycles(FP16.with_(**{f"vector__{name}": least - 1}))

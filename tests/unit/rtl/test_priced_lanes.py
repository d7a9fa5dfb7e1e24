"""The price of an FP16 vector unit names as many multipliers and adders in FP32 as its lanes in gates have."""

from collections import Counter
from typing import Any

import pytest
from amaranth.lib import wiring

from hwsim.spec.prices.parts import BLOCK_PARTS
from rtl.floats import units
from rtl.vector.floats import FloatLanes
from tests.harness.programs import FP16

FUNCTIONS = (
    ("map",), ("map", "gelu"), ("map", "silu"), ("map", "softmax"), ("map", "layernorm"), ("map", "gelu", "layernorm"),
    ("map", "silu", "softmax"), ("map", "softmax", "layernorm"), ("map", "avgpool"), ("map", "depthwise"), FP16.vector.functions,
)  # fmt: skip
NAMES = {"Multiply": "multiply_fp32", "Add": "add_fp32", "Product": "multiply_fp16"}
TREE = {"softmax", "layernorm"}  # their sums go across the lanes in a tree, an adder less than lanes


def made(patch: pytest.MonkeyPatch, lanes: int, functions: tuple[str, ...]) -> Counter[str]:
    """Arithmetic units of the lanes, by the names of the price table."""
    spec = FP16.with_(
        vector__lanes=lanes, vector__functions=functions, vector__latency_cycles=40, vector__reduce_cycles=60, levels__vec__width_bits=64
    )
    count = Counter[str]()

    def counted(self: Any, *args: Any, whole: Any = units._Unit.__init__) -> None:
        count[NAMES[type(self).__name__]] += 1
        whole(self, *args)

    with patch.context() as inner:
        inner.setattr(units._Unit, "__init__", counted)
        unit = FloatLanes(spec)
        module = unit.elaborate(None)
    for part in (unit, module, *(c for c, _ in module._named_submodules.values() if isinstance(c, wiring.Component))):
        part._MustUse__silence = True
    return count


@pytest.mark.parametrize("functions", FUNCTIONS, ids=" ".join)
def test_units_of_the_lanes(functions: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    for lanes in (2, 4):
        spec = FP16.with_(vector__lanes=lanes, vector__functions=functions)
        bill, found = BLOCK_PARTS["vector"](spec), made(monkeypatch, lanes, functions)
        for name in ("multiply_fp32", "multiply_fp16"):
            assert bill[name] == found[name], name
        assert found["add_fp32"] <= bill["add_fp32"] <= found["add_fp32"] + len(TREE), "add_fp32"

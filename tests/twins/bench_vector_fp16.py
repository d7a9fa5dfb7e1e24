"""Vector unit of FP16 machines: gates against model, every port at every clock edge; elements against the reference arithmetic."""

from typing import Any

import pytest
from amaranth.hdl import Const

from hwsim.spec.commands import ACT, FN, Command
from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl.components.vector import Vector
from rtl.vector import floats
from rtl.vector.float_plan import Plan
from tests.harness.blocks import DISAGREE
from tests.harness.float_maps import filled, random_float_vector, results
from tests.harness.maps import REDUCING
from tests.harness.programs import FP16
from tests.harness.twins import Disagreement, simulate
from tests.twins.bench_vector import VectorBench

TIGHT = FP16.with_(vector__reduce_cycles=8)  # as few cycles as every function can do with
PLAIN = ("map", "maxpool", "avgpool")


class FloatBench(VectorBench):
    def draw(self, spec: AcceleratorSpec, waits: Any, signals: Any) -> Command:
        return random_float_vector(self.rng, spec, waits, signals)

    def fill(self) -> None:
        self.vec, self.acc = filled(self.rng, self.spec)

    def wanted(self, c: Command) -> dict[int, int]:
        self.count[FN[c["fn"]]] += 1
        self.count[ACT[c["act"]]] += 1
        self.count[f"{FN[c['fn']]} of {'vec' if c['from_vec'] else 'acc'}"] += 1
        return results(c, self.vec, self.acc, self.spec.vector.lanes)


def compare(spec: AcceleratorSpec, eager: float, seed: int, commands: int = 20) -> FloatBench:
    dut, bench = Vector(spec), FloatBench(spec, eager, seed, commands)
    simulate(dut, lambda ctx, n: bench.cycle(dut, ctx))
    assert bench.count["command"] == commands
    return bench


SPECS = [
    (0.9, 30, {}),  # every function, in the fewest cycles there are
    (0.6, 15, {"vector__lanes": 3, "vector__latency_cycles": 26, "vector__reduce_cycles": 19,
               "vector__functions": ("map", "softmax", "layernorm")}),
    (0.8, 20, {"vector__lanes": 3, "vector__latency_cycles": 7, "vector__functions": PLAIN}),
    (0.9, 20, {"array__cols": 7, "vector__lanes": 2, "vector__functions": ("map", "silu"), "vector__latency_cycles": 13,
               "levels__weight__width_bits": 128, "levels__meta__width_bits": 64, "levels__acc__width_bits": 256, "levels__vec__banks": 4}),
]  # fmt: skip


@pytest.mark.parametrize("eager, commands, changes", SPECS)
def test_random_commands(eager: float, commands: int, changes: dict[str, Any]) -> None:
    spec = TIGHT.with_(**changes)
    done = compare(spec, eager, len(changes) + 3, commands)
    assert done.count["element"] > 150 and all(done.count[fn] for fn in spec.vector.functions)
    if set(REDUCING) <= set(spec.vector.functions):
        assert all(sum(done.count[f"{fn} of {level}"] for fn in REDUCING) for level in ("acc", "vec"))


def test_a_pass_that_comes_too_early_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cycle less than the plan asks for: the last row of a group has not been reduced."""
    monkeypatch.setattr(Plan, "reduce_cycles", lambda self, operation: 1)
    with pytest.raises(Disagreement, match=DISAGREE.format("vector", r"the element at \d+")):
        compare(TIGHT.with_(vector__functions=("map", "layernorm"), vector__reduce_cycles=7), 0.9, 2)


def test_a_wrong_bit_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    give = floats.FloatLanes._give
    monkeypatch.setattr(floats.FloatLanes, "_give", lambda self, m, results: give(self, m, [results[0] ^ 1, *results[1:]]))
    with pytest.raises(Disagreement, match=DISAGREE.format("vector", r"the element at \d+")):
        compare(TIGHT.with_(vector__functions=("map",)), 0.7, seed=1)


def test_a_window_that_forgets_nan_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floats, "is_nan", lambda word: Const(0))
    with pytest.raises(Disagreement, match=DISAGREE.format("vector", r"the element at \d+")):
        compare(TIGHT.with_(vector__functions=PLAIN), 0.7, seed=4)


def test_a_latency_that_no_pipeline_meets_has_no_gates() -> None:
    for name, text in (("latency", "15 has no gates; use 16 or more"), ("reduce", "7 has no gates; use 8 or more")):
        with pytest.raises(SpecError, match=f"^vector.{name}_cycles: {text}$"):
            Vector(TIGHT.with_(**{f"vector__{name}_cycles": int(text.split()[0])}))

"""One PE as registers and plain arithmetic: what rtl/components/pe.py must hold after each clock edge."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from hwsim.spec.machine import PESpec
from tests.harness.words import add, multiply

Weight = tuple[int, int]  # payload, offset
IDLE = {"valid": False, "begins": False, "capture": False, "lane": 0}


@dataclass
class ModelPE:
    """`sum`: what stands at the adder's end; `sums`: of each lane; `drains`: lane 0 leaves first."""

    spec: PESpec
    sum: int = 0
    sums: list[int] = field(default_factory=list)
    drains: list[int] = field(default_factory=list)
    shadow: list[Weight] = field(default_factory=list)
    active: list[Weight] = field(default_factory=list)
    products: deque[tuple[int, dict[str, Any]]] = field(default_factory=deque)  # on their way to the adder
    adds: deque[tuple[int, dict[str, Any]]] = field(default_factory=deque)  # and through it

    def __post_init__(self) -> None:
        self.shadow = [(0, 0)] * self.spec.kept_max
        self.active = [(0, 0)] * self.spec.kept_max
        self.sums, self.drains = [0] * self.spec.adder_latency_cycles, [0] * self.spec.adder_latency_cycles
        self.products = deque([(0, IDLE)] * self.spec.multiplier_latency_cycles)
        self.adds = deque([(0, IDLE)] * self.spec.adder_latency_cycles)

    def edge(self, x: dict[str, Any]) -> None:
        """x: the inputs before the edge, by the names of the gates' ports without `i_`."""
        active, step = list(self.active), x["step"]
        if x["os"]:
            self.active[0] = x["flow"]
        elif x["swap"]:
            self.active = list(self.shadow)
        if x["load"]:
            self.shadow[x["slot"]] = x["weight"]
        payload, offset = active[step["slot"]]
        begins = step["first"] if x["os"] else step["slot"] == 0
        product = multiply(self.spec.number, payload if step["there"] else 0, x["acts"][offset])
        self.products.append((int(product), {**step, "begins": begins}))
        self._sums(x, *self.products.popleft())

    def _sums(self, x: dict[str, Any], product: int, step: dict[str, Any]) -> None:
        there = self.adds.popleft()[1]
        if there["valid"]:
            self.sums[there["lane"]] = self.sum
        north = [*self.drains[1:], x["drain"]] if x["shift"] else list(self.drains)
        if there["valid"] and there["capture"]:
            north[there["lane"]] = self.sum
        self.drains = north
        start = (0 if x["os"] else x["sum"]) if step["begins"] else self.sums[step["lane"]]
        self.adds.append((int(add(self.spec.number, start, product)), step))
        value, after = self.adds[0]
        if self.spec.number == "fp16" or after["valid"]:  # the floating-point adder never stands still
            self.sum = value

"""One PE as registers and plain arithmetic: what rtl/components/pe.py must hold after each clock edge."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Weight = tuple[int, int]  # payload, offset


def wrap(value: int) -> int:
    return int(np.int64(value).astype(np.int32))


@dataclass
class ModelPE:
    kept_max: int
    stages: int
    sum: int = 0
    drain: int = 0
    shadow: list[Weight] = field(default_factory=list)
    active: list[Weight] = field(default_factory=list)
    products: deque[tuple[int, dict[str, bool]]] = field(default_factory=deque)  # on their way to the adder

    def __post_init__(self) -> None:
        self.products = deque([(0, {"valid": False, "begins": False, "capture": False})] * self.stages)
        self.shadow = [(0, 0)] * self.kept_max
        self.active = [(0, 0)] * self.kept_max

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
        self.products.append((payload * x["acts"][offset], {**step, "begins": begins}))
        product, step = self.products.popleft()
        start = (0 if x["os"] else x["sum"]) if step["begins"] else self.sum
        total = wrap(start + product)
        if step["valid"]:
            self.sum = total
        if step["valid"] and step["capture"]:
            self.drain = total
        elif x["shift"]:
            self.drain = x["drain"]

"""One PE as registers and plain arithmetic: what rtl/components/pe.py must hold after each clock edge."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Weight = tuple[int, int]  # payload, offset


def wrap(value: int) -> int:
    return int(np.int64(value).astype(np.int32))


@dataclass
class ModelPE:
    kept_max: int
    sum: int = 0
    drain: int = 0
    shadow: list[Weight] = field(default_factory=list)
    active: list[Weight] = field(default_factory=list)

    def __post_init__(self) -> None:
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
        start = (0 if x["os"] else x["sum"]) if begins else self.sum
        total = wrap(start + payload * x["acts"][offset])
        if step["valid"]:
            self.sum = total
        if step["valid"] and step["capture"]:
            self.drain = total
        elif x["shift"]:
            self.drain = x["drain"]

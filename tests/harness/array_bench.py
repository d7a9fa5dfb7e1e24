"""The bench of the array without a simulator: what to drive in each cycle, and what must come back. Ports are named as in the Verilog."""

from collections import Counter
from typing import Any

import numpy as np

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from tests.harness.model_array import ModelArray
from tests.harness.stimulus import Batch, WeightRow, Work
from tests.harness.twins import differ

INPUTS = ("i_batch__valid", "i_batch__payload", "i_weight__valid", "i_weight__payload")  # and i_acts__r
OUTPUTS = ("i_batch__ready", "i_weight__ready", "o__valid", "o__payload")


def packed_batch(spec: AcceleratorSpec, batch: Batch) -> int:
    value = {
        "config": {"os": batch.os, "kept": batch.kept, "block_log2": batch.block.bit_length() - 1},
        "steps": batch.steps,
        "pixels": batch.pixels,
        "first": batch.first,
        "last": batch.last > 0,
        "end": batch.last == 2,
        "blocks": batch.blocks,
    }
    return int(signatures.batch(spec).const(value).as_value().value)


def packed_acts(spec: AcceleratorSpec, batch: Batch) -> dict[str, int]:
    shape = signatures.acts(spec)
    return {f"i_acts__{r}": int(shape.const(row.tolist()).as_value().value) for r, row in enumerate(batch.acts.swapaxes(0, 1))}


def packed_weight(spec: AcceleratorSpec, row: WeightRow) -> int:
    weights = [
        {"payload": int(w), "offset": int(k)} for w, k in zip(row.weights, row.offsets, strict=True)
    ]
    value = {"os": row.os, "last": row.last, "kept": row.kept, "weights": weights}
    return int(signatures.weight_row(spec).const(value).as_value().value)


class ArrayBench:
    """`gaps`: how often a cycle passes without a push, where the machine allows it. `count`: what was compared."""

    def __init__(
        self, spec: AcceleratorSpec, work: Work, gaps: float, seed: int, model: Any = None
    ) -> None:
        """`model`: one that gets its batches and weight rows by itself."""
        self.spec, self.work, self.gaps = spec, work, gaps
        self.model, self.rng = model or ModelArray(spec, work), np.random.default_rng(seed)
        self.todo: list[list[Any]] = [[], []] if model else [work.batches[::-1], work.weights[::-1]]
        self.count: Counter[str] = Counter()
        self._offered: dict[str, int] = dict.fromkeys(INPUTS, 0)
        self._items: list[Any] = [None, None]
        self.last_row: list[int] = []

    def drive(self) -> dict[str, int]:
        """Inputs that change before this edge: what the model's links hold."""
        out = {}
        for which, (name, item) in enumerate(
            (("i_batch", self.model.batch), ("i_weight", self.model.weight))
        ):
            if item is not self._items[which]:
                out[f"{name}__valid"] = int(item is not None)
                if item is not None:
                    out[f"{name}__payload"] = (packed_weight if which else packed_batch)(self.spec, item)
                    out |= {} if which else packed_acts(self.spec, item)
                self._items[which] = item
        self._offered |= out
        for which, items in enumerate(self.todo):
            may_gap = bool(items) and (which == 0 or items[-1].may_gap)
            if items and self.model.room(which) and not (may_gap and self.rng.random() < self.gaps):
                self.model.push(which, items.pop())
        return out

    def check(self, out: dict[str, int]) -> bool:
        """Compares the settled outputs, takes the edge in the model; False when the last row has been compared."""
        n, edge = self.model.now, self.model.step()
        for name, took in (("batch", edge.took_batch), ("weight", edge.took_weight)):
            differ(
                n,
                "array",
                f"taking {name}",
                self._offered[f"i_{name}__valid"] & out[f"i_{name}__ready"],
                int(took),
            )
            self.count[name] += took
        differ(n, "array", "a row on o", out["o__valid"], int(edge.row is not None))
        if edge.row is not None:
            row = signatures.row(self.spec).from_bits(out["o__payload"])
            differ(
                n, "array", f"row {self.count['row']}", list(row["sums"]), edge.row.sums.tolist()
            )
            differ(
                n,
                "array",
                f"the end of the command at row {self.count['row']}",
                row["end"],
                int(edge.row.end),
            )
            self.count["row"] += 1
            self.last_row = edge.row.sums.tolist()
        self.count["cycle"] += 1
        assert n < 100_000, "the array stands still"
        return bool(self.model.rows)

    def assert_worked(self) -> None:
        done = [self.count[name] for name in ("batch", "weight", "row")]
        assert done == [len(self.work.batches), len(self.work.weights), len(self.work.rows)]
        assert min(done) > 0

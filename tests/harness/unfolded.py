"""The array PE by PE, without registers of its own kind: each step is laid out in cycles by formula, and each PE does what is due.

A batch taken in cycle t issues from t + 1 on. The product of a step issued in cycle t is added by PE (r, c) in cycle
t + 1 + D + r * kept * L + c (ws) or t + 1 + D + r + c (os), D and L the stages of multiplier and adder; the sum is there L cycles later. It
knows neither links nor stalls: the folded model says when batches and weight rows are taken.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from hwsim.spec.machine import AcceleratorSpec
from tests.harness.stimulus import Batch, WeightRow
from tests.harness.words import add, multiply


@dataclass
class Task:
    """One product; `start`: add to the sum from the north (ws), begin anew (os), or go on."""

    start: str
    lane: int
    product: int


class Unfolded:
    """`sums`: [rows, cols] what stands at the end of each adder; `fresh`: the PEs whose sum is new in this cycle."""

    def __init__(self, spec: AcceleratorSpec) -> None:
        self.number, self.rows, self.cols = spec.pe.number, spec.array.rows, spec.array.cols
        self.stages, self.lanes = spec.pe.multiplier_latency_cycles, spec.pe.adder_latency_cycles
        self.sums = np.zeros((self.rows, self.cols), np.int64)
        self.held = np.zeros((self.rows, self.cols, self.lanes), np.int64)
        self.due: dict[int, list[tuple[int, int, Task]]] = defaultdict(list)
        self.ready: dict[int, list[tuple[int, int, int, int]]] = defaultdict(list)  # cycle -> (row, column, lane, sum)
        self.taking: dict[int, list[tuple[int, int, int]]] = defaultdict(list)  # cycle -> (cycle on o, column, row of PEs)
        self.out: dict[int, list[int]] = {}
        self.folds: list[list[WeightRow]] = []
        self.fresh: list[tuple[int, int]] = []
        self.wave = -1
        self.batch: Batch | None = None
        self.step = 0

    def take_batch(self, t: int, batch: Batch) -> None:
        self.batch, self.step = batch, 0
        if batch.os:
            return
        self.wave += batch.first
        for lane, r, n, c in np.ndindex(self.lanes, self.rows, batch.kept, self.cols):
            when = t + 2 + self.stages + (r * batch.kept + n) * self.lanes + lane + c
            task = Task("north" if n == 0 else "on", lane, self._product(batch, lane, r, n, c))
            self.due[when].append((r, c, task))
        for p in range(batch.pixels):
            leaves = t + 1 + self.stages + self.rows * batch.kept * self.lanes + self.cols + p
            for c in range(self.cols):
                self.taking[leaves - (self.cols - 1 - c)].append((leaves, c, self.rows - 1))

    def _product(self, batch: Batch, lane: int, r: int, n: int, c: int) -> int:
        """0 in a row of PEs that has no block in this fold."""
        fold = self.folds[self.wave]
        if r * batch.kept + n >= len(fold):
            return 0
        row = fold[r * batch.kept + n]
        return int(multiply(self.number, row.weights[c], batch.acts[lane, r, row.offsets[c]]))

    def take_weight(self, t: int, row: WeightRow) -> None:
        assert row.os and self.batch is not None and self.batch.os
        batch, block = self.batch, self.step // row.kept
        self.step += 1
        first, last = batch.first and self.step == 1, batch.last and self.step * self.lanes == batch.steps
        end = t + self.lanes - 1 + self.rows + self.cols + self.stages + self.lanes
        for lane, r, c in np.ndindex(self.lanes, self.rows, self.cols):
            product = multiply(self.number, row.weights[c], batch.acts[lane, r, block * batch.block + row.offsets[c]])
            when = t + lane + 1 + self.stages + r + c
            self.due[when].append((r, c, Task("new" if first else "on", lane, int(product))))
            pixel = (self.rows - 1 - r) * self.lanes + lane
            if last and pixel < batch.pixels:
                self.taking[when + self.lanes].append((end + pixel, c, r))

    def settle(self, t: int) -> None:
        """The sums that are there in cycle t."""
        self.fresh = []
        for r, c, lane, total in self.ready.pop(t, []):
            self.sums[r, c] = self.held[r, c, lane] = total
            self.fresh.append((r, c))

    def tick(self, t: int) -> list[int] | None:
        """The row on `o` in cycle t; then the work of the cycle."""
        for leaves, c, r in self.taking.pop(t, []):
            self.out.setdefault(leaves, [0] * self.cols)[c] = int(self.sums[r, c])
        for r, c, task in self.due.pop(t, []):
            base = {"north": self.sums[r - 1, c] if r else 0, "new": 0, "on": self.held[r, c, task.lane]}[task.start]
            self.ready[t + self.lanes].append((r, c, task.lane, int(add(self.number, base, task.product))))
        return self.out.pop(t, None)

    @staticmethod
    def folds_of(weights: list[WeightRow]) -> list[list[WeightRow]]:
        """ws rows, cut at the end of each fold."""
        out: list[list[WeightRow]] = [[]]
        for row in weights:
            if not row.os:
                out[-1].append(row)
                if row.last:
                    out.append([])
        return out[:-1]

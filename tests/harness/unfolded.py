"""The array PE by PE, without registers of its own kind: each step is laid out in cycles by formula, and each PE does what is due.

A step issued in cycle t is added by PE (r, c) in cycle t + 1 + D + r * kept + c (ws) or t + 1 + D + r + c (os), D the stages of the
multiplier. It knows neither links nor stalls: the folded model says when batches and weight rows are taken.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from tests.harness.model_pe import wrap
from tests.harness.stimulus import Batch, WeightRow


@dataclass
class Task:
    """One product; `start`: add to the sum from the north (ws), begin anew (os), or go on."""

    start: str
    product: int


class Unfolded:
    def __init__(self, rows: int, cols: int, stages: int) -> None:
        self.rows, self.cols, self.stages = rows, cols, stages
        self.sums = np.zeros((rows, cols), np.int64)
        self.due: dict[int, list[tuple[int, int, Task]]] = defaultdict(list)
        self.taking: dict[int, list[tuple[int, int, int]]] = defaultdict(
            list
        )  # cycle -> (row on o, column, row of PEs)
        self.out: dict[int, list[int]] = {}
        self.folds: list[list[WeightRow]] = []
        self.wave = -1
        self.batch: Batch | None = None
        self.step = 0

    def take_batch(self, t: int, batch: Batch) -> None:
        self.batch, self.step = batch, 0
        if batch.os:
            return
        self.wave += batch.first
        for r in range(self.rows):
            for n in range(batch.kept):
                for c in range(self.cols):
                    when = t + 1 + self.stages + r * batch.kept + n + c
                    self.due[when].append(
                        (r, c, Task("north" if n == 0 else "on", self._product(batch, r, n, c)))
                    )
        exit_ = t + self.stages + self.rows * batch.kept + self.cols
        for c in range(self.cols):
            self.taking[exit_ - (self.cols - 1 - c)].append((exit_, c, self.rows - 1))

    def _product(self, batch: Batch, r: int, n: int, c: int) -> int:
        """0 in a row of PEs that has no block in this fold."""
        fold = self.folds[self.wave]
        if r * batch.kept + n >= len(fold):
            return 0
        row = fold[r * batch.kept + n]
        return int(row.weights[c]) * int(batch.acts[r, row.offsets[c]])

    def take_weight(self, t: int, row: WeightRow) -> None:
        assert row.os and self.batch is not None and self.batch.os
        batch, block = self.batch, self.step // row.kept
        t += self.stages
        first, last = batch.first and self.step == 0, batch.last and self.step == batch.steps - 1
        for r in range(self.rows):
            for c in range(self.cols):
                product = int(row.weights[c]) * int(
                    batch.acts[r, block * batch.block + row.offsets[c]]
                )
                self.due[t + 1 + r + c].append((r, c, Task("new" if first else "on", product)))
        if last:
            for p in range(batch.pixels):
                for c in range(self.cols):
                    r = self.rows - 1 - p
                    self.taking[t + 2 + r + c].append((t + self.rows + self.cols + 1 + p, c, r))
        self.step += 1

    def tick(self, t: int) -> list[int] | None:
        """The row on `o` in cycle t; then the work of the cycle."""
        for exit_, c, r in self.taking.pop(t, []):
            self.out.setdefault(exit_, [0] * self.cols)[c] = int(self.sums[r, c])
        old = self.sums.copy()
        for r, c, task in self.due.pop(t, []):
            base = {"north": old[r - 1, c] if r else 0, "new": 0, "on": old[r, c]}[task.start]
            self.sums[r, c] = wrap(base + task.product)
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

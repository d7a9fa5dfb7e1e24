"""Array: gates against model, every port at every clock edge; values against NumPy."""

from typing import Any

import numpy as np
import pytest

from hwsim.spec.machine import AcceleratorSpec
from rtl.components.array import Array
from tests.harness.model_array import ModelArray
from tests.harness.programs import TINY4
from tests.harness.stimulus import Work, random_work
from tests.harness.twins import differ, simulate


def set_batch(ctx: Any, port: Any, batch: Any) -> None:
    ctx.set(port.valid, batch is not None)
    if batch is not None:
        ctx.set(
            port.payload,
            {
                "config": {
                    "os": batch.os,
                    "kept": batch.kept,
                    "block_log2": batch.block.bit_length() - 1,
                },
                "steps": batch.steps,
                "pixels": batch.pixels,
                "first": batch.first,
                "last": batch.last > 0,
                "end": batch.last == 2,
                "acts": batch.acts.tolist(),
            },
        )


def set_weight(ctx: Any, port: Any, row: Any) -> None:
    ctx.set(port.valid, row is not None)
    if row is not None:
        weights = [
            {"payload": int(w), "offset": int(k)}
            for w, k in zip(row.weights, row.offsets, strict=True)
        ]
        ctx.set(
            port.payload, {"os": row.os, "last": row.last, "kept": row.kept, "weights": weights}
        )


def compare(spec: AcceleratorSpec, work: Work, gaps: float, seed: int) -> tuple[int, int, int]:
    """Cycles, batches and rows compared. `gaps`: how often a cycle passes without a push, where the machine allows it."""
    dut, model, rng = Array(spec), ModelArray(spec, work), np.random.default_rng(seed)
    todo: list[list[Any]] = [work.batches[::-1], work.weights[::-1]]
    taken, rows = [0, 0], 0

    def cycle(ctx: Any, n: int) -> bool:
        nonlocal rows
        set_batch(ctx, dut.i_batch, model.batch)
        set_weight(ctx, dut.i_weight, model.weight)
        for which, items in enumerate(todo):
            may_gap = bool(items) and (which == 0 or items[-1].may_gap)
            if items and model.room(which) and not (may_gap and rng.random() < gaps):
                model.push(which, items.pop())
        edge = model.step()
        for which, (name, port, took) in enumerate(
            (("batch", dut.i_batch, edge.took_batch), ("weight", dut.i_weight, edge.took_weight))
        ):
            differ(n, "array", f"taking {name}", int(ctx.get(port.valid & port.ready)), int(took))
            taken[which] += took
        differ(n, "array", "a row on o", ctx.get(dut.o.valid), int(edge.row is not None))
        if edge.row is not None:
            sums = [ctx.get(dut.o.payload.sums[c]) for c in range(spec.array.cols)]
            differ(n, "array", f"row {rows}", sums, edge.row.sums.tolist())
            differ(
                n,
                "array",
                f"the end of the command at row {rows}",
                ctx.get(dut.o.payload.end),
                int(edge.row.end),
            )
            rows += 1
        assert n < 100_000, "the array stands still"
        return bool(model.rows)

    cycles = simulate(dut, cycle)
    assert taken == [len(work.batches), len(work.weights)] and rows == len(work.rows) > 0
    return cycles, taken[0], rows


@pytest.mark.parametrize("gaps", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("seed", [1, 2])
def test_random_commands(seed: int, gaps: float) -> None:
    cycles, batches, rows = compare(TINY4, random_work(seed, TINY4, 30), gaps, seed)
    print(f"seed {seed}: {cycles} cycles, {batches} batches, {rows} rows")
    assert cycles > 600 and batches > 100 and rows > 150

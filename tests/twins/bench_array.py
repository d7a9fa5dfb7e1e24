"""Array: gates against model, every port at every clock edge; values against NumPy."""

from typing import Any

import numpy as np
import pytest

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl.components.array import Array
from tests.harness import faults
from tests.harness.model_array import ModelArray
from tests.harness.programs import TINY4
from tests.harness.stimulus import Batch, WeightRow, Work, add_os, add_ws, random_layer, random_work
from tests.harness.twins import Disagreement, differ, simulate


def set_item(ctx: Any, port: Any, item: Batch | WeightRow | None) -> None:
    ctx.set(port.valid, item is not None)
    if item is not None:
        ctx.set(port.payload, batch_value(item) if isinstance(item, Batch) else weight_value(item))


def batch_value(batch: Batch) -> dict[str, Any]:
    return {
        "config": {"os": batch.os, "kept": batch.kept, "block_log2": batch.block.bit_length() - 1},
        "steps": batch.steps,
        "pixels": batch.pixels,
        "first": batch.first,
        "last": batch.last > 0,
        "end": batch.last == 2,
        "acts": batch.acts.tolist(),
    }


def weight_value(row: WeightRow) -> dict[str, Any]:
    weights = [
        {"payload": int(w), "offset": int(k)} for w, k in zip(row.weights, row.offsets, strict=True)
    ]
    return {"os": row.os, "last": row.last, "kept": row.kept, "weights": weights}


def compare(spec: AcceleratorSpec, work: Work, gaps: float, seed: int) -> tuple[int, int, int]:
    """Cycles, batches and rows compared. `gaps`: how often a cycle passes without a push, where the machine allows it."""
    dut, model, rng = Array(spec), ModelArray(spec, work), np.random.default_rng(seed)
    todo: list[list[Any]] = [work.batches[::-1], work.weights[::-1]]
    taken, rows, there = [0, 0], 0, {}

    def cycle(ctx: Any, n: int) -> bool:
        nonlocal rows
        for port, item in ((dut.i_batch, model.batch), (dut.i_weight, model.weight)):
            if item is not there.get(port):
                there[port] = item
                set_item(ctx, port, item)
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
def test_random_commands(gaps: float) -> None:
    cycles, batches, rows = compare(TINY4, random_work(1, TINY4, 20), gaps, seed=1)
    print(f"{cycles} cycles, {batches} batches, {rows} rows")
    assert cycles > 400 and batches > 100 and rows > 100


SHAPES = [  # rows, cols, kept, block, link depth
    (1, 1, 1, 1, 2), (1, 4, 2, 4, 2), (5, 2, 4, 8, 2), (2, 7, 3, 8, 3), (3, 3, 1, 1, 1), (4, 4, 4, 8, 1), (2, 9, 1, 8, 4),
]  # fmt: skip


@pytest.mark.parametrize("rows, cols, kept, block, depth", SHAPES)
def test_other_shapes(rows: int, cols: int, kept: int, block: int, depth: int) -> None:
    spec = TINY4.with_(
        array__rows=rows, array__cols=cols, pe__kept_max=kept, pe__block_max=block, link_depth=depth,
        levels__weight__width_bits=128, levels__meta__width_bits=64, levels__acc__width_bits=512,
    )  # fmt: skip
    assert compare(spec, random_work(3, spec, 16), gaps=0.2, seed=3)[0] > 100


@pytest.mark.parametrize("dataflow", ["ws", "os"])
def test_one_dataflow_alone(dataflow: str) -> None:
    work = Work()
    for cmd, pattern in enumerate([(1, 1), (4, 8), (4, 8), (2, 8), (1, 2), (2, 4), (2, 4)]):
        layer = random_layer(np.random.default_rng(cmd), TINY4, pattern, pixels=10, blocks=6, run=3)
        (add_ws if dataflow == "ws" else add_os)(work, cmd, TINY4, layer)
    assert compare(TINY4, work, gaps=0.1, seed=5)[0] > 200


DISAGREE = r"^cycle \d+: array: gates and model disagree on {}: gates {}, model {}$"
NUMBERS = r"\[.*\]"
FAULTS = [
    (faults.late_swap, DISAGREE.format(r"(row \d+|taking weight)", ".*", ".*")),
    (faults.crossed_offset, DISAGREE.format(r"row \d+", NUMBERS, NUMBERS)),
    (faults.missing_deskew, DISAGREE.format(r"row \d+", NUMBERS, NUMBERS)),
    (faults.stuck_triangle, DISAGREE.format(r"row \d+", NUMBERS, NUMBERS)),
    (faults.hasty_start, DISAGREE.format("taking batch", 1, 0)),
]


@pytest.mark.parametrize("plant, message", FAULTS, ids=[f.__name__ for f, _ in FAULTS])
def test_a_planted_fault_is_reported(
    monkeypatch: pytest.MonkeyPatch, plant: Any, message: str
) -> None:
    work, rng = Work(), np.random.default_rng(1)
    for cmd, (pattern, pixels) in enumerate([((4, 8), 2), ((2, 8), 9), ((2, 4), 6)]):
        layer = random_layer(rng, TINY4, pattern, pixels, blocks=6, run=2)
        (add_os if cmd == 2 else add_ws)(work, cmd, TINY4, layer)
    assert compare(TINY4, work, gaps=0.0, seed=1)[2] == len(work.rows)
    plant(monkeypatch)
    with pytest.raises(Disagreement, match=message):
        compare(TINY4, work, gaps=0.0, seed=1)


def test_fp16_has_no_gates() -> None:
    spec = TINY4.with_(
        pe__number="fp16", levels__weight__width_bits=64, levels__act__width_bits=128
    )
    with pytest.raises(SpecError, match="^pe.number: fp16 has no gates; use int8$"):
        Array(spec)

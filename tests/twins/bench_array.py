"""Array: gates against model, every port at every clock edge; values against NumPy."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl.components.array import Array
from tests.harness import faults
from tests.harness.array_bench import OUTPUTS, ArrayBench
from tests.harness.machine_traffic import EngineArray, random_commands
from tests.harness.programs import FP16, TINY4
from tests.harness.stimulus import Work, add_os, add_ws, random_layer, random_work
from tests.harness.twins import Disagreement, simulate


def compare(
    spec: AcceleratorSpec, work: Work, gaps: float, seed: int, model: Any = None
) -> Counter[str]:
    """What was compared: cycles, batches, weights, rows."""
    dut, bench = Array(spec), ArrayBench(spec, work, gaps, seed, model)
    ports = {
        "__".join(map(str, path)): Value.cast(value)
        for path, _, value in dut.signature.flatten(dut)
    }
    outputs = {name: ports[name] for name in OUTPUTS}

    def cycle(ctx: Any, n: int) -> bool:
        for name, value in bench.drive().items():
            ctx.set(ports[name], value)
        return bench.check({name: ctx.get(port) for name, port in outputs.items()})

    simulate(dut, cycle)
    bench.assert_worked()
    return bench.count


@pytest.mark.parametrize("gaps", [0.0, 0.3, 0.8])
def test_random_commands(gaps: float) -> None:
    done = compare(TINY4, random_work(1, TINY4, 20), gaps, seed=1)
    print(dict(done))
    assert done["cycle"] > 400 and done["batch"] > 100 and done["row"] > 100


SHAPES = [  # rows, cols, kept, block, link depth, stages of the multiplier
    (1, 1, 1, 1, 2, 5), (1, 4, 2, 4, 2, 0), (5, 2, 4, 8, 2, 1), (2, 7, 3, 8, 3, 2), (3, 3, 1, 1, 1, 4),
    (4, 4, 4, 8, 1, 1), (2, 9, 1, 8, 4, 0),
]  # fmt: skip


@pytest.mark.parametrize("rows, cols, kept, block, depth, stages", SHAPES)
def test_other_shapes(rows: int, cols: int, kept: int, block: int, depth: int, stages: int) -> None:
    spec = TINY4.with_(
        array__rows=rows, array__cols=cols, pe__kept_max=kept, pe__block_max=block,
        pe__multiplier_latency_cycles=stages, link_depth=depth,
        levels__weight__width_bits=128, levels__meta__width_bits=64, levels__acc__width_bits=512,
    )  # fmt: skip
    assert compare(spec, random_work(3, spec, 16), gaps=0.2, seed=3)["cycle"] > 100


@pytest.mark.parametrize("dataflow", ["ws", "os"])
def test_one_dataflow_alone(dataflow: str) -> None:
    work = Work()
    for cmd, pattern in enumerate([(1, 1), (4, 8), (4, 8), (2, 8), (1, 2), (2, 4), (2, 4)]):
        layer = random_layer(np.random.default_rng(cmd), TINY4, pattern, pixels=10, blocks=6, run=3)
        (add_ws if dataflow == "ws" else add_os)(work, cmd, TINY4, layer)
    assert compare(TINY4, work, gaps=0.1, seed=5)["cycle"] > 200


@pytest.mark.parametrize("number, latency", [("int8", 1), ("int8", 10), ("fp16", 4)])
def test_traffic_of_the_machine(number: str, latency: int) -> None:
    """The engine's own feed and weight loader drive model and gates."""
    spec = (TINY4 if number == "int8" else FP16).with_(memory__latency_cycles=latency)
    commands, work = random_commands(latency, spec, 20 if number == "int8" else 10)
    done = compare(spec, work, 0, 0, EngineArray(spec, commands, work))
    assert done["cycle"] > 400 and done["row"] > 100


DISAGREE = r"^cycle \d+: array: gates and model disagree on {}: gates {}, model {}$"
NUMBERS = r"\[.*\]"
FAULTS = [
    (faults.late_swap, DISAGREE.format(r"(row \d+|taking weight)", ".*", ".*")),
    (faults.crossed_offset, DISAGREE.format(r"row \d+", NUMBERS, NUMBERS)),
    (faults.missing_deskew, DISAGREE.format(r"row \d+", NUMBERS, NUMBERS)),
    (faults.stuck_triangle, DISAGREE.format(r"row \d+", NUMBERS, NUMBERS)),
    (faults.hasty_start, DISAGREE.format("taking batch", 1, 0)),
    (faults.lost_capture, DISAGREE.format(r"row \d+", NUMBERS, NUMBERS)),
    (faults.early_rows, DISAGREE.format("a row on o", 1, 0)),
    (faults.late_weight, DISAGREE.format(r"row \d+", NUMBERS, NUMBERS)),
]


@pytest.mark.parametrize("plant, message", FAULTS, ids=[f.__name__ for f, _ in FAULTS])
def test_a_planted_fault_is_reported(
    monkeypatch: pytest.MonkeyPatch, plant: Any, message: str
) -> None:
    work, rng = Work(), np.random.default_rng(1)
    for cmd, (pattern, pixels) in enumerate([((4, 8), 2), ((2, 8), 9), ((2, 4), 6)]):
        layer = random_layer(rng, TINY4, pattern, pixels, blocks=6, run=2)
        (add_os if cmd == 2 else add_ws)(work, cmd, TINY4, layer)
    assert compare(TINY4, work, gaps=0.0, seed=1)["row"] == len(work.rows)
    plant(monkeypatch)
    with pytest.raises(Disagreement, match=message):
        compare(TINY4, work, gaps=0.0, seed=1)


def test_a_fault_planted_into_the_lanes_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work()
    add_os(work, 0, FP16, random_layer(np.random.default_rng(1), FP16, (2, 4), 8, blocks=6, run=3))
    assert compare(FP16, work, gaps=0.5, seed=1)["row"] == len(work.rows)
    faults.mixed_lanes(monkeypatch)
    with pytest.raises(Disagreement, match=DISAGREE.format(r"row \d+", NUMBERS, NUMBERS)):
        compare(FP16, work, gaps=0.5, seed=1)


FP16_SHAPES = [  # rows, cols, kept, block, link depth, stages of multiplier and adder
    (4, 4, 4, 8, 2, 2, 4), (1, 3, 1, 1, 2, 0, 4), (3, 2, 2, 4, 1, 1, 2), (2, 5, 4, 8, 2, 3, 6), (2, 1, 2, 8, 3, 2, 1),
]  # fmt: skip


@pytest.mark.parametrize("rows, cols, kept, block, depth, stages, adder", FP16_SHAPES)
def test_fp16(rows: int, cols: int, kept: int, block: int, depth: int, stages: int, adder: int) -> None:
    spec = FP16.with_(
        array__rows=rows, array__cols=cols, pe__kept_max=kept, pe__block_max=block, link_depth=depth,
        pe__multiplier_latency_cycles=stages, pe__adder_latency_cycles=adder,
        levels__weight__width_bits=128, levels__meta__width_bits=64, levels__acc__width_bits=512,
    )  # fmt: skip
    done = compare(spec, random_work(adder, spec, 6), gaps=0.2, seed=3)
    assert done["cycle"] > 80 and done["row"] > 15


def test_the_sums_of_a_group_must_have_left() -> None:
    text = "^pe.adder_latency_cycles: 6 above array.cols 4 \\+ 1 has no gates, the sums of a group would not have left; use more columns$"
    with pytest.raises(SpecError, match=text):
        Array(FP16.with_(pe__adder_latency_cycles=6))

"""Array, PE by PE: every sum of the gates against an unfolded model at every clock edge; unfolded = folded = NumPy on `o`."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value

from hwsim.spec.machine import AcceleratorSpec
from rtl.components.array import Array
from tests.harness import faults
from tests.harness.array_bench import OUTPUTS, ArrayBench
from tests.harness.programs import FP16, TINY4
from tests.harness.stimulus import Work, random_work
from tests.harness.twins import Disagreement, differ, simulate
from tests.harness.unfolded import Unfolded


def compare(spec: AcceleratorSpec, work: Work, gaps: float, seed: int) -> Counter[str]:
    dut, bench = Array(spec), ArrayBench(spec, work, gaps, seed)
    ports = {
        "__".join(map(str, path)): Value.cast(value)
        for path, _, value in dut.signature.flatten(dut)
    }
    array = Unfolded(spec)
    array.folds = Unfolded.folds_of(work.weights)

    def cycle(ctx: Any, n: int) -> bool:
        for name, value in bench.drive().items():
            ctx.set(ports[name], value)
        array.settle(n)
        for r, c in np.ndindex(array.sums.shape) if spec.pe.number == "int8" else array.fresh:
            differ(n, f"array.pe[{r},{c}]", "the sum", ctx.get(dut.pes[r][c].o_sum), int(array.sums[r, c]))
            bench.count["sum"] += 1
        batch, weight, before = bench.model.batch, bench.model.weight, Counter(bench.count)
        outputs = {name: ctx.get(ports[name]) for name in OUTPUTS}
        more, now = bench.check(outputs), bench.count - before
        if now["weight"] and weight.os:  # of the batch that was taken before
            array.take_weight(n, weight)
        if now["batch"]:
            array.take_batch(n, batch)
        row = array.tick(n)
        differ(n, "array", "a row on o (folded, unfolded)", now["row"], int(row is not None))
        if row is not None:
            differ(n, "array", "the row on o (NumPy, unfolded)", bench.last_row, row)
        bench.count["busy"] += bool(array.fresh)
        return more

    simulate(dut, cycle)
    bench.assert_worked()
    return bench.count


KINDS = [("int8", 0, 1), ("int8", 1, 1), ("int8", 2, 1), ("fp16", 3, 4), ("fp16", 0, 2), ("fp16", 1, 1)]


@pytest.mark.parametrize("number, stages, adder", KINDS)
def test_random_commands(number: str, stages: int, adder: int) -> None:
    spec = (TINY4 if number == "int8" else FP16).with_(pe__multiplier_latency_cycles=stages, pe__adder_latency_cycles=adder)
    done = compare(spec, random_work(stages, spec, 12 if number == "int8" else 6), 0.2, stages)
    assert done["busy"] > 100 and done["row"] > 40 and done["sum"] > 1000


@pytest.mark.parametrize("plant", [faults.late_swap, faults.crossed_offset, faults.stuck_triangle])
def test_a_planted_fault_is_reported_at_its_pe(monkeypatch: pytest.MonkeyPatch, plant: Any) -> None:
    plant(monkeypatch)
    with pytest.raises(
        Disagreement, match=r"^cycle \d+: array.pe\[\d,\d\]: gates and model disagree on the sum: "
    ):
        compare(TINY4, random_work(1, TINY4, 6), 0.0, seed=1)

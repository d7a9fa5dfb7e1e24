"""Link: gates against model, every port at every clock edge, for depths from 1 to 8."""

from collections import deque
from typing import Any

import numpy as np
import pytest

from hwsim.components import link
from rtl.components.link import Link
from tests.harness.twins import Disagreement, differ, simulate

CYCLES = 1000


def compare(gates_depth: int, model_depth: int, eager: float, seed: int) -> int:
    """Transfers out. `eager`: how often the two sides are ready, changing every 50 cycles."""
    dut, model, rng = (
        Link(16, gates_depth),
        link.records(1, link.LINK)[0],
        np.random.default_rng(seed),
    )
    model.depth = model_depth
    out: deque[int] = deque()
    moved = 0

    def cycle(ctx: Any, n: int) -> bool:
        nonlocal moved
        phase = 0.9 if n // 50 % 2 else eager
        give, take, item = rng.random() < phase, rng.random() < eager, int(rng.integers(1 << 16))
        ctx.set(dut.i.valid, give)
        ctx.set(dut.i.payload, item)
        ctx.set(dut.o.ready, take)
        can_push, can_pop = link.can_push(model), link.can_pop(model)
        differ(n, "link", "room on i", ctx.get(dut.i.ready), int(can_push))
        differ(n, "link", "an item on o", ctx.get(dut.o.valid), int(can_pop))
        if can_pop:
            differ(
                n, "link", "the item on o", ctx.get(dut.o.payload), int(model.slots[model.head, 0])
            )
        if give and can_push:
            model.slots[link.push(model), 0] = item
            out.append(item)
        if take and can_pop:
            assert model.slots[model.head, 0] == out.popleft()
            link.pop(model)
            moved += 1
        link.commit(model)
        return n < CYCLES

    simulate(dut, cycle)
    return moved


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("eager", [0.3, 0.7, 1.0])
def test_random_traffic(depth: int, eager: float) -> None:
    assert compare(depth, depth, eager, seed=depth) > CYCLES * eager / 3


def test_depth_2_keeps_one_transfer_a_cycle_and_depth_1_one_every_second() -> None:
    assert compare(2, 2, 1.0, seed=1) > CYCLES * 0.85
    assert compare(1, 1, 1.0, seed=1) < CYCLES * 0.55


def test_a_planted_fault_is_reported() -> None:
    with pytest.raises(
        Disagreement,
        match=r"^cycle \d+: link: gates and model disagree on room on i: gates 1, model 0$",
    ):
        compare(3, 2, 0.5, seed=1)

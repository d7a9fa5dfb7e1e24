"""Queue: a link that is never full, seen cycle by cycle beside one."""

import random
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator

from rtl.components.link import Link
from rtl.queue import Queue


@pytest.mark.parametrize("depth", [2, 3, 12])
def test_a_queue_is_a_link_that_is_never_full(depth: int) -> None:
    m, rng, taken = Module(), random.Random(depth), 0
    m.submodules.queue, m.submodules.link = queue, link = Queue(8, depth), Link(8, depth)

    async def bench(ctx: Any) -> None:
        nonlocal taken
        held = 0
        for cycle in range(1500):
            new, ready = rng.random() < (0.3, 0.6, 0.9)[cycle // 500] and held < depth, rng.random() < (0.9, 0.5, 0.3)[cycle // 500]
            item = rng.randrange(256)
            for side in (queue, link):
                ctx.set(side.i.valid, new)
                ctx.set(side.i.payload, item)
                ctx.set(side.o.ready, ready)
            there = ctx.get(queue.o.valid)
            assert there == ctx.get(link.o.valid), f"cycle {cycle}"
            assert not there or ctx.get(queue.o.payload) == ctx.get(link.o.payload), f"cycle {cycle}"
            taken += there and ready
            held += new - (there and ready)
            await ctx.tick()

    sim = Simulator(m)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert taken > 400

"""The array inside the engine: what feed and weight loader really send, cycle by cycle, for a Program of compute commands."""

from collections import deque
from typing import Any

import numpy as np

from hwsim.components import feed, weight_loader
from hwsim.engine.state import new_state
from hwsim.engine.tick import tick
from hwsim.spec.commands import Command
from hwsim.spec.machine import AcceleratorSpec
from tests.harness.model_array import Edge, leaving
from tests.harness.programs import program
from tests.harness.stimulus import (
    Batch,
    Layer,
    WeightRow,
    Work,
    add_os,
    add_ws,
    patterns,
    random_layer,
)


def random_commands(seed: int, spec: AcceleratorSpec, commands: int) -> tuple[list[Command], Work]:
    """Compute commands, and what the array must see of them."""
    rng, work, out = np.random.default_rng(seed), Work(), []
    choice = patterns(spec)
    pattern = choice[0]
    for cmd in range(commands):
        if cmd % 2 == 0:  # else the pattern of the command before
            pattern = choice[int(rng.integers(len(choice)))]
        run, runs, pixels = (
            int(rng.integers(1, 6)),
            int(rng.integers(1, 4)),
            int(rng.integers(1, 14)),
        )
        os = int(rng.random() < 0.5)
        x: Layer = random_layer(rng, spec, pattern, pixels, run * runs, run)
        (add_os if os else add_ws)(work, cmd, spec, x)
        kept, block = pattern
        out.append(
            Command.of(
                "compute", dataflow=os, kept=kept, block_log2=block.bit_length() - 1, count_q=pixels,
                run=run * block, count_s=runs, stride_s=run * block, stride_q=8,
            )
        )  # fmt: skip
    return [*out, Command.of("end")], work


class EngineArray:
    """Stands in for ModelArray; the engine pushes."""

    def __init__(self, spec: AcceleratorSpec, commands: list[Command], work: Work) -> None:
        self.spec, self.state = spec, new_state(spec, program(commands, spec=spec))
        self.machine = self.state.machine
        self.heads: list[deque[Any]] = [deque(work.batches), deque(work.weights)]
        self.rows, self.now = deque(work.rows), 0

    @property
    def batch(self) -> Batch | None:
        link = self.machine.batch
        if not link.held:
            return None
        sent, item = link.slots[link.head], self.heads[0][0]
        wanted = (
            item.cmd,
            item.os,
            item.kept,
            item.block,
            item.steps,
            item.pixels,
            item.first,
            item.last,
        )
        names = (
            feed.B_CMD, feed.B_OS, feed.B_KEPT, feed.B_BLOCK, feed.B_STEPS, feed.B_PIXELS, feed.B_FIRST, feed.B_LAST,
        )  # fmt: skip
        assert tuple(int(sent[k]) for k in names) == wanted, (
            f"cycle {self.now}: feed sends another batch than the stimulus"
        )
        return item

    @property
    def weight(self) -> WeightRow | None:
        link = self.machine.weight
        if not link.held:
            return None
        sent, item = link.slots[link.head], self.heads[1][0]
        names = (weight_loader.W_CMD, weight_loader.W_OS, weight_loader.W_KEPT)
        assert tuple(int(sent[k]) for k in names) == (item.cmd, item.os, item.kept), (
            f"cycle {self.now}: another weight row"
        )
        assert item.os or sent[weight_loader.W_LAST] == item.last, (
            f"cycle {self.now}: another end of a fold"
        )
        return item

    def step(self) -> Edge:
        m, s = self.machine, self.state
        row = leaving(m.array, self.rows, self.now)
        heads = int(m.batch.head), int(m.weight.head)
        tick(m, s.table, s.log, s.left_in_layer)
        took = m.batch.head != heads[0], m.weight.head != heads[1]
        for took_one, head in zip(took, self.heads, strict=True):
            if took_one:
                head.popleft()
        self.now += 1
        return Edge(bool(took[0]), bool(took[1]), row)

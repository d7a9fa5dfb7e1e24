"""Feed: gates against model, every port at every clock edge; the batches' activations against NumPy."""

from collections import deque
from typing import Any

import numpy as np
import pytest

from hwsim.components import feed, link
from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.components.feed import Feed
from tests.harness.blocks import DISAGREE, Bench, Queue, kept, plant
from tests.harness.computes import pixel_blocks, random_compute
from tests.harness.programs import FP16, TINY4
from tests.harness.twins import Disagreement, simulate


class FeedBench(Bench):
    """Level act answers a cycle after it was asked."""

    def __init__(self, spec: AcceleratorSpec, eager: float, seed: int, commands: int) -> None:
        super().__init__("feed", spec, [], seed)
        some = [[q for q in range(4) if self.chance(0.2)] for _ in range(commands)]
        super().__init__("feed", spec, [random_compute(self.rng, spec, s, s) for s in some], seed)
        self.eager, self.state = eager, link.records(1, feed.STATE)[0]
        self.state.cmd = -1
        self.queue = Queue(spec.sequencer.queue_depth)
        self.batch, self.context = Queue(spec.link_depth), Queue(spec.link_depth)
        self.todo = deque(range(commands))
        self.act = self.rng.integers(0, 256, spec.levels.act.capacity_bytes).astype(np.uint8)
        self.asked, self.at, self.pixel = 0, 0, 0

    def elements(self, at: Any) -> Any:
        if self.spec.pe.number == "int8":
            return self.act[at].astype(np.int8)
        return self.act[at] + self.act[at + 1] * np.int64(256)

    def drive(self, dut: Any, ctx: Any) -> None:
        size = signatures.lanes_of(self.spec, "act")
        data = [int(self.act[(self.asked + j) % len(self.act)]) for j in range(size)]
        lanes = bytes(data[(lane - self.asked) % size] for lane in range(size))
        ctx.set(dut.i_data, int.from_bytes(lanes, "little"))
        ctx.set(dut.tokens.there, self.there(1))
        ctx.set(dut.o_batch.ready, self.batch.room)
        ctx.set(dut.o_weights.ready, self.context.room)
        ctx.set(dut.i.valid, self.queue.head is not None)
        if self.queue.head is not None:
            word = kept(self.spec, "compute", self.words[self.queue.head])
            ctx.set(dut.i.payload, dut.i.payload.shape().from_bits(word))

    def cycle(self, dut: Any, ctx: Any) -> bool:
        self.drive(dut, ctx)
        head = self.queue.head
        feed.step(
            self.config, self.state, self.queue.link, self.batch.link, self.context.link, self.tokens, self.table, self.log, self.now
        )  # fmt: skip
        took, pushed = int(self.queue.link.popped), int(self.batch.link.pushed)
        self.differ("taking a command", ctx.get(dut.i.valid) & ctx.get(dut.i.ready), took)
        self.differ("the tokens taken", ctx.get(dut.tokens.take), self.table[head, 1] if took else 0)
        self.differ("a command for the weight loader", ctx.get(dut.o_weights.valid) & self.context.room, took)
        self.differ("a command for the accumulator", ctx.get(dut.o_sums.valid), took)
        self.differ("pushing a batch", ctx.get(dut.o_batch.valid) & self.batch.room, pushed)
        if pushed:
            self.batched(ctx.get(dut.o_batch.payload), [ctx.get(acts) for acts in dut.o_acts], self.batch.pushed_fields())
        if took:
            self.handed(ctx.get(dut.o_weights.payload), ctx.get(dut.o_sums.payload), head)
        self.asked = ctx.get(dut.o_read.address)
        self.edge()
        return bool(self.todo) or self.state.cmd >= 0 or self.queue.head is not None

    def handed(self, weights: Any, sums: Any, n: int) -> None:
        c = self.commands[n]
        pixels, blocks = pixel_blocks(c, self.spec).shape[:2]
        wanted = {k: c[k] for k in ("dataflow", "kept", "block_log2", "count_s", "count_r", "weight", "meta")}
        wanted |= {"run_blocks": blocks // (c["count_s"] * c["count_r"]), "pixels": pixels}
        self.differ("the weight loader's command", {k: weights[k] for k in wanted}, wanted)
        wanted = {"accumulate": c["accumulate"], "acc": c["acc"], "pixels": pixels, "signals": self.table[n, 2]}
        self.differ("the accumulator's command", {k: sums[k] for k in wanted}, wanted)
        self.count["command"] += 1
        self.context.items.append(n)

    def batched(self, gates: Any, row_acts: list[Any], model: Any) -> None:
        os, kept, last = int(model[feed.B_OS]), int(model[feed.B_KEPT]), int(model[feed.B_LAST])
        wanted = {
            "steps": model[feed.B_STEPS], "pixels": model[feed.B_PIXELS], "first": model[feed.B_FIRST], "last": last > 0, "end": last == 2
        }  # fmt: skip
        self.differ("the batch", {k: gates[k] for k in wanted}, {k: int(v) for k, v in wanted.items()})
        config = [gates.config[k] for k in ("os", "kept", "block_log2")]
        self.differ("the batch's config", config, [os, kept, int(model[feed.B_BLOCK]).bit_length() - 1])
        command = self.commands[int(model[feed.B_CMD])]
        wide, got, want = int(model[feed.B_STEPS]) // kept // self.spec.pe.adder_latency_cycles, [], []
        acts = self.elements(pixel_blocks(command, self.spec))
        rows, group, lanes = self.spec.array.rows, int(model[feed.B_PIXELS]), self.spec.pe.adder_latency_cycles
        block, blocks = acts.shape[2], acts.shape[1]
        if os:
            for p in range(group):
                want.append(acts[self.pixel + p, self.at : self.at + wide].ravel().tolist())
                got.append([row_acts[rows - 1 - p // lanes][p % lanes][j] for j in range(wide * block)])
        else:
            wide = min(rows, blocks - self.at)
            self.differ("the rows that have a block", gates.blocks, wide)
            for lane in range(lanes):
                for r in range(rows):
                    there = r < wide and lane < group
                    want.append(acts[self.pixel + lane, self.at + r].tolist() if there else [0] * block)
                    got.append([row_acts[r][lane][j] for j in range(block)])
        self.differ("the activations", got, want)
        self.went(os, wide, group, len(acts), blocks)
        self.batch.items.append(command)
        self.count["os" if os else "ws"] += 1

    def went(self, os: int, wide: int, group: int, pixels: int, blocks: int) -> None:
        """The order of docs/machine.md: ws a fold's pixels, then the next fold; os a group's blocks, then the next group."""
        if os:
            self.at += wide
            if self.at == blocks:
                self.at, self.pixel = 0, self.pixel + group
        else:
            self.pixel += group
            if self.pixel == pixels:
                self.pixel, self.at = 0, self.at + wide
        if self.pixel == pixels or self.at == blocks:
            self.pixel = self.at = 0

    def edge(self) -> None:
        if self.todo and self.queue.room and self.chance(self.eager):
            self.queue.push(self.todo[0], self.todo.popleft())
        for queue in (self.batch, self.context):
            if queue.head is not None and self.chance(self.eager):
                queue.pop()
        for queue in (self.queue, self.batch, self.context):
            queue.edge()
        self.give_some(1)
        self.token_edge()


def compare(spec: AcceleratorSpec, eager: float, seed: int, commands: int = 14) -> FeedBench:
    dut, bench = Feed(spec), FeedBench(spec, eager, seed, commands)
    simulate(dut, lambda ctx, n: bench.cycle(dut, ctx))
    assert bench.count["command"] == commands
    return bench


@pytest.mark.parametrize("rows, width, depth, eager", [(4, 64, 2, 1.0), (4, 128, 1, 0.6), (3, 64, 4, 0.9), (1, 256, 2, 1.0)])
def test_random_commands(rows: int, width: int, depth: int, eager: float) -> None:
    spec = TINY4.with_(array__rows=rows, levels__act__width_bits=width, link_depth=depth)
    done = compare(spec, eager, seed=rows + width)
    assert done.count["ws"] > 20 and done.count["os"] > 10


@pytest.mark.parametrize("rows, width, adder", [(4, 128, 3), (2, 256, 1), (3, 128, 4)])
def test_random_commands_fp16(rows: int, width: int, adder: int) -> None:
    spec = FP16.with_(array__rows=rows, levels__act__width_bits=width, pe__adder_latency_cycles=adder)
    done = compare(spec, 0.9, seed=rows + width, commands=10)
    assert done.count["ws"] > 8 and done.count["os"] > 5


def stale_read(self: Any, m: Any) -> None:
    m.d.comb += self.o_read.address.eq(self.i.payload.act)


def early_push(self: Any, m: Any) -> None:
    """Pushes before the last read of a batch."""
    m.d.comb += self.o_batch.valid.eq(self.o_batch.ready)


def all_first(self: Any, m: Any) -> None:
    m.d.comb += self.o_batch.payload.first.eq(1)


FAULTS = [(stale_read, "the activations"), (early_push, "pushing a batch"), (all_first, "the batch")]


@pytest.mark.parametrize("fault, what", FAULTS, ids=[f.__name__ for f, _ in FAULTS])
def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch, fault: Any, what: str) -> None:
    plant(monkeypatch, Feed, fault)
    with pytest.raises(Disagreement, match=DISAGREE.format("feed", what)):
        compare(TINY4, 0.9, seed=1)


def test_chunks_of_odd_width_have_no_gates() -> None:
    with pytest.raises(SpecError, match="^levels.act.width_bits: 72 has no gates; use a power of two$"):
        Feed(TINY4.with_(levels__act__width_bits=72))

"""Weight loader: gates against model, every port at every clock edge; rows against level bytes."""

from collections import deque
from typing import Any

import numpy as np
import pytest

from hwsim.components import feed, link, weight_loader
from hwsim.spec.machine import AcceleratorSpec
from rtl.components.weight_loader import WeightLoader
from tests.harness.blocks import DISAGREE, Bench, Queue, plant
from tests.harness.computes import pixel_blocks, random_compute, weight_rows
from tests.harness.programs import FP16, TINY4
from tests.harness.twins import Disagreement, simulate


class WeightLoaderBench(Bench):
    """Levels weight and meta answer a cycle after they were asked."""

    def __init__(self, spec: AcceleratorSpec, eager: float, seed: int, commands: int) -> None:
        super().__init__("weight_loader", spec, [], seed)
        super().__init__("weight_loader", spec, [random_compute(self.rng, spec, [], []) for _ in range(commands)], seed)
        self.eager, self.state = eager, link.records(1, weight_loader.STATE)[0]
        self.walk = link.records(1, feed.STATE)[0]
        self.walk.cmd = -1
        self.context, self.weight = Queue(spec.link_depth), Queue(spec.link_depth)
        self.todo = deque(range(commands))
        self.bytes = {n: self.rng.integers(0, 256, getattr(spec.levels, n).capacity_bytes) for n in ("weight", "meta")}
        self.asked = {"weight": 0, "meta": 0}
        self.rows: deque[Any] = deque()

    def item(self, n: int) -> dict[str, int]:
        c = self.commands[n]
        pixels, blocks = pixel_blocks(c, self.spec).shape[:2]
        taken = {k: c[k] for k in ("dataflow", "kept", "block_log2", "count_s", "count_r", "weight", "meta")}
        return taken | {"run_blocks": blocks // (c["count_s"] * c["count_r"]), "pixels": pixels}

    def drive(self, dut: Any, ctx: Any) -> None:
        for name, port in (("weight", dut.i_weight), ("meta", dut.i_meta)):
            held, size = self.bytes[name], -(-len(port) // 8)
            data = bytes(int(held[(self.asked[name] + j) % len(held)]) for j in range(size))
            ctx.set(port, int.from_bytes(data, "little") & ((1 << len(port)) - 1))
        ctx.set(dut.o.ready, self.weight.room)
        ctx.set(dut.i.valid, self.context.head is not None)
        if self.context.head is not None:
            ctx.set(dut.i.payload, self.item(self.context.head))

    def cycle(self, dut: Any, ctx: Any) -> bool:
        self.drive(dut, ctx)
        head = self.context.head
        weight_loader.step(self.config, self.state, self.walk, self.context.link, self.weight.link, self.table, self.log)
        took, pushed = int(self.context.link.popped), int(self.weight.link.pushed)
        self.differ("taking a command", ctx.get(dut.i.valid) & ctx.get(dut.i.ready), took)
        self.differ("pushing a weight row", ctx.get(dut.o.valid) & self.weight.room, pushed)
        if pushed:
            self.pushed(ctx.get(dut.o.payload), self.weight.pushed_fields())
        if took:
            c = self.commands[head]
            group = self.spec.array.rows * self.spec.pe.adder_latency_cycles
            groups = -(-self.item(head)["pixels"] // group) if c["dataflow"] else 1
            self.rows += [(c, *row) for row in weight_rows(c, self.spec)] * groups
        self.asked = {"weight": ctx.get(dut.o_read_weight.address), "meta": ctx.get(dut.o_read_meta.address)}
        self.edge()
        return bool(self.todo) or self.walk.cmd >= 0 or self.context.head is not None

    def pushed(self, gates: Any, model: Any) -> None:
        command, at, offsets = self.rows.popleft()
        self.differ("the row's os, kept", [gates.os, gates.kept], [int(model[k]) for k in (weight_loader.W_OS, weight_loader.W_KEPT)])
        self.differ("the last row of a fold", gates.last, int(model[weight_loader.W_LAST]))
        cols, log2, meta = self.spec.array.cols, command["block_log2"], self.bytes["meta"]
        raw = self.bytes["weight"][at : at + cols * self.spec.pe.element_bytes].astype(np.uint8)
        want = raw.view(np.int8 if self.spec.pe.number == "int8" else "<u2").tolist()
        self.differ("the weights", [gates.weights[c].payload for c in range(cols)], want)
        want = [sum((int(meta[(b + k) // 8]) >> (b + k) % 8 & 1) << k for k in range(log2)) for b in offsets]
        self.differ("the offsets", [gates.weights[c].offset for c in range(cols)], want)
        self.weight.items.append(at)
        self.count["row"] += 1

    def edge(self) -> None:
        if self.todo and self.context.room and self.chance(self.eager):
            self.count["command"] += 1
            self.context.push(self.todo[0], self.todo.popleft())
        if self.weight.head is not None and self.chance(self.eager):
            self.weight.pop()
        for queue in (self.context, self.weight):
            queue.edge()
        self.token_edge()


def compare(spec: AcceleratorSpec, eager: float, seed: int, commands: int = 12) -> WeightLoaderBench:
    dut, bench = WeightLoader(spec), WeightLoaderBench(spec, eager, seed, commands)
    simulate(dut, lambda ctx, n: bench.cycle(dut, ctx))
    assert bench.count["command"] == commands and not bench.rows
    return bench


@pytest.mark.parametrize("rows, cols, depth, eager", [(4, 4, 2, 1.0), (4, 3, 1, 0.6), (3, 7, 4, 0.9), (1, 1, 2, 1.0)])
def test_random_commands(rows: int, cols: int, depth: int, eager: float) -> None:
    spec = TINY4.with_(
        array__rows=rows, array__cols=cols, link_depth=depth,
        levels__weight__width_bits=64, levels__meta__width_bits=64, levels__acc__width_bits=256,
    )  # fmt: skip
    assert compare(spec, eager, seed=rows + cols).count["row"] > 200


@pytest.mark.parametrize("adder", [1, 4])
def test_random_commands_fp16(adder: int) -> None:
    assert compare(FP16.with_(pe__adder_latency_cycles=adder), 0.9, seed=adder, commands=8).count["row"] > 100


def crossed_offset(self: Any, m: Any) -> None:
    out = self.o.payload.weights[1].offset
    m.d.comb += out[0].eq(self.i_meta[0])


def one_pass(self: Any, m: Any) -> None:
    """Gives up a command when a pass over its weights is done."""
    with m.If(self.o.payload.last):
        m.d.comb += self.i.ready.eq(1)


FAULTS = [(crossed_offset, "the offsets"), (one_pass, "taking a command")]


@pytest.mark.parametrize("fault, what", FAULTS, ids=[f.__name__ for f, _ in FAULTS])
def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch, fault: Any, what: str) -> None:
    plant(monkeypatch, WeightLoader, fault)
    with pytest.raises(Disagreement, match=DISAGREE.format("weight_loader", what)):
        compare(TINY4, 1.0, seed=1)

"""Writeback: gates against model, every port at every clock edge; addresses and bytes against a walk in Python."""

from collections import deque
from typing import Any

import pytest

from hwsim.components import link, writeback
from hwsim.spec.machine import AcceleratorSpec
from rtl.components.writeback import Writeback
from rtl.copy_walk import CopyWalk
from tests.harness.blocks import DISAGREE, Bench, Queue, kept, plant
from tests.harness.copies import beats, random_copy
from tests.harness.programs import TINY4
from tests.harness.twins import Disagreement, simulate


class WritebackBench(Bench):
    """Level vec answers a cycle after it was asked, as its memory does; the vector unit has read random banks."""

    def __init__(self, spec: AcceleratorSpec, eager: float, seed: int, commands: int) -> None:
        super().__init__("writeback", spec, [], seed)
        some = [[q for q in range(4) if self.chance(0.2)] for _ in range(2 * commands)]
        todo = [random_copy(self.rng, spec, "store", some[k], some[-k - 1]) for k in range(commands)]
        super().__init__("writeback", spec, todo, seed)
        self.eager, self.state = eager, link.records(1, writeback.STATE)[0]
        self.state.cmd = -1
        self.queue, self.request = Queue(spec.sequencer.queue_depth), Queue(spec.link_depth)
        self.todo = deque(range(commands))
        self.vec = self.rng.integers(0, 256, spec.levels.vec.capacity_bytes).astype("u1").tobytes()
        self.pushing = deque((n, b) for n, c in enumerate(todo) for b in beats(c, spec.memory.beat_bytes))
        self.asked = 0
        self.reads = (-1, -1, -1)

    def drive(self, dut: Any, ctx: Any) -> None:
        size, banks = self.spec.memory.beat_bytes, self.spec.levels.vec.banks
        data = bytes(self.vec[(self.asked + j) % len(self.vec)] for j in range(size))
        ctx.set(dut.i_data, int.from_bytes(data, "little"))
        a, b, param = (int(self.rng.integers(-1, banks)) if self.chance(1 - self.eager) else -1 for _ in range(3))
        self.reads = a, b, param
        ctx.set(dut.i_reads, sum(1 << k for k in range(banks) if k in self.reads))
        ctx.set(dut.tokens.there, self.there(3))
        ctx.set(dut.o_request.ready, self.request.room)
        ctx.set(dut.i_written, self.request.head is None)
        head = self.queue.head
        ctx.set(dut.i.valid, head is not None)
        if head is not None:
            word = kept(self.spec, "store", self.words[head])
            ctx.set(dut.i.payload, dut.i.payload.shape().from_bits(word))

    def cycle(self, dut: Any, ctx: Any) -> bool:
        self.drive(dut, ctx)
        head = self.queue.head
        _, done = writeback.step(
            self.config, self.state, self.queue.link, self.request.link, self.tokens, self.table, self.log, self.now, *self.reads
        )  # fmt: skip
        took, pushed = int(self.queue.link.popped), int(self.request.link.pushed)
        self.differ("taking a command", ctx.get(dut.i.valid) & ctx.get(dut.i.ready), took)
        self.differ("the tokens taken", ctx.get(dut.tokens.take), self.table[head, 1] if took else 0)
        self.differ("writing to memory", ctx.get(dut.o_request.valid) & self.request.room, pushed)
        if pushed:
            self.wrote(ctx.get(dut.o_request.payload))
        self.differ("a command done", ctx.get(dut.o_done), int(done >= 0))
        self.differ("the tokens given", ctx.get(dut.tokens.give), int(self.table[done, 2]) if done >= 0 else 0)
        self.count["command"] += done >= 0
        self.asked = ctx.get(dut.o_read.address)
        if self.pushing and (took or self.state.cmd >= 0) and not self.state.pushed_all:
            bank = self.pushing[0][1].run // self.spec.levels.vec.bank_bytes
            self.differ("the bank read next", ctx.get(dut.o_read.bank), bank)
        self.edge()
        return self.count["command"] < len(self.commands)

    def wrote(self, gates: Any) -> None:
        _, beat = self.pushing.popleft()
        self.differ("the address written", gates.address, beat.address)
        data = gates.data.to_bytes(self.spec.memory.beat_bytes, "little")
        got = {j: data[j] for j in range(len(data)) if gates.mask >> j & 1}
        self.differ("the bytes written", got, {j: self.vec[at] for j, at in beat.moved})
        self.request.items.append(beat)
        self.count["beat"] += 1

    def edge(self) -> None:
        if self.todo and self.queue.room and self.chance(self.eager):
            self.queue.push(self.todo[0], self.todo.popleft())
        self.queue.edge()
        if self.request.head is not None and self.chance(self.eager):
            self.request.pop()
        self.request.edge()
        self.give_some(3)
        self.token_edge()


def compare(spec: AcceleratorSpec, eager: float, seed: int, commands: int = 25) -> WritebackBench:
    dut, bench = Writeback(spec), WritebackBench(spec, eager, seed, commands)
    simulate(dut, lambda ctx, n: bench.cycle(dut, ctx))
    assert not bench.pushing
    return bench


@pytest.mark.parametrize("width, banks, eager", [(64, 2, 1.0), (64, 4, 0.6), (256, 1, 0.8), (512, 2, 0.4)])
def test_random_stores(width: int, banks: int, eager: float) -> None:
    spec = TINY4.with_(memory__width_bits=width, levels__vec__banks=banks, link_depth=banks)
    assert compare(spec, eager, seed=banks).count["beat"] > 150


def hasty(self: Any, m: Any) -> None:
    """Pushes while the vector unit reads the bank."""
    with m.If(self.i_reads != 0):
        m.d.comb += self.o_request.valid.eq(1)


def early_done(self: Any, m: Any) -> None:
    with m.If(self.i_written & self.i.valid & (self.i.payload.waits == 0)):
        m.d.comb += self.i.ready.eq(1)


def stale_read(self: Any, m: Any) -> None:
    m.d.comb += self.o_next_buf.eq(self.o_buf)


FAULTS = [
    (Writeback, hasty, "writing to memory"),
    (Writeback, early_done, "taking a command"),
    (CopyWalk, stale_read, "the bytes written"),
]


@pytest.mark.parametrize("component, fault, what", FAULTS, ids=[f.__name__ for _, f, _ in FAULTS])
def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch, component: Any, fault: Any, what: str) -> None:
    plant(monkeypatch, component, fault)
    with pytest.raises(Disagreement, match=DISAGREE.format("writeback", what)):
        compare(TINY4, 0.7, seed=1)

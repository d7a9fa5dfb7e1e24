"""Fetch: gates against model, every port at every clock edge; addresses and bytes against a walk in Python."""

from collections import deque
from typing import Any

import pytest

from hwsim.components import fetch, link
from hwsim.components.config import NOBODY, TO_FETCH
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.components.fetch import Fetch
from rtl.copy_walk import CopyWalk
from tests.harness.blocks import DISAGREE, Bench, Queue, kept, plant
from tests.harness.copies import MEMORY_BYTES, beats, random_copy
from tests.harness.programs import FP16, TINY4
from tests.harness.twins import Disagreement, simulate

LOWEST = {"int8": b"\x80", "fp16": b"\x00\xfc"}


class FetchBench(Bench):
    def __init__(self, spec: AcceleratorSpec, eager: float, seed: int, commands: int) -> None:
        super().__init__("fetch", spec, [], seed)
        some = [[q for q in range(4) if self.chance(0.2)] for _ in range(2 * commands)]
        todo = [random_copy(self.rng, spec, "load", some[k], some[-k - 1]) for k in range(commands)]
        super().__init__("fetch", spec, todo, seed)
        self.eager, self.state = eager, link.records(1, fetch.STATE)[0]
        self.state.cmd = -1
        self.queue, self.request = Queue(spec.sequencer.queue_depth), Queue(spec.link_depth)
        self.todo = deque(range(commands))
        size = spec.memory.beat_bytes
        self.memory = self.rng.integers(0, 256, MEMORY_BYTES).astype("u1").tobytes()
        walked = [(n, b) for n, c in enumerate(todo) for b in beats(c, size)]
        self.asking = deque(b.address for n, b in walked if not todo[n]["fill"])
        self.writing = deque(walked)
        self.in_flight: deque[int] = deque()
        self.answered = b""

    def drive(self, dut: Any, ctx: Any) -> int:
        answer, size = NOBODY, self.spec.memory.beat_bytes
        if self.in_flight and self.chance(self.eager):
            at, answer = self.in_flight.popleft(), TO_FETCH
            self.answered = self.memory[at : at + size]
            ctx.set(dut.i_answer.payload, int.from_bytes(self.answered, "little"))
        ctx.set(dut.i_answer.valid, answer == TO_FETCH)
        ctx.set(dut.tokens.there, self.there(0))
        ctx.set(dut.o_request.ready, self.request.room)
        head = self.queue.head
        ctx.set(dut.i.valid, head is not None)
        if head is not None:
            word = kept(self.spec, "load", self.words[head])
            ctx.set(dut.i.payload, dut.i.payload.shape().from_bits(word))
        return answer

    def cycle(self, dut: Any, ctx: Any) -> bool:
        answer, head = self.drive(dut, ctx), self.queue.head
        flying, filled = int(self.state.flying), -1
        if flying:
            filled = int(self.table[self.state.flight[self.state.first], fetch.FILLED])
        _, done, bank = fetch.step(
            self.config, self.state, self.queue.link, self.request.link, self.tokens, self.table, self.log, self.now, answer
        )  # fmt: skip
        took, asked = int(self.queue.link.popped), int(self.request.link.pushed)
        self.differ("taking a command", ctx.get(dut.i.valid) & ctx.get(dut.i.ready), took)
        taken = self.table[head, 1] if took else 0
        self.differ("the tokens taken", ctx.get(dut.tokens.take), taken)
        self.differ("asking memory", ctx.get(dut.o_request.valid) & self.request.room, asked)
        if asked:
            address = self.asking.popleft()
            self.differ("the address asked", ctx.get(dut.o_request.payload.address), address)
            self.request.items.append(address)
        wrote = int(flying > 0 and (answer == TO_FETCH or filled > 0))
        self.differ("writing a level", ctx.get(dut.o_write.valid), wrote)
        if wrote:
            self.written(ctx.get(dut.o_write.payload), done, int(bank))
        self.differ("a command done", ctx.get(dut.o_done), int(done >= 0))
        self.differ("the tokens given", ctx.get(dut.tokens.give), int(self.table[done, 2]) if done >= 0 else 0)
        if done >= 0:
            self.count["command"] += 1
        self.edge()
        return bool(self.todo or self.writing)

    def written(self, gates: Any, done: int, bank: int) -> None:
        n, beat = self.writing.popleft()
        assert beat.last == (done >= 0) and (done < 0 or done == n), "the model is done at another beat than the walk"
        command, data = self.commands[n], gates.data.to_bytes(self.spec.memory.beat_bytes, "little")
        fill = [b"\0", LOWEST[self.spec.pe.number]][command["fill"] - 1]
        wanted = {at: fill[at % len(fill)] if command["fill"] else self.answered[j] for j, at in beat.moved}
        got = {gates.address + j - self.wraps(gates.address + j): data[j] for j in range(len(data)) if gates.mask >> j & 1}
        self.differ("the level written", gates.level, command["level"])
        self.differ("the bytes written", got, wanted)
        if bank >= 0:
            self.differ("the bank written", gates.bank, bank)
        self.count["beat"] += 1

    def wraps(self, at: int) -> int:
        """A beat may begin before address 0, with bytes that are not written."""
        size = 1 << signatures.level_address(self.spec).width
        return size if at >= size else 0

    def edge(self) -> None:
        if self.todo and self.queue.room and self.chance(self.eager):
            self.queue.push(self.todo[0], self.todo.popleft())
        self.queue.edge()
        if self.request.head is not None and self.chance(self.eager):
            self.in_flight.append(self.request.head)
            self.request.pop()
        self.request.edge()
        self.give_some(0)
        self.token_edge()


def compare(spec: AcceleratorSpec, eager: float, seed: int, commands: int = 25) -> FetchBench:
    dut, bench = Fetch(spec), FetchBench(spec, eager, seed, commands)
    simulate(dut, lambda ctx, n: bench.cycle(dut, ctx))
    assert bench.count["command"] == commands and not bench.asking
    return bench


@pytest.mark.parametrize(
    "machine, width, depth, eager", [(TINY4, 64, 8, 1.0), (FP16, 64, 3, 0.6), (TINY4, 128, 1, 1.0), (TINY4, 512, 2, 0.4)]
)
def test_random_loads(machine: AcceleratorSpec, width: int, depth: int, eager: float) -> None:
    done = compare(machine.with_(memory__width_bits=width, sequencer__queue_depth=depth), eager, seed=depth)
    assert done.count["beat"] > 150 and {c["fill"] for c in done.commands} == {0, 1, 2}


def early_take(self: Any, m: Any) -> None:
    """Takes a command without its tokens."""
    with m.If(self.i.valid & (self.i.payload.waits != 0)):
        m.d.comb += self.i.ready.eq(1)


def crooked_mask(self: Any, m: Any) -> None:
    m.d.comb += self.o_mask[0].eq(1)


def long_run(self: Any, m: Any) -> None:
    """The second extent is off by one."""
    m.d.comb += self.o_last.eq(0)


FAULTS = [
    (Fetch, early_take, "taking a command"),
    (CopyWalk, crooked_mask, "the bytes written"),
    (CopyWalk, long_run, "taking a command"),
]


@pytest.mark.parametrize("component, fault, what", FAULTS, ids=[f.__name__ for _, f, _ in FAULTS])
def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch, component: Any, fault: Any, what: str) -> None:
    plant(monkeypatch, component, fault)
    with pytest.raises(Disagreement, match=DISAGREE.format("fetch", what)):
        compare(TINY4, 0.6, seed=1)

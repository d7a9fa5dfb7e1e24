"""Sequencer and token counters: gates against model, every port at every clock edge."""

from typing import Any

import numpy as np
import pytest

from hwsim.components import link, sequencer
from hwsim.components.config import NOBODY, TO_SEQUENCER, TOKENS, give_tokens, take_tokens
from hwsim.spec.commands import BODIES, OPS, QUEUE_OF, WORD_BYTES, Command
from hwsim.spec.machine import AcceleratorSpec
from rtl.components.sequencer import Sequencer, Tokens
from tests.harness.blocks import DISAGREE, Bench, Queue, kept, plant
from tests.harness.programs import TINY4
from tests.harness.twins import Disagreement, differ, simulate

BASE = 4096


def random_words(seed: int, number: int) -> list[Command]:
    """Commands whose every field is anything."""
    rng, out = np.random.default_rng(seed), []
    for _ in range(number):
        op = OPS[int(rng.integers(1, len(OPS)))]
        some = [q for q in range(4) if rng.random() < 0.5]
        args = {f.name: int(rng.integers(f.low, f.high + 1)) for f in BODIES[op]}
        out.append(Command.of(op, some, some[::2], **args))
    return [*out, Command.of("end")]


class SequencerBench(Bench):
    def __init__(self, spec: AcceleratorSpec, eager: float, seed: int, commands: int) -> None:
        super().__init__("sequencer", spec, random_words(seed, commands), seed)
        self.eager, self.state = eager, link.records(1, sequencer.STATE)[0]
        self.queues = {op: Queue(spec.sequencer.queue_depth) for op in QUEUE_OF}
        self.request = Queue(spec.link_depth)
        self.memory = b"".join(w.to_bytes(WORD_BYTES, "little") for w in self.words)
        self.in_flight: list[int] = []
        self.beats = 0

    def address(self, n: int) -> int:
        """Of beat n that is asked for, by a walk over words and their beats."""
        per_word = max(1, WORD_BYTES // self.spec.memory.beat_bytes)
        byte = n // per_word * WORD_BYTES + n % per_word * self.spec.memory.beat_bytes
        return BASE + byte // self.spec.memory.beat_bytes * self.spec.memory.beat_bytes

    def drive(self, dut: Any, ctx: Any) -> int:
        size, answer = self.spec.memory.beat_bytes, NOBODY
        if self.in_flight and self.chance(self.eager):
            at, answer = self.in_flight.pop(0) - BASE, TO_SEQUENCER
            data = self.memory[at : at + size].ljust(size, b"\0")
            ctx.set(dut.i_answer.payload, int.from_bytes(data, "little"))
        ctx.set(dut.i_answer.valid, answer == TO_SEQUENCER)
        ctx.set(dut.o_request.ready, self.request.room)
        for op, queue in self.queues.items():
            ctx.set(getattr(dut, f"o_{op}").ready, queue.room)
        return answer

    def cycle(self, dut: Any, ctx: Any) -> bool:
        answer, sent, ended = self.drive(dut, ctx), int(self.state.sent), int(self.state.ended)
        sequencer.step(self.config, self.state, *(q.link for q in self.queues.values()), self.request.link, self.table, answer)
        asked = int(self.request.link.pushed)
        self.differ("asking memory", ctx.get(dut.o_request.valid) & self.request.room, asked)
        if asked:
            self.differ("the address asked", ctx.get(dut.o_request.payload.address), self.address(self.beats))
            self.request.items.append(self.address(self.beats))
            self.beats += 1
        for op, queue in self.queues.items():
            out = getattr(dut, f"o_{op}")
            self.differ(f"dispatching a {op}", ctx.get(out.valid) & queue.room, int(queue.link.pushed))
            if queue.link.pushed:
                wanted = kept(self.spec, op, self.words[sent])
                self.differ(f"the {op}", ctx.get(out.payload).as_bits(), wanted)
                queue.items.append(sent)
                self.count[op] += 1
        self.differ("the end", ctx.get(dut.o_ended), ended)
        self.edge()
        return not (ended and self.now > 20)

    def edge(self) -> None:
        for queue in self.queues.values():
            if queue.head is not None and self.chance(self.eager / 4):
                queue.pop()
            queue.edge()
        if self.request.head is not None and self.chance(self.eager):
            self.in_flight.append(self.request.head)
            self.request.pop()
        self.request.edge()
        self.token_edge()


def compare(spec: AcceleratorSpec, eager: float, seed: int, commands: int = 24) -> SequencerBench:
    dut, bench = Sequencer(spec), SequencerBench(spec, eager, seed, commands)

    def cycle(ctx: Any, n: int) -> bool:
        if n == 0:
            ctx.set(dut.i_base, BASE)
            ctx.set(dut.i_words, len(bench.words))
        return bench.cycle(dut, ctx)

    simulate(dut, cycle)
    assert sum(bench.count.values()) == commands
    return bench


@pytest.mark.parametrize("eager", [0.3, 1.0])
@pytest.mark.parametrize("width, depth", [(64, 8), (512, 1), (128, 3), (2048, 2), (8, 1)])
def test_random_words(width: int, depth: int, eager: float) -> None:
    spec = TINY4.with_(memory__width_bits=width, sequencer__queue_depth=depth)
    done = compare(spec, eager, seed=width)
    assert set(done.count) == set(QUEUE_OF) and done.now > 60


def asks_too_far(self: Any, m: Any) -> None:
    m.d.comb += self.o_request.valid.eq(~self.o_ended)


def wrong_address(self: Any, m: Any) -> None:
    m.d.comb += self.o_request.payload.address.eq(self.i_base)


FAULTS = [(asks_too_far, "asking memory"), (wrong_address, "the address asked")]


@pytest.mark.parametrize("fault, what", FAULTS, ids=[f.__name__ for f, _ in FAULTS])
def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch, fault: Any, what: str) -> None:
    plant(monkeypatch, Sequencer, fault)
    with pytest.raises(Disagreement, match=DISAGREE.format("sequencer", what)):
        compare(TINY4.with_(sequencer__queue_depth=1), 0.5, seed=1)


def compare_tokens(seed: int, cycles: int = 400) -> int:
    """Tokens moved."""
    dut, rng, tokens = Tokens(TINY4), np.random.default_rng(seed), link.records(1, TOKENS)[0]
    depth, moved = TINY4.sequencer.token_depth, 0

    def cycle(ctx: Any, n: int) -> bool:
        nonlocal moved
        for q, name in enumerate(QUEUE_OF):
            side = getattr(dut, f"i_{name}")
            there = sum(1 << p for p in range(4) if tokens.held[p, q])
            differ(n, "tokens", f"tokens for {name}", ctx.get(side.there), there)
            take = int(rng.integers(16)) & there if rng.random() < 0.5 else 0
            give = sum(1 << p for p in range(4) if tokens.held[q, p] < depth and rng.random() < 0.3)
            ctx.set(side.take, take)
            ctx.set(side.give, give)
            take_tokens(tokens, q, take)
            give_tokens(tokens, q, give)
            moved += take.bit_count()
        tokens.held[:] += tokens.change
        tokens.change[:] = 0
        return n < cycles

    simulate(dut, cycle)
    return moved


def test_tokens() -> None:
    assert compare_tokens(seed=1) > 400


def test_a_dropped_token_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def drop(self: Any, m: Any) -> None:
        m.d.comb += self.i_vector.there[1].eq(0)

    plant(monkeypatch, Tokens, drop)
    with pytest.raises(Disagreement, match=DISAGREE.format("tokens", "tokens for vector")):
        compare_tokens(seed=1)

"""Vector unit, every function of INT8: gates against model, every port at every clock edge; elements against the reference arithmetic."""

from collections import deque
from typing import Any

import numpy as np
import pytest

from hwsim.components import link, vector
from hwsim.spec.commands import FN, Command
from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.numerics import integer as nx
from rtl.components.vector import Vector
from rtl.vector import integer, inverse
from rtl.vector.walk import Walk
from tests.harness.blocks import DISAGREE, Bench, Queue, kept, plant
from tests.harness.maps import lay_table, operands, random_vector
from tests.harness.programs import TINY4
from tests.harness.twins import Disagreement, simulate


class VectorBench(Bench):
    """Levels answer a cycle after they were asked; fetch writes random banks."""

    def __init__(self, spec: AcceleratorSpec, eager: float, seed: int, commands: int) -> None:
        super().__init__("vector", spec, [], seed)
        some = [[q for q in range(4) if self.chance(0.2)] for _ in range(2 * commands)]
        todo = [self.draw(spec, some[k], some[-k - 1]) for k in range(commands)]
        super().__init__("vector", spec, todo, seed)
        self.eager, self.state = eager, link.records(1, vector.STATE)[0]
        self.state.cmd = self.state.held_a = self.state.held_b = self.state.held_param = -1
        self.queue, self.todo = Queue(spec.sequencer.queue_depth), deque(range(commands))
        self.fill()
        self.asked, self.asked_acc, self.held = 0, 0, 0
        self.left: dict[int, int] = {}

    def draw(self, spec: AcceleratorSpec, waits: Any, signals: Any) -> Command:
        return random_vector(self.rng, spec, waits, signals)

    def fill(self) -> None:
        """What levels vec and acc hold."""
        self.vec = self.rng.integers(0, 256, self.spec.levels.vec.capacity_bytes).astype("u1")
        self.acc = self.rng.integers(-(1 << 31), 1 << 31, (self.spec.acc_rows, self.spec.array.cols))
        self.acc[::2] >>= 18

    def drive(self, dut: Any, ctx: Any) -> int:
        size = self.spec.levels.vec.width_bits // 8
        data = bytes(int(self.vec[(self.asked + j) % len(self.vec)]) for j in range(size))
        ctx.set(dut.i_data, int.from_bytes(data, "little"))
        ctx.set(dut.i_acc, self.acc[self.asked_acc % len(self.acc)].tolist())
        written = int(self.rng.integers(self.spec.levels.vec.banks)) if self.chance(1 - self.eager) else -1
        ctx.set(dut.i_written.valid, written >= 0)
        ctx.set(dut.i_written.payload.bank, max(written, 0))
        ctx.set(dut.tokens.there, self.there(2))
        ctx.set(dut.i.valid, self.queue.head is not None)
        if self.queue.head is not None:
            word = kept(self.spec, "vector", self.words[self.queue.head])
            ctx.set(dut.i.payload, dut.i.payload.shape().from_bits(word))
        return written

    def cycle(self, dut: Any, ctx: Any) -> bool:
        written, head = self.drive(dut, ctx), self.queue.head
        before = int(self.state.oldest)
        _, done, *banks = vector.step(
            self.config, self.state, self.queue.link, self.tokens, self.table, self.log, self.now, written
        )  # fmt: skip
        took = int(self.queue.link.popped)
        self.differ("taking a command", ctx.get(dut.i.valid) & ctx.get(dut.i.ready), took)
        self.differ("the tokens taken", ctx.get(dut.tokens.take), self.table[head, 1] if took else 0)
        self.differ("the banks read", ctx.get(dut.o_reads), sum(1 << b for b in {int(b) for b in banks} if b >= 0))
        assert ctx.get(dut.o_reads) == self.held, "the banks announced for this cycle are others"
        wrote = int(self.state.oldest != before)
        self.differ("writing results", ctx.get(dut.o_write.valid), wrote)
        if wrote:
            self.wrote(ctx.get(dut.o_write.payload))
        self.differ("a command done", ctx.get(dut.o_done), int(done >= 0))
        self.differ("the tokens given", ctx.get(dut.tokens.give), int(self.table[done, 2]) if done >= 0 else 0)
        if done >= 0:
            self.differ("elements that were not written", self.left, {})
            self.count["command"] += 1
        if took:
            self.left = self.wanted(self.commands[head])
        self.asked, self.asked_acc = ctx.get(dut.o_read.address), ctx.get(dut.o_read_acc)
        self.held = ctx.get(dut.o_holds)
        self.edge()
        return self.count["command"] < len(self.commands)

    def wanted(self, c: Command) -> dict[int, int]:
        """Address and byte of every result."""
        lay_table(self.rng, c, self.vec)
        x, shift = operands(c, self.vec, self.acc), c["shift"]
        imm, act = c["imm"] - (c["imm"] >> 31 << 32), c["act"]
        y = {
            "map": lambda: nx.map_int8(x.a[0], x.bias, x.scale, x.b, imm, shift, act, x.table),
            "depthwise": lambda: nx.map_int8(nx.depthwise_sum_int8(x.a, x.weights), x.bias, x.scale, x.b, imm, shift, act, x.table),
            "avgpool": lambda: nx.avgpool_int8(x.a, imm, shift),
            "maxpool": lambda: nx.map_int8(nx.maxpool_int8(x.a), act=act, table=x.table),  # act alone: these values stay as they are
            "softmax": lambda: nx.softmax_int8(x.a[0], x.table, x.b),
            "layernorm": lambda: nx.layernorm_int8(x.a[0], x.scale, x.bias, c["imm"], shift),
        }[FN[c["fn"]]]()
        self.count[FN[c["fn"]]] += 1
        self.count[f"inner {FN[c['fn']]}"] += int(((y != 0) & (abs(y.astype(int)) < 127)).sum())
        return dict(zip(x.dst.ravel().tolist(), y.view(np.uint8).ravel().tolist(), strict=True))

    def wrote(self, gates: Any) -> None:
        for item in gates.elements:
            if item.valid:
                self.differ(f"the element at {item.address}", item.data, self.left.pop(item.address, "none"))
                self.differ("the bank written", gates.bank, item.address // self.spec.levels.vec.bank_bytes)
                self.count["element"] += 1

    def edge(self) -> None:
        if self.todo and self.queue.room and self.chance(self.eager):
            self.queue.push(self.todo[0], self.todo.popleft())
        self.queue.edge()
        self.give_some(2)
        self.token_edge()


def compare(spec: AcceleratorSpec, eager: float, seed: int, commands: int = 40) -> VectorBench:
    dut, bench = Vector(spec), VectorBench(spec, eager, seed, commands)
    simulate(dut, lambda ctx, n: bench.cycle(dut, ctx))
    assert bench.count["command"] == commands
    return bench


SPECS = [
    (1.0, {}), (0.6, {}), (0.8, {"vector__lanes": 3, "levels__vec__width_bits": 64, "vector__latency_cycles": 11}),
    (0.9, {"array__cols": 7, "vector__lanes": 2, "vector__functions": ("map",),
           "levels__weight__width_bits": 64, "levels__meta__width_bits": 64,
           "levels__acc__width_bits": 256, "levels__vec__banks": 4}),
]  # fmt: skip


@pytest.mark.parametrize("eager, changes", SPECS)
def test_random_commands(eager: float, changes: dict[str, int]) -> None:
    spec = TINY4.with_(**changes)
    done = compare(spec, eager, seed=len(changes) + 1)
    assert done.count["element"] > 150
    for fn in set(FN) & set(spec.vector.functions):
        assert done.count[fn] and done.count[f"inner {fn}"], f"nothing but zeros and ends of {fn}"


def deaf(self: Any, m: Any) -> None:
    """Writes while fetch writes into the bank."""
    m.d.comb += self.results.i_written.valid.eq(0)


def greedy(self: Any, m: Any) -> None:
    m.d.sync += self.o_reads.eq(1)


def chunk_short(self: Any, m: Any) -> None:
    """A row ends a chunk too early."""
    m.d.comb += self.o_beat.payload.last.eq(self.o_beat.payload.e + 2 * self.o_settled.lanes >= self.o_command.len)


def lane_forgotten(self: Any, m: Any) -> None:
    """The first lane takes no part in the largest of softmax."""
    m.d.comb += self.sums.i_largest.payload.elements[0].eq(integer.LOWEST)


def sum_restarted(self: Any, m: Any) -> None:
    """Every chunk begins the sum of its row anew."""
    m.d.comb += self.sums.i_terms.payload.part.first.eq(1)


def weight_beside(self: Any, m: Any) -> None:
    """Depthwise weights of the next byte."""
    m.d.comb += self.weights.i_at.eq(self.beats[0].weight + 1)


ELEMENT = r"the element at \d+"
FAULTS = [
    (Vector, deaf, "writing results"), (Vector, greedy, "the banks read"), (Walk, chunk_short, r".*"),
    (integer.IntegerLanes, lane_forgotten, ELEMENT), (integer.IntegerLanes, sum_restarted, ELEMENT),
    (integer.IntegerLanes, weight_beside, ELEMENT),
]  # fmt: skip


@pytest.mark.parametrize("block, fault, what", FAULTS, ids=[f.__name__ for _, f, _ in FAULTS])
def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch, block: Any, fault: Any, what: str) -> None:
    plant(monkeypatch, block, fault)
    with pytest.raises(Disagreement, match=DISAGREE.format("vector", what)):
        compare(TINY4, 0.7, seed=1)


def test_ties_that_go_up_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integer, "to_even", lambda floor, half, rest: floor + half)
    with pytest.raises(Disagreement, match=DISAGREE.format("vector", ELEMENT)):
        compare(TINY4, 0.7, seed=1)


def test_a_division_without_its_last_step_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverse, "SOFTMAX_CYCLES", inverse.SOFTMAX_CYCLES - 1)
    with pytest.raises(Disagreement, match=DISAGREE.format("vector", ELEMENT)):
        compare(TINY4, 0.7, seed=1)


def test_a_pass_that_begins_too_early_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    walk = Walk.__init__
    monkeypatch.setattr(Walk, "__init__", lambda self, spec: walk(self, spec.with_(vector__reduce_cycles=spec.vector.reduce_cycles - 1)))
    with pytest.raises(Disagreement, match=DISAGREE.format("vector", "(the banks read|taking a command|writing results)")):
        compare(TINY4, 0.7, seed=1)


def test_functions_that_are_absent_cost_no_gates() -> None:
    dut = Vector(TINY4.with_(vector__functions=("map", "maxpool"), vector__reduce_cycles=1))
    lanes = integer.IntegerLanes(dut.spec)
    simulate(lanes, lambda ctx, n: False)
    assert not {"table", "weights", "sums"} & set(vars(lanes))


@pytest.mark.parametrize("functions, least", [(("map", "softmax", "layernorm"), 39), (("map", "softmax"), 23)])
def test_the_shortest_wait_between_passes(functions: tuple[str, ...], least: int) -> None:
    spec = TINY4.with_(vector__functions=functions, vector__reduce_cycles=least, vector__rows_in_flight=1)
    assert compare(spec, 1.0, seed=5, commands=16).count["inner softmax"]
    with pytest.raises(SpecError, match=f"^vector.reduce_cycles: {least - 1} has no gates; use {least} or more$"):
        Vector(spec.with_(vector__reduce_cycles=least - 1))


def test_lanes_beyond_a_read_have_no_gates() -> None:
    text = "^vector.lanes: 8 elements are more than the 32 bits of a read; widen levels.vec.width_bits$"
    with pytest.raises(SpecError, match=text):
        Vector(TINY4.with_(vector__lanes=8))

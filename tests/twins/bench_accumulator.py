"""Accumulator: gates against model, every port at every clock edge; level acc against NumPy."""

from collections import deque
from typing import Any

import pytest

from hwsim.components import accumulator, array, link
from hwsim.spec.machine import AcceleratorSpec
from rtl.components.accumulator import Accumulator
from tests.harness.blocks import DISAGREE, Bench, plant
from tests.harness.computes import pixel_blocks, random_compute
from tests.harness.programs import FP16, TINY4
from tests.harness.twins import Disagreement, simulate
from tests.harness.words import add, draw_sums


class AccumulatorBench(Bench):
    """Rows leave the array as the model's ring says: one a batch (ws), or a group of them one a cycle (os)."""

    def __init__(self, spec: AcceleratorSpec, eager: float, seed: int, commands: int) -> None:
        super().__init__("accumulator", spec, [], seed)
        some = [[q for q in range(4) if self.chance(0.5)] for _ in range(commands)]
        super().__init__("accumulator", spec, [random_compute(self.rng, spec, [], s) for s in some], seed)
        self.eager, self.state = eager, link.records(1, accumulator.STATE)[0]
        self.array = link.records(1, array.STATE)[0]
        self.acc = draw_sums(self.rng, (spec.acc_rows, spec.array.cols), spec.pe.number)
        self.wanted = self.acc.copy()
        self.exits = deque(e for n in range(commands) for e in self.exits_of(n))
        self.leaving: deque[tuple[int, bool, int, bool]] = deque()
        self.writes: deque[tuple[int, int, list[int]]] = deque()
        self.told, self.free_from, self.asked = -1, 0, 0

    def exits_of(self, n: int) -> list[tuple[int, list[tuple[int, bool]], bool]]:
        """(command, rows as (place, whether the sum is added), whether they end it), in the order of the contract."""
        c = self.commands[n]
        pixels, blocks = pixel_blocks(c, self.spec).shape[:2]
        rows, lanes, first = self.spec.array.rows, self.spec.pe.adder_latency_cycles, c["accumulate"] == 0
        size, folds = (rows * lanes, 1) if c["dataflow"] else (lanes, -(-blocks // rows))
        groups = [range(p, min(p + size, pixels)) for p in range(0, pixels, size)]
        walk = [(f, g) for f in range(folds) for g in groups]
        return [(n, [(c["acc"] + p, f > 0 or not first) for p in g], (f, g) == walk[-1]) for f, g in walk]

    def exit_some(self) -> None:
        """A batch or a group begins to leave in this cycle."""
        if self.now < self.free_from or not self.exits or not self.chance(self.eager):
            return
        n, rows, ends = self.exits.popleft()
        s = self.array
        place = (s.head + s.exits) % array.RING
        s.first[place], s.rows[place], s.ends[place] = self.now, len(rows), n if ends else -1
        s.exits += 1
        # a batch takes L cycles or more, however few its rows are
        self.free_from = self.now + max(len(rows), self.spec.pe.adder_latency_cycles)
        self.leaving += [(at, adds, n, ends and k == len(rows) - 1) for k, (at, adds) in enumerate(rows)]

    def cycle(self, dut: Any, ctx: Any) -> bool:
        self.exit_some()
        coming = self.leaving[0][2] if self.leaving else self.exits[0][0] if self.exits else self.told
        told = self.told < len(self.commands) - 1 and (coming > self.told or (self.chance(0.2) and self.told < coming + 3))
        ctx.set(dut.i_walk.valid, told)
        if told:
            self.tell(dut, ctx)
        ctx.set(dut.i_data, self.acc[self.asked].tolist())
        ctx.set(dut.i.valid, bool(self.leaving) and self.told >= coming and not (told and self.told == coming))
        if told and self.told == coming:  # a row of a command that is told in this cycle comes later
            self.delay()
        elif self.leaving:
            self.row(dut, ctx)
        done = accumulator.step(self.config, self.state, self.array, self.now)
        self.differ("a command done", ctx.get(dut.o_done), int(done >= 0))
        self.differ("the tokens given", ctx.get(dut.o_give), int(self.table[done, 2]) if done >= 0 else 0)
        self.count["command"] += done >= 0
        self.written(dut, ctx)
        self.asked = ctx.get(dut.o_read)
        self.token_edge()
        return self.count["command"] < len(self.commands)

    def delay(self) -> None:
        s = self.array
        s.first[s.head] += 1
        self.free_from += 1

    def tell(self, dut: Any, ctx: Any) -> None:
        self.told += 1
        c = self.commands[self.told]
        pixels = len(pixel_blocks(c, self.spec))
        signals = int(self.table[self.told, 2])
        ctx.set(dut.i_walk.payload, {"accumulate": c["accumulate"], "signals": signals, "acc": c["acc"], "pixels": pixels})

    def row(self, dut: Any, ctx: Any) -> None:
        at, adds, _, end = self.leaving.popleft()
        number = self.spec.pe.number
        sums = draw_sums(self.rng, self.spec.array.cols, number)
        ctx.set(dut.i.payload, {"end": end, "sums": sums.tolist()})
        self.wanted[at] = add(number, sums, self.wanted[at] if adds else 0)
        self.writes.append((self.now + self.spec.pe.adder_latency_cycles, at, self.wanted[at].tolist()))

    def written(self, dut: Any, ctx: Any) -> None:
        due = self.writes and self.writes[0][0] == self.now
        self.differ("writing a row", ctx.get(dut.o_write.valid), int(bool(due)))
        if due:
            _, at, sums = self.writes.popleft()
            gates = ctx.get(dut.o_write.payload)
            self.differ("the row written", [gates.row, *gates.sums], [at, *sums])
            self.acc[at] = list(gates.sums)
            self.count["row"] += 1


def compare(spec: AcceleratorSpec, eager: float, seed: int, commands: int = 12) -> AccumulatorBench:
    dut, bench = Accumulator(spec), AccumulatorBench(spec, eager, seed, commands)
    simulate(dut, lambda ctx, n: bench.cycle(dut, ctx))
    assert (bench.acc == bench.wanted).all()
    return bench


@pytest.mark.parametrize("rows, cols, eager", [(4, 4, 1.0), (4, 4, 0.4), (2, 7, 1.0), (1, 1, 0.8)])
def test_random_rows(rows: int, cols: int, eager: float) -> None:
    spec = TINY4.with_(
        array__rows=rows, array__cols=cols,
        levels__weight__width_bits=64, levels__meta__width_bits=64, levels__acc__width_bits=256, levels__acc__capacity_bits=16384,
    )  # fmt: skip
    assert compare(spec, eager, seed=rows + cols).count["row"] > 60


@pytest.mark.parametrize("adder, eager", [(1, 1.0), (3, 1.0), (5, 0.5)])
def test_random_rows_fp16(adder: int, eager: float) -> None:
    """A row may be added to again L cycles after it arrived."""
    assert compare(FP16.with_(pe__adder_latency_cycles=adder), eager, seed=adder, commands=8).count["row"] > 40


def early_signal(self: Any, m: Any) -> None:
    with m.If(self.i.valid & self.i.payload.end):
        m.d.comb += self.o_give.eq(15)


def never_added(self: Any, m: Any) -> None:
    with m.If(self.o_write.valid):
        m.d.comb += self.o_write.payload.sums[0].eq(self.i.payload.sums[0])


FAULTS = [(early_signal, "the tokens given"), (never_added, "the row written")]


@pytest.mark.parametrize("fault, what", FAULTS, ids=[f.__name__ for f, _ in FAULTS])
def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch, fault: Any, what: str) -> None:
    plant(monkeypatch, Accumulator, fault)
    with pytest.raises(Disagreement, match=DISAGREE.format("accumulator", what)):
        compare(TINY4, 0.8, seed=1)

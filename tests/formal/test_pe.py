"""The N:M PE adds the dense dot product of the expanded block, for every operand, offset, stall and swap.

In one piece no solver answers: it would have to reason about multipliers. So it is cut.
- `Step`, for ever: each step multiplies the weight that was loaded last into its slot by the activation that its offset names, and its
  product is added to the sum it belongs to, D cycles later. Both sides hold the same multiplier.
- `Block`, for each choice of ascending offsets (the slots behind the last one hold weight 0): the products of the slots, added in their
  order, are the dense dot product of the block with the weights spread over it. The offsets being constants, both sides are the same
  products.
Together: a block's steps turn the sum from the north s into s + dense dot product.
"""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Assert, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from hwsim.spec.machine import PESpec
from rtl import signatures
from rtl.components.nm_select import NMSelect
from rtl.components.pe import PE
from rtl.floats.pipe import delayed
from tests.harness import faults
from tests.harness.blocks import plant
from tests.harness.proof import Claim, Refuted, inside, opened, prove

SPECS = [
    PESpec(number="int8", kept_max=kept, block_max=block, multiplier_latency_cycles=stages, adder_latency_cycles=1)
    for kept, block, stages in ((4, 8, 2), (2, 4, 0), (1, 16, 1))
]


class Step(Claim):
    """The claim's own registers: of what was loaded, in use, on its way to the adder, summed, and captured."""

    def __init__(self, spec: PESpec) -> None:
        super().__init__()
        self.spec, self.pe = spec, PE(spec)

    def state(self, m: Module) -> None:
        pe, gates = self.pe, opened(self.pe)
        m.submodules.pe = gates
        for name in pe.signature.members:
            if name.startswith("i_"):
                port = getattr(pe, name)
                m.d.comb += Value.cast(port).eq(self.free(len(Value.cast(port)), name))
        kind = data.ArrayLayout(signatures.weight(self.spec), self.spec.kept_max)
        loaded, used = Signal(kind), Signal(kind)
        with m.If(pe.i_load):
            m.d.sync += loaded[pe.i_slot].eq(pe.i_weight)
        with m.If(pe.i_os):
            m.d.sync += used[0].eq(pe.i_flow)
        with m.Elif(pe.i_swap):
            m.d.sync += used.eq(loaded)
        m.d.comb += [
            Assert(inside(gates, "shadow") == loaded.as_value()),
            Assert(inside(gates, "active") == used.as_value()),
            Assert(pe.o_flow.as_value() == used[0].as_value()),
        ]
        self._operands(m, used)
        self._sums(m)

    def _operands(self, m: Module, used: Any) -> None:
        """The one activation whose place is the offset, found place by place."""
        pe, step = self.pe, self.pe.i_step
        weight, act = Signal(signed(8)), Signal(signed(8))
        chosen = Signal(signatures.weight(self.spec))
        m.d.comb += [chosen.eq(used[step.slot]), weight.eq(Mux(step.there, chosen.payload, 0))]
        for k in range(self.spec.block_max):
            with m.If(chosen.offset == k):
                m.d.comb += act.eq(pe.i_acts[k])
        m.d.comb += [Assert(pe.weight == weight), Assert(pe.act == act)]

    def _sums(self, m: Module) -> None:
        """In the cycles after the operands: the product, then the sum, then the captured one."""
        pe, step, stages = self.pe, self.pe.i_step, self.spec.multiplier_latency_cycles
        weight, act = (delayed(m, v, max(0, stages - 1), n) for n, v in (("its_weight", pe.weight), ("its_act", pe.act)))
        product = delayed(m, weight * act, min(1, stages), "its_product")
        begins, valid, capture = (
            delayed(m, Value.cast(v), stages, n)
            for n, v in (("begins", Mux(pe.i_os, step.first, step.slot == 0)), ("valid", step.valid), ("capture", step.capture))
        )
        total, captured, summed = Signal(signed(32)), Signal(signed(32)), Signal()
        with m.If(valid):
            m.d.sync += total.eq(Mux(begins, Mux(pe.i_os, 0, pe.i_sum), total) + product)
        m.d.sync += summed.eq(valid & capture)
        with m.If(summed):
            m.d.sync += captured.eq(total)
        with m.Elif(pe.i_shift):
            m.d.sync += captured.eq(pe.i_drain)
        m.d.comb += [Assert(pe.o_sum == total), Assert(pe.o_drain == captured)]
        for k, (i, o) in enumerate(((pe.i_acts, pe.o_acts), (step, pe.o_step), (pe.i_swap, pe.o_swap))):
            m.d.comb += Assert(Value.cast(o) == delayed(m, Value.cast(i), 1, f"east_{k}"))


class Block(Claim):
    """`offsets`: of the slots in use."""

    def __init__(self, spec: PESpec) -> None:
        super().__init__()
        self.spec = spec

    def state(self, m: Module) -> None:
        kept, block = self.spec.kept_max, self.spec.block_max
        acts = [self.free(signed(8), f"act_{k}") for k in range(block)]
        weights = [self.free(signed(8), f"weight_{n}") for n in range(kept)]
        for count in range(kept + 1):
            for offsets in combinations(range(block), count):
                spread = {k: weights[n] for n, k in enumerate(offsets)}
                slots = [weights[n] * self._chosen(m, acts, k) for n, k in enumerate(offsets)]
                dense = [spread.get(k, Const(0, signed(8))) * acts[k] for k in range(block)]
                m.d.comb += Assert(self._added(slots) == self._added(dense))

    def _chosen(self, m: Module, acts: list[Signal], offset: int) -> Value:
        """By the gates' own selector."""
        key = f"select_{offset}"
        if key not in self.made:
            select = NMSelect(self.spec)
            m.submodules[key] = self.made[key] = select
            m.d.comb += [select.i_offset.eq(offset), *(select.i_block[k].eq(a) for k, a in enumerate(acts))]
        return self.made[key].o

    @property
    def made(self) -> dict[str, NMSelect]:
        return self.__dict__.setdefault("_made", {})

    @staticmethod
    def _added(products: list[Value]) -> Value:
        """One width throughout, so that a product with 0 leaves nothing behind."""
        total: Value = Const(0, 32)
        for product in products:
            total = (total + product)[:32]
        return total


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.kept_max}:{s.block_max}, {s.multiplier_latency_cycles} stages")
def test_a_step_adds_its_product(spec: PESpec, tmp_path: Path) -> None:
    filled = spec.multiplier_latency_cycles + 2  # cycles after which what is under way has come in since
    assert prove(Step(spec), tmp_path, filled) == 10


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.kept_max}:{s.block_max}")
def test_the_slots_of_a_block_are_the_dense_dot_product(spec: PESpec, tmp_path: Path) -> None:
    assert prove(Block(spec), tmp_path) == {4: 163, 2: 11, 1: 17}[spec.kept_max]


def lost_sum(self: Any, m: Any) -> None:
    """A step that captures the sum of a group clears it."""
    with m.If(self.i_step.capture):
        m.d.sync += self.sum.eq(0)


@pytest.mark.parametrize("claim, spec, steps", [(Step, SPECS[0], 4), (Block, SPECS[1], 1)], ids=["step", "block"])
def test_a_swapped_bit_of_the_metadata_is_refuted(
    monkeypatch: pytest.MonkeyPatch, claim: Any, spec: PESpec, steps: int, tmp_path: Path
) -> None:
    faults.crossed_offset(monkeypatch)
    with pytest.raises(Refuted, match=r"^(step|block): test_pe.py:\d+ does not hold$"):
        prove(claim(spec), tmp_path, steps)


def test_a_lost_sum_is_refuted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plant(monkeypatch, PE, lost_sum)
    with pytest.raises(Refuted, match=r"^step: test_pe.py:\d+ does not hold$"):
        prove(Step(SPECS[0]), tmp_path, 4)

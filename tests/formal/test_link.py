"""Links: nothing is lost, doubled or reordered, whatever is pushed and popped, for ever."""

from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Assert, Const, Module, Mux, Signal

from rtl.components.link import Link
from tests.harness.blocks import plant
from tests.harness.proof import Claim, Refuted, inside, memory, opened, prove

WIDTH = 2  # of an item; a link looks at none


class InOrder(Claim):
    """Any one item that is pushed, at any time, is followed: as many pops later as items stood before it, it is popped, with its value.
    Levels are pushes less pops, so nothing else is popped."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.depth = depth

    def state(self, m: Module) -> None:
        depth, link = self.depth, Link(WIDTH, self.depth)
        self.link = link
        m.submodules.link = gates = opened(link)
        for name in ("valid", "payload"):
            m.d.comb += getattr(link.i, name).eq(self.free(getattr(link.i, name).shape(), f"i_{name}"))
        m.d.comb += link.o.ready.eq(self.free(1, "o_ready"))
        push, pop = link.i.valid & link.i.ready, link.o.valid & link.o.ready
        held, follows, value = Signal(range(depth + 1)), Signal(), Signal(WIDTH)
        ahead = Signal(range(depth + 1))  # pops up to and with the one that gives the item
        m.d.sync += held.eq(held + push - pop)
        with m.If(~follows & push & self.free(1, "chosen")):
            m.d.sync += [follows.eq(1), value.eq(link.i.payload), ahead.eq(held + 1 - pop)]
        with m.Elif(follows & pop):
            m.d.sync += [ahead.eq(ahead - 1), follows.eq(ahead != 1)]
        m.d.comb += [
            Assert(link.i.ready == (held != depth)),
            Assert(link.o.valid == (held != 0)),
            Assert(~follows | ((ahead != 0) & (ahead <= held))),
            Assert(~(follows & pop & (ahead == 1)) | (link.o.payload == value)),
        ]
        self._invariants(m, gates, held, follows, ahead, value)

    def _invariants(self, m: Module, gates: Any, held: Signal, follows: Any, ahead: Signal, value: Signal) -> None:
        """What ties the registers to the claim: where the item stands, as the head or in the memory behind it."""
        head, behind = self.link.o.payload, self.depth - 1
        m.d.comb += [Assert(held <= self.depth), Assert(~(follows & (ahead == 1)) | (head == value))]
        if not behind:
            return
        store, stored, address = memory(gates), Signal(WIDTH), Signal(range(behind))
        pops, pushes = (p._addr for p in (store._read_ports[0], store._write_ports[0]))
        place, end, level = Signal(range(2 * self.depth)), Signal(range(2 * self.depth)), Signal(range(self.depth))
        m.d.comb += [level.eq(held - (held != 0)), place.eq(pops + ahead - 2), end.eq(pops + level)]
        m.d.comb += address.eq(Mux(place >= behind, place - behind, place))
        store.read_port(domain="comb", addr=address, data=stored, en=Const(1), transparent_for=())
        m.d.comb += [
            Assert(inside(gates, "level") == level),
            Assert(pops < behind),
            Assert(pushes == Mux(end >= behind, end - behind, end)),
            Assert(~(follows & (ahead > 1)) | (stored == value)),
        ]


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_nothing_is_lost_doubled_or_reordered(depth: int, tmp_path: Path) -> None:
    assert prove(InOrder(depth), tmp_path) == (10 if depth > 1 else 6)


def never_full(self: Any, m: Any) -> None:
    m.d.comb += self.i.ready.eq(1)


def always_there(self: Any, m: Any) -> None:
    m.d.comb += self.o.valid.eq(1)


@pytest.mark.parametrize("fault", [never_full, always_there])
def test_a_planted_fault_is_refuted(monkeypatch: pytest.MonkeyPatch, fault: Any, tmp_path: Path) -> None:
    plant(monkeypatch, Link, fault)
    with pytest.raises(Refuted, match=r"^inorder: test_link.py:\d+ does not hold$"):
        prove(InOrder(2), tmp_path)

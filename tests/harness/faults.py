"""Faults planted into gates; a bench that does not report one of them is worth nothing."""

from typing import Any

import pytest
from amaranth.hdl import Cat, Const, Module, Signal

from rtl.components.array import Array
from rtl.components.nm_select import NMSelect
from rtl.components.pe import PE
from rtl.floats.pipe import delayed


def crossed_offset(patch: pytest.MonkeyPatch) -> None:
    """The two lowest bits of the offset are exchanged."""

    def elaborate(self: Any, platform: Any) -> Module:
        m, k = Module(), self.i_offset
        m.d.comb += self.o.eq(self.i_block[Cat(k[1], k[0], k[2:])])
        return m

    patch.setattr(NMSelect, "elaborate", elaborate)


def late_swap(patch: pytest.MonkeyPatch) -> None:
    """The swap wave starts a cycle late in every row."""

    def swap(self: Any, m: Module, r: int, swap: Any) -> Signal:
        later = Signal(name=f"late_swap_{r}")
        m.d.sync += later.eq(swap)
        return later

    patch.setattr(Array, "_swap", swap)


def missing_deskew(patch: pytest.MonkeyPatch) -> None:
    """The first column leaves a cycle early."""
    whole = Array._deskew
    patch.setattr(Array, "_deskew", lambda self, m, c, out: whole(self, m, c + (c == 0), out))


def hasty_start(patch: pytest.MonkeyPatch) -> None:
    """A swap wave starts with one weight row too few."""
    patch.setattr(Array, "start_rows", lambda self, kept: kept - 1)


def stuck_triangle(patch: pytest.MonkeyPatch) -> None:
    """Row 1 lacks its register of the triangle, so that its activations come early."""
    whole = Array._advance
    patch.setattr(
        Array,
        "_advance",
        lambda self, m, r, go, blocks: list(blocks) if r == 1 else whole(self, m, r, go, blocks),
    )


def lost_capture(patch: pytest.MonkeyPatch) -> None:
    """The last sum of a group is not captured."""
    whole = PE._drain
    patch.setattr(PE, "_drain", lambda self, m, told: whole(self, m, told & 0))


def early_rows(patch: pytest.MonkeyPatch) -> None:
    """Rows are announced a cycle before the last product has met them."""

    def hasty(m: Module, value: Any, cycles: int, name: str, **kind: bool) -> Any:
        return delayed(m, value, cycles - (name == "summed"), name, **kind)

    patch.setattr("rtl.components.array.delayed", hasty)


def late_weight(patch: pytest.MonkeyPatch) -> None:
    """The multiplier is given the weight of the step before."""
    whole = PE._product
    patch.setattr(PE, "_product", lambda self, m, weight, act: whole(self, m, delayed(m, weight, 1, "late_weight"), act))


def mixed_lanes(patch: pytest.MonkeyPatch) -> None:
    """Sums that wait for weights stand in one place, whatever their lane."""
    whole = PE._sum
    patch.setattr(PE, "_sum", lambda self, m, product, told: whole(self, m, product, Cat(told[:3], Const(0, len(told) - 3))))

"""Faults planted into gates; a bench that does not report one of them is worth nothing."""

from typing import Any

import pytest
from amaranth.hdl import Cat, Module, Signal

from rtl.components.array import Array
from rtl.components.nm_select import NMSelect


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
        lambda self, m, r, blocks: list(blocks) if r == 1 else whole(self, m, r, blocks),
    )

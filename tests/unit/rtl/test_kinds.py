"""A kind is converted once, what differs is another kind, and what is made of more than plain values stays where it stands."""

import re

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.load import load_machine
from rtl.components.array import Array
from rtl.kinds import converted


class Delay(wiring.Component):
    """`taken`: anything that elaborate uses and that is no port."""

    def __init__(self, taken: object):
        self.taken = taken
        super().__init__({"i": In(4), "o": Out(4)})

    def elaborate(self, platform):
        m = Module()
        held = Signal(4)
        m.d.sync += held.eq(self.i + self.taken)
        m.d.comb += self.o.eq(held)
        return m


class Line(wiring.Component):
    def __init__(self, *taken: object, renamed: bool = False):
        self.taken, self.renamed = taken, renamed
        super().__init__({"i": In(4), "o": Out(4)})

    def elaborate(self, platform):
        m, at = Module(), self.i
        if self.renamed:
            m.domains.slow = domain = ClockDomain("slow", local=True)
            m.d.comb += [domain.clk.eq(ClockSignal()), domain.rst.eq(ResetSignal() | self.i[0])]
        for n, taken in enumerate(self.taken):
            delay = Delay(at[:2] if taken is None else taken)
            m.submodules[f"delay_{n}"] = DomainRenamer("slow")(delay) if self.renamed else delay
            m.d.comb += delay.i.eq(at)
            at = delay.o
        m.d.comb += self.o.eq(at)
        return m


def modules(component: wiring.Component) -> tuple[list[str], list[str]]:
    """Names of modules, and what the cells are of."""
    text = converted(component, "top")
    return re.findall(r"^module \\(\S+)", text, re.MULTILINE), re.findall(r"^  cell \\(\S+) ", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("taken", "names", "cells"),
    [
        ((1, 1, 1), ["top", "top.Delay"], ["top.Delay"] * 3),
        ((1, 2, 1), ["top", "top.Delay", "top.Delay_1"], ["top.Delay", "top.Delay", "top.Delay_1"]),
        ((1, None), ["top", "top.delay_1", "top.Delay"], ["top.Delay", "top.delay_1"]),
    ],
)
def test_what_is_equal_is_one_module(taken: tuple[object, ...], names: list[str], cells: list[str]) -> None:
    found, of = modules(Line(*taken))
    assert found == names and sorted(of) == cells


def test_a_renamed_domain_gives_its_clock_and_reset_to_the_instance() -> None:
    names, cells = modules(Line(1, 1, renamed=True))
    assert names == ["top", "top.Delay"] and cells == ["top.Delay"] * 2
    text = converted(Line(1, renamed=True), "top")
    cell = text[text.index("cell \\top.Delay") :]
    assert "connect \\Y \\slow_rst" in text and re.search(r"connect \\clk \\clk.*\n *connect \\rst \\slow_rst", cell[: cell.index("  end")])


def test_an_array_has_one_module_of_its_pes() -> None:
    names, cells = modules(Array(load_machine("tiny4")))
    assert names.count("top.PE") == 1 and cells.count("top.PE") == 16 and cells.count("top.Issued") == 4

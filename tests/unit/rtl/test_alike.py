"""Modules that are alike become one, and what differs stays."""

import re

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from rtl.alike import merged


class Delay(wiring.Component):
    i: In(4)
    o: Out(4)

    def __init__(self, init: int):
        self.first = init
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        held = Signal(4, init=self.first)
        m.d.sync += held.eq(self.i)
        m.d.comb += self.o.eq(held)
        return m


class Pair(wiring.Component):
    i: In(4)
    o: Out(4)

    def __init__(self, *inits: int):
        self.inits = inits
        super().__init__()

    def elaborate(self, platform):
        m, delays = Module(), [Delay(init) for init in self.inits]
        for n, delay in enumerate(delays):
            m.submodules[f"delay_{n}"] = delay
            m.d.comb += delay.i.eq(self.i)
        m.d.comb += self.o.eq(delays[0].o ^ delays[1].o)
        return m


class Pairs(Elaboratable):
    def __init__(self, *pairs: Pair):
        self.pairs = pairs

    def elaborate(self, platform):
        m = Module()
        for n, pair in enumerate(self.pairs):
            m.submodules[f"pair_{n}"] = pair
        return m


def modules(*pairs: Pair) -> tuple[list[str], list[str]]:
    """Names of the modules that are left, and what the cells are of."""
    ports = [port for pair in pairs for port in (pair.i, pair.o)]
    text = merged(rtlil.convert(Pairs(*pairs), name="top", ports=ports))
    return re.findall(r"^module \\(\S+)", text, re.MULTILINE), re.findall(r"^  cell \\(\S+) ", text, re.MULTILINE)


def test_equal_modules_are_one_and_so_are_those_that_hold_them() -> None:
    names, cells = modules(Pair(1, 1), Pair(1, 1))
    assert names == ["top", "top.pair_0", "top.pair_0.delay_0"]
    assert sorted(cells) == ["top.pair_0"] * 2 + ["top.pair_0.delay_0"] * 2


def test_what_begins_with_other_bits_stays_apart_and_so_does_what_holds_it() -> None:
    names, cells = modules(Pair(1, 1), Pair(1, 2))
    assert names == ["top", "top.pair_0", "top.pair_0.delay_0", "top.pair_1", "top.pair_1.delay_1"]
    assert sorted(cells) == ["top.pair_0", *["top.pair_0.delay_0"] * 3, "top.pair_1", "top.pair_1.delay_1"]

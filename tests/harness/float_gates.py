"""Floating-point units from their gates, fed a pair of words a cycle: compiled, or in Amaranth's simulator."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from rtl.compiled import compiled
from rtl.floats import functions
from rtl.floats.flow import Flow, Timed
from tests.harness.twins import Disagreement

Array = np.ndarray[Any, Any]
DRIVER = """#include "gates.h"
extern "C" void run(const uint32_t *a, const uint32_t *b, long words, uint32_t *out) {{
  gates g;
  for (long i = 0; i < words; i++) {{
    set(g.a(), a[i]);
    set(g.b(), b[i]);
    g.settle();
    {reads}
    g.edge();
  }}
}}
"""


@dataclass(frozen=True)
class Unit:
    """`make(latency)` has ports i or i_a, i_b (32 bits, or the low ones of them) and o."""

    name: str
    latency: int
    make: Callable[[int], Any]


Results = dict[tuple[str, int], Array]


class Formula(wiring.Component):
    """Bare logic of rtl/floats as a unit of latency 0; `rule(m, a, b)`."""

    def __init__(self, rule: Callable[..., Any]):
        self.rule = rule
        super().__init__({"i_a": In(32), "i_b": In(32), "o": Out(32)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.comb += self.o.eq(self.rule(m, self.i_a, self.i_b))
        return m


class Function(wiring.Component):
    """A function of rtl/floats/functions.py whose operations take so many cycles each."""

    def __init__(self, name: str, operation: int):
        self.name, self.operation = name, operation
        super().__init__({"i_a": In(32), "o": Out(32)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        y = getattr(functions, self.name)(Flow(m, self.operation), Timed(self.i_a, 0))
        assert y.at == self.operation * functions.DEPTH[self.name]
        m.d.comb += self.o.eq(y.value)
        return m


class Units(wiring.Component):
    def __init__(self, units: list[Unit]):
        self.units = units
        self.made = [u.make(u.latency) for u in units]
        super().__init__({"a": In(32), "b": In(32), **{f"o{k}": Out(32) for k in range(len(units))}})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.d.sync += Signal(name="clocked").eq(1)
        for k, unit in enumerate(self.made):
            setattr(m.submodules, f"unit_{k}", unit)
            for port, word in (("i", self.a), ("i_a", self.a), ("i_b", self.b)):
                if hasattr(unit, port):
                    m.d.comb += getattr(unit, port).eq(word)
            m.d.comb += getattr(self, f"o{k}").eq(unit.o)
        return m


class Compiled:
    def __init__(self, units: list[Unit]):
        self.units = units
        reads = " ".join(f"out[{k} * words + i] = get(g.o{k}());" for k in range(len(units)))
        self.library = compiled(Units(units), "units", DRIVER.format(reads=reads))

    def __call__(self, a: Array, b: Array) -> Results:
        """Results by name and latency, uint32."""
        longest = max(u.latency for u in self.units)
        a, b = (np.ascontiguousarray(np.append(x, np.zeros(longest)), np.uint32) for x in (a, b))
        out = np.empty((len(self.units), a.size), np.uint32)
        pointers = [x.ctypes.data_as(ctypes.c_void_p) for x in (a, b, out)]
        self.library.run(pointers[0], pointers[1], ctypes.c_long(a.size), pointers[2])
        end = a.size - longest
        return {(u.name, u.latency): row[u.latency : u.latency + end] for u, row in zip(self.units, out, strict=True)}


def simulated(units: list[Unit], a: Array, b: Array) -> Results:
    """As Compiled, for few words."""
    dut, out = Units(units), [[] for _ in units]  # type: ignore[var-annotated]
    longest = max(u.latency for u in units)

    async def bench(ctx: Any) -> None:
        for x, y in zip(np.append(a, [0] * longest).tolist(), np.append(b, [0] * longest).tolist(), strict=True):
            ctx.set(dut.a, x)
            ctx.set(dut.b, y)
            for k, results in enumerate(out):
                results.append(ctx.get(getattr(dut, f"o{k}")))
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return {(u.name, u.latency): np.array(x[u.latency :][: a.size], np.uint32) for u, x in zip(units, out, strict=True)}


def compare(results: Results, wanted: Callable[[str, Array, Array], Array], a: Array, b: Array) -> int:
    """Results compared; the first that differs is an error."""
    for (name, latency), got in results.items():
        want = wanted(name, a, b)
        wrong = np.flatnonzero(got != want)
        if wrong.size:
            k = wrong[0]
            where = f"{name}, latency {latency}: {a[k]:#010x}, {b[k]:#010x}"
            raise Disagreement(f"{where}: gates {got[k]:#x}, NumPy {want[k]:#x}; {wrong.size} of {a.size} differ")
    return len(results) * a.size

"""Compiled gates: both simulators under one driver agree with arithmetic; what is built once is found again."""

import ctypes
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwsim.spec.errors import SimulationError
from rtl import simulators
from rtl.compiled import compiled

DRIVER = """#include "gates.h"
extern "C" long sum(const int32_t *a, const int32_t *b, int32_t *out, uint32_t *wide, long n) {
  gates g;
  g.settle();
  for (long k = 0; k < n; k++) {
    set(g.i_a(), uint32_t(a[k]));
    put(g.i_b__value(), (const uint32_t *)&b[k]);
    g.settle();
    take(g.o_wide(), wide + 3 * k);
    g.edge();
    out[k] = int32_t(get(g.o_sum()));
  }
  return n;
}
"""


class Sum(wiring.Component):
    """A register of products, and a port of 65 bits."""

    def __init__(self) -> None:
        super().__init__({"i_a": In(signed(32)), "i_b__value": In(signed(32)), "o_sum": Out(signed(32)), "o_wide": Out(65)})

    def elaborate(self, platform: object) -> Module:
        m, product = Module(), Signal(signed(64))
        m.d.comb += [product.eq(self.i_a * self.i_b__value), self.o_wide.eq(product.as_unsigned() << 1)]
        m.d.sync += self.o_sum.eq(self.o_sum + product)
        return m


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HWSIM_GATES_CACHE", str(tmp_path))
    return tmp_path


def pointer(x: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.ctypes.data)


@pytest.mark.parametrize("simulator", simulators.SIMULATORS)
def test_values_of_ports_narrow_and_wide(simulator: str, cache: Path) -> None:
    rng = np.random.default_rng(1)
    a, b = (rng.integers(-(2**31), 2**31, 200).astype(np.int32) for _ in range(2))
    out, wide = np.zeros(200, np.int32), np.zeros((200, 3), np.uint32)
    lib = compiled(Sum(), "sum_of", DRIVER, simulator, "-O0")
    assert lib.sum(*map(pointer, (a, b, out, wide)), ctypes.c_long(200)) == 200
    product = a.astype(object) * b
    assert out.tolist() == np.cumsum(product.astype(np.int64).astype(np.int32), dtype=np.int32).tolist()
    assert [int.from_bytes(w.tobytes(), "little") for w in wide] == [(p % 2**64) << 1 for p in product]


def test_a_library_is_built_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled(Sum(), "sum_of", DRIVER, "cxxrtl", "-O0")
    monkeypatch.setattr(simulators.Cxxrtl, "build", None)  # a second build would fail
    compiled(Sum(), "sum_of", DRIVER, "cxxrtl", "-O0")
    assert len(list(cache.glob("gates-*/*.so"))) == 1


def test_what_fails_leaves_no_library(cache: Path) -> None:
    with pytest.raises(SimulationError, match=r"^sum_of: g\+\+ gives up: (.|\n)*; report it with the machine's YAML$"):
        compiled(Sum(), "sum_of", "no C++", "cxxrtl", "-O0")
    assert not list(cache.glob("gates-*/*.so"))


def test_an_unknown_simulator_is_refused() -> None:
    with pytest.raises(SimulationError, match=r"^simulator: 'vcs' is unknown; use verilator or cxxrtl$"):
        simulators.choose("vcs")


SCATTER = """#include "gates.h"
extern "C" long rows(uint32_t *out) {
  gates g;
  for (uint32_t row = 0; row < 8; row++) {
    set(g.i_row(), row);
    set(g.i_en(), row < 5);
    g.settle();
    g.edge();
  }
  for (uint32_t row = 0; row < 5; row++) {
    set(g.i_row(), row);
    set(g.i_en(), 0);
    g.settle();
    out[row] = get(g.o_word());
  }
  return 5;
}
"""


class Five(wiring.Component):
    """A memory of five words that three bits of address can miss: row 5 to 7 are asked for, and not written."""

    def __init__(self) -> None:
        super().__init__({"i_row": In(3), "i_en": In(1), "o_word": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=5, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        m.d.comb += [write.addr.eq(self.i_row), write.en.eq(self.i_en), write.data.eq(self.i_row + 10)]
        m.d.comb += [read.addr.eq(self.i_row), self.o_word.eq(read.data)]
        return m


@pytest.mark.parametrize("simulator", simulators.SIMULATORS)
def test_rows_that_are_not_there_are_no_end_where_nothing_is_written(simulator: str, cache: Path) -> None:
    out = np.zeros(5, np.uint32)
    assert compiled(Five(), "five", SCATTER, simulator).rows(pointer(out)) == 5
    assert out.tolist() == [10, 11, 12, 13, 14]

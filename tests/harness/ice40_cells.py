"""A netlist of iCE40 cells as C++ to run: tables in the order of their levels, flip-flops and block RAMs on one clock.

The text includes like the header of compiled gates (`rtl/compiled.py`), so the same drivers run it. Cells: LUT4, CARRY (the table of a
majority), the flip-flops that take D at a rising edge and are set and reset at one, block RAM in all its widths, pins that go one
way. Any other cell, a loop and a second clock are refused.
"""

import ctypes
import tempfile
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from rtl import simulators
from rtl.cache import folder_of

MAJORITY = 0xE8E8  # of the first three inputs
ADDRESS, WORD, WORDS = 11, 16, 256
FLOPS = {  # cell: pin that sets or clears, value that it gives
    "SB_DFF": ("", 0), "SB_DFFE": ("", 0), "SB_DFFSR": ("R", 0), "SB_DFFSS": ("S", 1), "SB_DFFESR": ("R", 0), "SB_DFFESS": ("S", 1),
}  # fmt: skip
OPEN = {"RCLKE": 1, "WCLKE": 1, "E": 1}  # what an input that is not connected is; others are 0
PIN_IN, PIN_OUT = "000001", "101001"

Cell = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """`init`: the output for each of the sixteen values of the inputs, the first input being the lowest bit."""

    name: str
    init: int
    inputs: tuple[int, int, int, int]
    output: int


@dataclass(frozen=True)
class Netlist:
    """Nets are numbers, 0 and 1 the constants. `ports`: nets of each, lowest bit first; `nets`: those that have names, without bits that
    nothing drives. `tables`: in an order in which each finds its inputs."""

    ports: dict[str, list[int]]
    nets: dict[str, list[int]]
    tables: list[Table]
    flops: list[tuple[int, int, int, int, int]]  # D, enable, clear, Q, value when cleared
    rams: list[tuple[list[int], list[int], list[int]]]  # modes, nets, words at power-up

    @property
    def count(self) -> int:
        """One more than the largest net."""
        found = [n for nets in self.ports.values() for n in nets] + [t.output for t in self.tables] + [f[3] for f in self.flops]
        return 2 + max(found + [n for _, nets, _ in self.rams for n in nets])


def netlist(module: Cell, renamed: dict[str, str]) -> Netlist:
    """`module`: of Yosys' JSON; `renamed`: its ports that get another name."""
    same = dict(_through(cell) for cell in module["cells"].values() if cell["type"] in ("SB_IO", "SB_GB_IO"))

    def net(bit: int | str) -> int:
        return int(same.get(bit, bit))

    tables, flops, rams, clocks = [], [], [], set()
    for name, cell in module["cells"].items():
        kind = cell["type"]

        def pins(pin: str, width: int = 1, cell: Cell = cell) -> list[int]:
            bits = cell["connections"].get(pin) or [OPEN.get(pin, 0)] * width
            return [net(bit) for bit in bits]

        if kind == "SB_LUT4":
            init = int(cell["parameters"]["LUT_INIT"], 2)
            tables.append(Table(name, init, (*pins("I0"), *pins("I1"), *pins("I2"), *pins("I3")), *pins("O")))
        elif kind == "SB_CARRY":
            tables.append(Table(name, MAJORITY, (*pins("I0"), *pins("I1"), *pins("CI"), 0), *pins("CO")))
        elif kind in FLOPS:
            clear, value = FLOPS[kind]
            flops.append((*pins("D"), *pins("E"), *(pins(clear) if clear else [0]), *pins("Q"), value))
            clocks.add(pins("C")[0])
        elif kind == "SB_RAM40_4K":
            rams.append(_ram(cell, pins))
            clocks |= {pins("RCLK")[0], pins("WCLK")[0]}
        elif kind not in ("SB_IO", "SB_GB_IO", "$scopeinfo"):
            raise ValueError(f"{name}: {kind} has no model; add it to FLOPS or to netlist()")
    if len(clocks) > 1:
        raise ValueError(f"clocks: {len(clocks)} nets; a netlist runs on one")
    ports = {renamed.get(name, name): [net(bit) for bit in port["bits"]] for name, port in module["ports"].items()}
    nets = {name: [net(bit) for bit in found["bits"] if bit != "x"] for name, found in module["netnames"].items()}
    return Netlist(ports, nets, _ordered(tables), flops, rams)


def _through(cell: Cell) -> tuple[int, int | str]:
    """A pin's two nets that are one: that of an input behind the pin, or that of the pin behind an output."""
    pins, kind = cell["connections"], cell["parameters"]["PIN_TYPE"]
    if kind == PIN_IN:
        return (pins.get("D_IN_0") or pins["GLOBAL_BUFFER_OUTPUT"])[0], pins["PACKAGE_PIN"][0]
    if kind == PIN_OUT and pins["OUTPUT_ENABLE"] == ["1"]:
        return pins["PACKAGE_PIN"][0], pins["D_OUT_0"][0]
    raise ValueError(f"pin: type {kind} has no model; use {PIN_IN} or {PIN_OUT}, always enabled")


def _ram(cell: Cell, pins: Any) -> tuple[list[int], list[int], list[int]]:
    """What power-up leaves undefined is 1, since gates before synthesis start with 0."""
    modes = [int(cell["parameters"][name], 2) for name in ("READ_MODE", "WRITE_MODE")]
    nets = [n for pin in ("RADDR", "WADDR") for n in pins(pin, ADDRESS)] + [n for pin in ("RE", "RCLKE", "WE", "WCLKE") for n in pins(pin)]
    nets += [n for pin in ("MASK", "WDATA", "RDATA") for n in pins(pin, WORD)]
    bits = "".join(cell["parameters"][f"INIT_{n:X}"].replace("x", "1") for n in reversed(range(16)))
    return modes, nets, [int(bits[len(bits) - WORD * (n + 1) :][:WORD], 2) for n in range(WORDS)]


def _ordered(tables: list[Table]) -> list[Table]:
    """Raises graphlib.CycleError with the nets of a loop."""
    of = {table.output: table for table in tables}
    order = TopologicalSorter({table.output: [n for n in table.inputs if n in of] for table in tables}).static_order()
    return [of[n] for n in order]


def header(net: Netlist) -> str:
    """gates.h: `gates`, as rtl/compiled.py describes it, and `tables` to be changed by who plants a fault."""
    rows = ",\n".join(f"{{{t.init}, {{{', '.join(map(str, t.inputs))}}}, {t.output}}}" for t in net.tables)
    flops = ",\n".join(f"{{{', '.join(map(str, f))}}}" for f in net.flops)
    rams = ",\n".join(f"{{{', '.join(str(n) for part in ram for n in part)}}}" for ram in net.rams)
    ports = "".join(f"  pins {name}() {{ return {{v, {{{', '.join(map(str, bits))}}}}}; }}\n" for name, bits in net.ports.items())
    sizes = f"const int NETS = {net.count}, TABLES = {len(net.tables)}, FLOPS = {len(net.flops)}, RAMS = {len(net.rams)};\n"
    data = f"const table TABLES_OF[TABLES + 1] = {{{rows}}};\nconst flop FLOPS_OF[FLOPS + 1] = {{{flops}}};\n"
    return f"{TYPES}{sizes}{data}const ram RAMS_OF[RAMS + 1] = {{{rams}}};\n{GATES}{ports}}};\n"


def compiled(net: Netlist, driver: str) -> ctypes.CDLL:
    """`driver`: as rtl/compiled.py wants it."""
    texts, flags = {"gates.h": header(net), "driver.cc": driver}, "-O2 -std=gnu++17"
    with folder_of(*texts.values(), flags, simulators.compiler()) as folder:
        if not (folder / "netlist.so").exists():
            with tempfile.TemporaryDirectory(dir=folder) as there:
                for name, text in texts.items():
                    (Path(there) / name).write_text(text)
                simulators.shared("netlist", Path(there), flags, "driver.cc")
                (Path(there) / "netlist.so").rename(folder / "netlist.so")
        return ctypes.CDLL(str(folder / "netlist.so"))


TYPES = """#include <cstdint>
#include <cstring>
#include <vector>
struct table { int init, in[4], out; };
struct flop { int d, enable, clear, q, value; };
struct ram { int mode[2], raddr[11], waddr[11], re, rclke, we, wclke, mask[16], wdata[16], rdata[16], words[256]; };
struct pins { uint8_t *v; std::vector<int> nets; };
inline uint64_t get(const pins &p) {
  uint64_t value = 0;
  for (size_t n = 0; n < p.nets.size(); n++) value |= uint64_t(p.v[p.nets[n]]) << n;
  return value;
}
inline void set(const pins &p, uint64_t value) {
  for (size_t n = 0; n < p.nets.size(); n++) p.v[p.nets[n]] = value >> n & 1;
}
"""
# a RAM of mode m has words of 16 >> m bits: bit i of one stands every 1 << m places, and the upper address says at which of them;
# on the data pins it stands at the last place but half of them
GATES = """struct gates {
  uint8_t v[NETS] = {0, 1}, next[FLOPS + 1] = {};
  table tables[TABLES + 1];
  ram rams[RAMS + 1];
  gates() { memcpy(tables, TABLES_OF, sizeof tables); memcpy(rams, RAMS_OF, sizeof rams); }
  void settle() {
    for (int n = 0; n < TABLES; n++) {
      const table &t = tables[n];
      v[t.out] = t.init >> (v[t.in[0]] | v[t.in[1]] << 1 | v[t.in[2]] << 2 | v[t.in[3]] << 3) & 1;
    }
  }
  int address(const int *nets) {
    int at = 0;
    for (int n = 0; n < 11; n++) at |= v[nets[n]] << n;
    return at;
  }
  static int pin(int bit, int mode) { return (bit << mode) + (mode ? (1 << mode) / 2 - 1 : 0); }
  static int place(int bit, int mode, int at) { return (bit << mode) + (at >> 8 & ((1 << mode) - 1)); }
  int read(const ram &r) {
    int at = address(r.raddr), data = 0;
    for (int n = 0; n < 16 >> r.mode[0]; n++) data |= (r.words[at & 255] >> place(n, r.mode[0], at) & 1) << pin(n, r.mode[0]);
    return data;
  }
  void write(ram &r) {
    int at = address(r.waddr), &word = r.words[at & 255];
    for (int n = 0; n < 16 >> r.mode[1]; n++) {
      int bit = 1 << place(n, r.mode[1], at);
      if (r.mode[1] || !v[r.mask[n]]) word = v[r.wdata[pin(n, r.mode[1])]] ? word | bit : word & ~bit;
    }
  }
  // all see the nets as they were before the edge; what follows from the new ones comes with settle()
  void edge() {
    int data[RAMS + 1];
    for (int n = 0; n < RAMS; n++) {
      ram &r = rams[n];
      data[n] = v[r.re] & v[r.rclke] ? read(r) : -1;
      if (v[r.we] & v[r.wclke]) write(r);
    }
    for (int n = 0; n < FLOPS; n++) {
      const flop &f = FLOPS_OF[n];
      next[n] = !v[f.enable] ? v[f.q] : v[f.clear] ? f.value : v[f.d];
    }
    for (int n = 0; n < FLOPS; n++) v[FLOPS_OF[n].q] = next[n];
    for (int n = 0; n < RAMS; n++)
      for (int bit = 0; data[n] >= 0 && bit < 16; bit++) v[rams[n].rdata[bit]] = data[n] >> bit & 1;
  }
"""

"""Cells of iCE40 netlists as the harness runs them, against the models that come with Yosys, a clock edge after the other."""

import ctypes
import json
from graphlib import CycleError
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from rtl.boards import tools
from rtl.compiled import library
from tests.harness.ice40_cells import FLOPS, PIN_IN, PIN_OUT, compiled, netlist

CLOCKS = 20_000
RANDOM = np.random.default_rng(7)
MODES = [(0, 0), (1, 1), (2, 2), (3, 3), (0, 2), (3, 1)]  # of reading and of writing
CELLS = """read_verilog -lib +/ice40/cells_sim.v
read_verilog cells.v
hierarchy -top cells
blackbox =A:whitebox
write_json cells.json
"""
MODELS = """read_verilog -defer +/ice40/cells_sim.v
read_verilog cells.v
hierarchy -top cells
proc
flatten
tribuf -logic
opt_expr
opt_clean
write_rtlil cells.il
"""
DRIVER = """#include "gates.h"
extern "C" void run(const uint64_t *in, long clocks, uint64_t *out) {{
  gates *g = new gates();
  for (long n = 0; n < clocks; n++, in += {count}, out += {count}) {{
    {sets}
    g->settle();
    {gets}
    g->edge();
  }}
  delete g;
}}
"""


class Cell(NamedTuple):
    """`inputs`, `outputs`: width of each pin; `fixed`: what other pins get."""

    kind: str
    inputs: dict[str, int]
    outputs: dict[str, int]
    parameters: dict[str, str] = {}
    fixed: dict[str, str] = {}

    def text(self, n: int) -> str:
        """Verilog: its inputs are parts of port `i_n`, its outputs of `o_n`."""
        pins = [f".{pin}({value})" for pin, value in self.fixed.items()]
        for port, side in (("i", self.inputs), ("o", self.outputs)):
            at = 0
            for pin, width in side.items():
                pins.append(f".{pin}({port}_{n}[{at + width - 1}:{at}])")
                at += width
        parameters = ", ".join(f".{name}({value})" for name, value in self.parameters.items())
        return f"  {self.kind} #({parameters}) cell_{n} ({', '.join(pins)});\n"


def table() -> Cell:
    return Cell("SB_LUT4", dict.fromkeys(("I0", "I1", "I2", "I3"), 1), {"O": 1}, {"LUT_INIT": f"16'd{RANDOM.integers(1 << 16)}"})


def flop(kind: str) -> Cell:
    pins = ["D", *(["E"] if kind.startswith("SB_DFFE") else []), *([FLOPS[kind][0]] if FLOPS[kind][0] else [])]
    return Cell(kind, dict.fromkeys(pins, 1), {"Q": 1}, fixed={"C": "clk"})


def ram(read: int, write: int) -> Cell:
    words = {f"INIT_{n:X}": f"256'h{RANDOM.bytes(32).hex()}" for n in range(16)}
    enables = dict.fromkeys(("RE", "RCLKE", "WE", "WCLKE"), 1)
    inputs = {"RADDR": 11, "WADDR": 11, "MASK": 16, "WDATA": 16, **enables}
    modes = {"READ_MODE": str(read), "WRITE_MODE": str(write)}
    return Cell("SB_RAM40_4K", inputs, {"RDATA": 16}, modes | words, {"RCLK": "clk", "WCLK": "clk"})


def all_cells() -> list[Cell]:
    pins = [
        Cell("SB_IO", {"PACKAGE_PIN": 1}, {"D_IN_0": 1}, {"PIN_TYPE": f"6'b{PIN_IN}"}),
        Cell("SB_IO", {"D_OUT_0": 1}, {"PACKAGE_PIN": 1}, {"PIN_TYPE": f"6'b{PIN_OUT}"}, {"OUTPUT_ENABLE": "1'b1"}),
        Cell("SB_GB_IO", {"PACKAGE_PIN": 1}, {"GLOBAL_BUFFER_OUTPUT": 1}, {"PIN_TYPE": f"6'b{PIN_IN}"}),
    ]
    carry = Cell("SB_CARRY", {"I0": 1, "I1": 1, "CI": 1}, {"CO": 1})
    return [*(table() for _ in range(8)), carry, *map(flop, FLOPS), *(ram(*modes) for modes in MODES), *pins]


def libraries(cells: list[Cell], folder: Path) -> list[ctypes.CDLL]:
    """The harness's cells and Yosys' models, each with a function `run`."""
    ports = [f"input [{sum(c.inputs.values()) - 1}:0] i_{n}, output [{sum(c.outputs.values()) - 1}:0] o_{n}" for n, c in enumerate(cells)]
    body = "".join(cell.text(n) for n, cell in enumerate(cells))
    (folder / "cells.v").write_text(f"module cells(input clk, {', '.join(ports)});\n{body}endmodule\n")
    for script in (CELLS, MODELS):
        (folder / "script.ys").write_text(script)
        tools.run("yosys", folder, "script.ys")
    numbers = range(len(cells))
    sets, gets = ("\n    ".join(text.format(n=n) for n in numbers) for text in ("set(g->i_{n}(), in[{n}]);", "out[{n}] = get(g->o_{n}());"))
    driver = DRIVER.format(count=len(cells), sets=sets, gets=gets)
    module = json.loads((folder / "cells.json").read_text())["modules"]["cells"]
    return [compiled(netlist(module, {}), driver), ctypes.CDLL(str(library((folder / "cells.il").read_text(), "cells", driver)))]


def test_every_cell_does_what_yosys_says_of_it(tmp_path: Path) -> None:
    cells = all_cells()
    widths = np.array([sum(cell.inputs.values()) for cell in cells], np.uint64)
    stimulus = RANDOM.integers(0, 1 << 63, (CLOCKS, len(cells)), np.uint64) & ((np.uint64(1) << widths) - np.uint64(1))
    ours, theirs = np.zeros((2, CLOCKS, len(cells)), np.uint64)
    for made, out in zip(libraries(cells, tmp_path), (ours, theirs), strict=True):
        made.run(ctypes.c_void_p(stimulus.ctypes.data), ctypes.c_long(CLOCKS), ctypes.c_void_p(out.ctypes.data))
    for n, cell in enumerate(cells):
        wrong = np.flatnonzero(ours[:, n] != theirs[:, n])
        assert not len(wrong), f"{cell.kind} {cell.parameters}: {len(wrong)} clocks differ, the first is {wrong[0]}"
        assert len(np.unique(theirs[:, n])) > 1, f"{cell.kind} never moves"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ({"type": "SB_DFFN", "connections": {"C": [2], "D": [3], "Q": [4]}}, "a: SB_DFFN has no model"),
        ({"type": "SB_IO", "parameters": {"PIN_TYPE": "010101"}, "connections": {"PACKAGE_PIN": [2]}}, "pin: type 010101 has no model"),
    ],
)
def test_a_cell_without_a_model_is_refused(cell: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        netlist({"cells": {"a": cell}, "ports": {}, "netnames": {}}, {})


def test_a_loop_and_a_second_clock_are_refused() -> None:
    def module(**cells: dict[str, Any]) -> dict[str, Any]:
        return {"cells": cells, "ports": {}, "netnames": {}}

    ring = {"type": "SB_LUT4", "parameters": {"LUT_INIT": "1"}, "connections": {"I0": [2], "O": [2]}}
    flops = [{"type": "SB_DFF", "connections": {"C": [clock], "D": ["0"], "Q": [clock + 2]}} for clock in (2, 3)]
    with pytest.raises(CycleError):
        netlist(module(a=ring), {})
    with pytest.raises(ValueError, match=r"^clocks: 2 nets; a netlist runs on one$"):
        netlist(module(a=flops[0], b=flops[1]), {})

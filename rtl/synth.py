"""Counts of what gates take, block by block, through Yosys.

Each kind of block is synthesised alone and counted as often as it stands in the machine, so that a PE of a 32 x 32 array is
synthesised once, and so are rows of feed and array, of which the last takes most. What is left of machine, array and feed, with those cut
out, counts as `top`, `array` and `feed`. Constants do not pass between blocks, so the sum is an upper bound of the flat machine.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Instance, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hwsim.spec.errors import BuildError
from hwsim.spec.machine import AcceleratorSpec
from rtl.array_rows import Issued, Waiting
from rtl.boards import tools
from rtl.boards.flow import MAPPED, renamed
from rtl.components.buffer import Buffer, Sums
from rtl.components.link import Link
from rtl.components.pe import PE
from rtl.feed_row import FeedRow
from rtl.top import Top

Progress = Callable[[str, int, int], None]
NUMBERED = 1 << 16  # bits of outputs of a cell
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
INNER = {PE: "pe", Issued: "array row", Waiting: "array triangle", FeedRow: "feed row"}  # parts of blocks, counted apart
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


class Hollow(Elaboratable):
    """A component whose submodules that `inner` names are black boxes."""

    def __init__(self, component: wiring.Component, inner: dict[str, wiring.Component]):
        self.component, self.inner = component, inner

    def elaborate(self, platform):
        m = self.component.elaborate(platform)
        for name, (inside, where) in list(m._named_submodules.items()):
            if name in self.inner:
                inside._MustUse__silence = True
                m._named_submodules[name] = (_black_box(inside), where)
                for n, value in enumerate(_sorted_ports(inside)[1]):
                    m._named_submodules[f"{name}_source_{n}"] = (_source(value), where)
        return m


class Fed(Elaboratable):
    """Black boxes give the inputs: Amaranth numbers no more than NUMBERED bits of those that come from outside."""

    def __init__(self, made: Elaboratable, inputs: list[Value]):
        self.made, self.inputs = made, inputs

    def elaborate(self, platform):
        m = Module()
        m.submodules.fed = self.made
        for n, value in enumerate(self.inputs):
            m.submodules[f"source_{n}"] = _source(value)
        return m


def _source(value: Value) -> Instance:
    return Instance(f"box_source_{len(value)}", ("o", "q", value))


def _source_text(bits: int) -> str:
    return f"(* blackbox *) module box_source_{bits}(output [{bits - 1}:0] q); endmodule\n"


def _ports(component: wiring.Component) -> Iterator[tuple[str, bool, Value]]:
    for path, member, value in component.signature.flatten(component):
        yield "__".join(map(str, path)), member.flow == Out, Value.cast(value)


def _sorted_ports(component: wiring.Component) -> tuple[list[tuple[str, bool, Value]], list[Value]]:
    """Ports of its black box, and outputs that Amaranth cannot number as those of one cell."""
    inside, outside, bits = [], [], 0
    for name, out, value in _ports(component):
        bits += len(value) * out
        if out and bits >= NUMBERED:
            outside.append(value)
        else:
            inside.append((name, out, value))
    return inside, outside


def _box_name(component: wiring.Component) -> str:
    """Equal for equal ports, so that all PEs are one box."""
    ports = [(name, out, len(value)) for name, out, value in _sorted_ports(component)[0]]
    return f"box_{crc32(repr((type(component).__name__, ports)).encode()):08x}"


def _black_box(component: wiring.Component) -> Instance:
    return Instance(_box_name(component), *(("o" if out else "i", name, value) for name, out, value in _sorted_ports(component)[0]))


def _box_text(component: wiring.Component) -> str:
    ports = ", ".join(f"{'output' if out else 'input'} [{len(value) - 1}:0] {name}" for name, out, value in _sorted_ports(component)[0])
    return f"(* blackbox *) module {_box_name(component)}({ports}); endmodule\n"


@dataclass(frozen=True)
class Part:
    """One kind of block, and what it is converted from."""

    block: str
    instances: int
    component: wiring.Component
    inner: dict[str, wiring.Component]

    def write(self, folder: Path) -> None:
        made = Hollow(self.component, self.inner) if self.inner else self.component
        inputs = [value for _, out, value in _ports(self.component) if not out]
        text = rtlil.convert(Fed(made, inputs), name="block", ports=[value for _, out, value in _ports(self.component) if out])
        (folder / "block.il").write_text(renamed(text))
        outside = [value for c in self.inner.values() for value in _sorted_ports(c)[1]]
        boxes = {_box_text(c) for c in self.inner.values()} | {_source_text(len(value)) for value in [*inputs, *outside]}
        (folder / "boxes.v").write_text("".join(sorted(boxes)))


def parts(spec: AcceleratorSpec) -> list[Part]:
    top = Top(spec)
    inside = _submodules(top)
    made: dict[tuple[Any, ...], list[Any]] = {}
    for name, component in inside.items():
        key, block = _kind(name, component)
        made.setdefault(key, [block, 0, component])[1] += 1
    out = [Part("top", 1, top, inside)]
    for block, instances, component in made.values():
        inner = {n: c for n, c in _submodules(component).items() if type(c) in INNER}
        out.append(Part(block, instances, component, inner))
        for kind, name in INNER.items():
            alike = [c for c in inner.values() if type(c) is kind]
            out += [Part(name, len(alike), alike[-1], {})] if alike else []
    return out


def _submodules(component: wiring.Component) -> dict[str, wiring.Component]:
    """Those that are components of ours; Amaranth's own stay where they are. Not all of them are elaborated, and none complains."""
    m = component.elaborate(None)
    inside = {name: c for name, (c, _) in m._named_submodules.items()}
    for made in (component, m, *inside.values()):
        made._MustUse__silence = True
    return {n: c for n, c in inside.items() if isinstance(c, wiring.Component) and not type(c).__module__.startswith("amaranth")}


def _kind(name: str, component: wiring.Component) -> tuple[tuple[Any, ...], str]:
    """Links of one width and depth, for one, are one kind."""
    if isinstance(component, Link):
        size = (len(Value.cast(component.i.payload)), component.depth)
        return ("link", *size), f"link {size[0]} x {size[1]}"
    return (name,), f"buffer {name.removeprefix('level_')}" if isinstance(component, (Buffer, Sums)) else name


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
    with tempfile.TemporaryDirectory() as name:
        for n, part in enumerate(work):
            progress("synthesise", n, len(work))
            out.append(BlockCount(part.block, part.instances, _synthesised(part, target, Path(name))))
    return out


def count_flat(component: wiring.Component, target: str) -> dict[str, float]:
    """The whole of a component at once."""
    with tempfile.TemporaryDirectory() as name:
        return _synthesised(Part("flat", 1, component, {}), target, Path(name))


def _synthesised(part: Part, target: str, folder: Path) -> dict[str, float]:
    part.write(folder)
    script = f"read_verilog -lib boxes.v\nread_rtlil block.il\n{SCRIPTS[target].format(top='block')}\ntee -q -o stat.json stat -json\n"
    (folder / "block.ys").write_text(script)
    tools.run("yosys", folder, "block.ys")
    found = json.loads((folder / "stat.json").read_text())["modules"]["\\block"]
    return _counted(part.block, found["num_cells_by_type"], target, found["num_memory_bits"])


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

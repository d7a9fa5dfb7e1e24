"""A machine cut into kinds of blocks, each in RTLIL alone, with black boxes where others stand in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from zlib import crc32

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Instance, Module, Value
from amaranth.lib import wiring

from hwsim.spec.machine import AcceleratorSpec
from rtl.array_rows import Issued, Waiting
from rtl.boards.flow import renamed
from rtl.components.buffer import Buffer, Sums
from rtl.components.link import Link
from rtl.components.pe import PE
from rtl.feed_row import FeedRow
from rtl.floats.units import Add, Multiply, Narrow, Product
from rtl.kinds import CELL_OUTPUT_BITS, ours, ports_of
from rtl.top import Top

# parts of blocks, however deep, that are counted apart
ROWS = {PE: "pe", Issued: "array row", Waiting: "array triangle", FeedRow: "feed row"}
UNITS = {Product: "fp16 product", Multiply: "fp32 multiply", Add: "fp32 add", Narrow: "fp32 to fp16"}
INNER = ROWS | UNITS


class Cut(Enum):
    """Which components of ours in a part are black boxes."""

    ALL = auto()
    INNER = auto()
    NONE = auto()

    def boxed(self, component: wiring.Component) -> bool:
        return self is Cut.ALL or (self is Cut.INNER and type(component) in INNER)


class Hollow(Elaboratable):
    """A component in which black boxes stand for what is cut out; `out` gets these."""

    def __init__(self, component: wiring.Component, cut: Cut, out: list[wiring.Component]):
        self.component, self.cut, self.out = component, cut, out

    def elaborate(self, platform):
        m = self.component.elaborate(platform)
        for name, (inside, where) in list(m._named_submodules.items()):
            if not ours(inside):
                continue
            inside._MustUse__silence = True
            if not self.cut.boxed(inside):
                m._named_submodules[name] = (Hollow(inside, self.cut, self.out), where)
                continue
            self.out.append(inside)
            m._named_submodules[name] = (_black_box(inside), where)
            for n, value in enumerate(_sorted_ports(inside)[1]):
                m._named_submodules[f"{name}_source_{n}"] = (_source(value), where)
        return m


class Fed(Elaboratable):
    """Black boxes give the inputs: Amaranth numbers no more than CELL_OUTPUT_BITS bits of those that come from outside."""

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


def _sorted_ports(component: wiring.Component) -> tuple[list[tuple[str, bool, Value]], list[Value]]:
    """Ports of its black box, and outputs that Amaranth cannot number as those of one cell."""
    inside, outside, bits = [], [], 0
    for name, out, value in ports_of(component):
        bits += len(value) * out
        if out and bits >= CELL_OUTPUT_BITS:
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
    cut: Cut

    def texts(self) -> tuple[str, str]:
        """RTLIL of the module `block`, and Verilog of its black boxes."""
        out: list[wiring.Component] = []
        made = self.component if self.cut is Cut.NONE else Hollow(self.component, self.cut, out)
        inputs = [value for _, out, value in ports_of(self.component) if not out]
        outputs = [value for _, out, value in ports_of(self.component) if out]
        text = rtlil.convert(Fed(made, inputs), name="block", ports=outputs, emit_src=False)
        outside = [value for c in out for value in _sorted_ports(c)[1]]
        boxes = {_box_text(c) for c in out} | {_source_text(len(value)) for value in [*inputs, *outside]}
        return renamed(text), "".join(sorted(boxes))


def parts(spec: AcceleratorSpec) -> list[Part]:
    top = Top(spec)
    inside = _submodules(top)
    made: dict[tuple[Any, ...], list[Any]] = {}
    for name, component in inside.items():
        key, block = _kind(name, component)
        made.setdefault(key, [block, 0, component])[1] += 1
    out = {"top": Part("top", 1, top, Cut.ALL)}
    for block, instances, component in made.values():
        out[block] = Part(block, instances, component, Cut.INNER)
        for c in _inner(component):
            name = _inner_name(c)
            out[name] = Part(name, out[name].instances + 1 if name in out else 1, c, Cut.NONE)
    return list(out.values())


def _inner(component: wiring.Component) -> Iterator[wiring.Component]:
    for inside in _submodules(component).values():
        if type(inside) in INNER:
            yield inside
        else:
            yield from _inner(inside)


def _inner_name(component: Any) -> str:
    name = INNER[type(component)]
    return f"{name} x {component.latency}" if type(component) in UNITS else name


def _submodules(component: wiring.Component) -> dict[str, wiring.Component]:
    """Those that are components of ours; Amaranth's own stay where they are. Not all of them are elaborated, and none complains."""
    m = component.elaborate(None)
    inside = {name: c for name, (c, _) in m._named_submodules.items()}
    for made in (component, m, *inside.values()):
        made._MustUse__silence = True
    return {n: c for n, c in inside.items() if ours(c)}


def _kind(name: str, component: wiring.Component) -> tuple[tuple[Any, ...], str]:
    """Links of one width and depth, for one, are one kind."""
    if isinstance(component, Link):
        size = (len(Value.cast(component.i.payload)), component.depth)
        return ("link", *size), f"link {size[0]} x {size[1]}"
    return (name,), f"buffer {name.removeprefix('level_')}" if isinstance(component, (Buffer, Sums)) else name

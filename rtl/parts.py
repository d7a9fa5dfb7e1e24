"""A machine cut into kinds of blocks, each in RTLIL alone, with black boxes where others stand in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Instance, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hwsim.spec.machine import AcceleratorSpec
from rtl.array_rows import Issued, Waiting
from rtl.boards.flow import renamed
from rtl.components.buffer import Buffer, Sums
from rtl.components.link import Link
from rtl.components.pe import PE
from rtl.feed_row import FeedRow
from rtl.top import Top

NUMBERED = 1 << 16  # bits of outputs of a cell
INNER = {PE: "pe", Issued: "array row", Waiting: "array triangle", FeedRow: "feed row"}  # parts of blocks, counted apart


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

    def texts(self) -> tuple[str, str]:
        """RTLIL of the module `block`, and Verilog of its black boxes."""
        made = Hollow(self.component, self.inner) if self.inner else self.component
        inputs = [value for _, out, value in _ports(self.component) if not out]
        outputs = [value for _, out, value in _ports(self.component) if out]
        text = rtlil.convert(Fed(made, inputs), name="block", ports=outputs, emit_src=False)
        outside = [value for c in self.inner.values() for value in _sorted_ports(c)[1]]
        boxes = {_box_text(c) for c in self.inner.values()} | {_source_text(len(value)) for value in [*inputs, *outside]}
        return renamed(text), "".join(sorted(boxes))


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

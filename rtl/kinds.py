"""RTLIL of a component, in which each kind of component is converted once: a 32 x 32 array has a thousand PEs of one kind.

Components are of one kind if their class, their ports and all else that `__init__` left in them are equal: `elaborate` sees nothing else.
What holds more than plain values (a signal of its parent, for one) is of no kind, and is converted where it stands.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import (
    ClockSignal,
    DomainRenamer,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Shape,
    Value,
)
from amaranth.hdl._ir import PortDirection
from amaranth.hdl._xfrm import TransformedElaboratable
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

CELL_OUTPUT_BITS = 1 << 16  # Amaranth numbers fewer than these of one cell
CLOCKED = {"clk": ClockSignal, "rst": ResetSignal}
PLAIN = (bool, int, float, str, bytes, type(None), type, range, Enum, Shape, data.Layout, wiring.Signature)


def converted(component: wiring.Component, name: str) -> str:
    """As `rtlil.convert`, with the modules of kinds behind it."""
    kinds = Kinds(name)
    top = _convert(component, name, kinds)
    return "\n".join([top, *(kind.text for kind in kinds.found)])


@dataclass
class Kind:
    """`clocked`: which of clock and reset its module has. No `text`: it is not a module of its own."""

    made_as: type
    facts: dict[str, Any]
    module: str
    text: str = ""
    clocked: tuple[str, ...] = ()

    def instance(self, component: wiring.Component) -> Instance:
        ports = [("o" if out else "i", name, value) for name, out, value in ports_of(component)]
        return Instance(self.module, *ports, *(("i", name, CLOCKED[name]()) for name in self.clocked))


class Kinds:
    def __init__(self, name: str):
        self.name, self.found = name, list[Kind]()

    def of(self, component: wiring.Component) -> Kind | None:
        facts, made_as = _facts(component), type(component)
        if facts is None or sum(len(value) for _, out, value in ports_of(component) if out) >= CELL_OUTPUT_BITS:
            return None
        for kind in self.found:
            if kind.made_as is made_as and kind.facts == facts:
                return kind if kind.text else None
        others = sum(kind.made_as.__name__ == made_as.__name__ for kind in self.found)
        kind = Kind(made_as, facts, f"{self.name}.{made_as.__name__}" + (f"_{others}" if others else ""))
        self.found.append(kind)
        self._convert(kind, component)
        return kind if kind.text else None

    def _convert(self, kind: Kind, component: wiring.Component) -> None:
        text = re.sub(r"^attribute \\top .*\n", "", _convert(component, kind.module, self), flags=re.MULTILINE)
        head = re.search(rf"^module {re.escape(chr(92) + kind.module)}\n.*?^end\n", text, re.MULTILINE | re.DOTALL)
        if head is not None:
            kind.clocked = tuple(n for n in CLOCKED if re.search(rf"^  wire width 1 input \d+ +\\{n}$", head[0], re.MULTILINE))
            kind.text = text


class Outlined(Elaboratable):
    """A component whose own submodules are instances of kinds, where they are of one."""

    def __init__(self, component: Elaboratable, kinds: Kinds):
        self.component, self.kinds = component, kinds

    def elaborate(self, platform):
        m = self.component.elaborate(platform)
        if isinstance(m, Module):
            for name, (inside, where) in list(m._named_submodules.items()):
                m._named_submodules[name] = (self._outlined(inside), where)
        return m

    def _outlined(self, inside: Any) -> Any:
        if isinstance(inside, TransformedElaboratable):
            if all(isinstance(t, DomainRenamer) for t in inside._transforms_) and ours(inside._elaboratable_):
                inside._elaboratable_ = self._outlined(inside._elaboratable_)
            return inside
        if not ours(inside):
            return inside
        kind = self.kinds.of(inside)
        inside._MustUse__silence = True
        return Outlined(inside, self.kinds) if kind is None else kind.instance(inside)


def _convert(component: wiring.Component, name: str, kinds: Kinds) -> str:
    ports = {port: (value, PortDirection.Output if out else PortDirection.Input) for port, out, value in ports_of(component)}
    component._MustUse__silence = True
    return rtlil.convert(Outlined(component, kinds), name=name, ports=ports)


def ours(component: object) -> bool:
    """A component, and not one of Amaranth's own."""
    return isinstance(component, wiring.Component) and not type(component).__module__.startswith("amaranth")


def ports_of(component: wiring.Component) -> Iterator[tuple[str, bool, Value]]:
    """Name, whether it is an output, and bits."""
    for path, member, value in component.signature.flatten(component):
        yield "__".join(map(str, path)), member.flow == Out, Value.cast(value)


def _facts(component: wiring.Component) -> dict[str, Any] | None:
    ports = component.signature.members
    own = {name: value for name, value in vars(component).items() if name not in ports and not name.startswith("_MustUse")}
    return own if all(map(_plain, own.values())) else None


def _plain(value: Any) -> bool:
    if isinstance(value, (tuple, list, frozenset)):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(map(_plain, value.values()))
    if is_dataclass(value) and not isinstance(value, type):
        return all(_plain(getattr(value, f.name)) for f in fields(value))
    return isinstance(value, PLAIN)

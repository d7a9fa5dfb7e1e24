"""Amaranth to RTLIL, for everything that leaves `rtl`.

Amaranth 0.5 numbers a bit of a netlist as `cell << 16 | bit` and so has no cell wider than 65,536 bits; a batch of a 32 x 32 machine has
four times as many. Its number of a bit is a Python int and is taken apart in `Net` alone, so more bits for `bit` are all that it takes.
"""

from collections.abc import Sequence

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Value
from amaranth.hdl._nir import IONet, Net

BITS = 32


def _number(cls, owner: int, bit: int):
    assert owner >= 0 and 0 <= bit < 1 << BITS
    return cls(owner << BITS | bit)


def _widen() -> None:
    for cls, owner, make in ((Net, "cell", "from_cell"), (IONet, "port", "from_port")):
        setattr(cls, make, classmethod(_number))
        setattr(cls, owner, property(lambda self: self >> BITS))
        cls.bit = property(lambda self: self & ((1 << BITS) - 1))


_widen()


def to_rtlil(component: Elaboratable, name: str, ports: Sequence[Value] | None = None) -> str:
    """Without `ports`: those of the component's signature."""
    return rtlil.convert(component, name=name, ports=ports)

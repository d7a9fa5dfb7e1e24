"""A pipeline written as a formula: every value knows in which cycle after the entry it stands, and waits for a later operand."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.hdl import Module, Signal, Value

from rtl.floats.units import Add, Multiply, Narrow
from rtl.floats.words import FP16, FP32, wire


@dataclass(frozen=True)
class Timed:
    """`steady`: the value stands for as long as anybody needs it."""

    value: Value
    at: int  # cycles after the entry
    steady: bool = False


class Flow:
    """Every addition, multiplication and rounding to FP16 takes `latency` cycles; bare logic takes none."""

    def __init__(self, m: Module, latency: int, name: str = ""):
        self.m, self.latency, self.prefix, self.made = m, latency, name, 0
        self.held: dict[int, list[Value]] = {}  # a value and its registers, by identity

    def fresh(self, name: str) -> str:
        self.made += 1
        return f"{self.prefix}{name}_{self.made}"

    def later(self, x: Timed, at: int) -> Timed:
        """The same value, `at` a later cycle; everybody who asks shares the registers."""
        assert at >= x.at, f"a value of cycle {x.at} is wanted in cycle {at}"
        if x.steady:
            return x
        held = self.held.setdefault(id(x.value), [x.value])
        while len(held) <= at - x.at:
            register = Signal(x.value.shape(), name=self.fresh("held"), reset_less=True)
            self.m.d.sync += register.eq(held[-1])
            held.append(register)
        return Timed(held[at - x.at], at)

    def logic(self, name: str, rule: Callable[..., Value], *operands: Timed) -> Timed:
        """`rule` of operands that stand in one cycle."""
        at = max(x.at for x in operands)
        return Timed(wire(self.m, self.fresh(name), rule(*(self.later(x, at).value for x in operands))), at)

    def _unit(self, name: str, unit: Add | Multiply | Narrow, ports: dict[str, Timed], bits: int) -> Timed:
        at = max(x.at for x in ports.values())
        name = self.fresh(name)
        self.m.submodules[name] = unit
        self.m.d.comb += [getattr(unit, port).eq(self.later(x, at).value) for port, x in ports.items()]
        out = Signal(bits, name=name)
        self.m.d.comb += out.eq(unit.o)
        return Timed(out, at + self.latency)

    def add(self, a: Timed, b: Timed) -> Timed:
        return self._unit("sum", Add(self.latency), {"i_a": a, "i_b": b}, FP32.bits)

    def multiply(self, a: Timed, b: Timed) -> Timed:
        return self._unit("product", Multiply(self.latency), {"i_a": a, "i_b": b}, FP32.bits)

    def narrow(self, a: Timed) -> Timed:
        return self._unit("half", Narrow(self.latency), {"i": a}, FP16.bits)

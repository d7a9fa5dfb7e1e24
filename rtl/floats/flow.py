"""A pipeline written as a formula: every value knows in which cycle after the entry it stands, and waits for a later operand."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.hdl import Module, Signal, Value

from rtl.floats.units import Add, Multiply
from rtl.floats.words import FP32, wire


@dataclass(frozen=True)
class Timed:
    """`steady`: the value stands for as long as anybody needs it."""

    value: Value
    at: int  # cycles after the entry
    steady: bool = False


class Flow:
    """Every addition and multiplication takes `latency` cycles; bare logic takes none."""

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

    def _unit(self, name: str, unit: Add | Multiply, a: Timed, b: Timed) -> Timed:
        at, name = max(a.at, b.at), self.fresh(name)
        out = Signal(FP32.bits, name=name)
        self.m.submodules[name] = unit
        self.m.d.comb += [unit.i_a.eq(self.later(a, at).value), unit.i_b.eq(self.later(b, at).value), out.eq(unit.o)]
        return Timed(out, at + self.latency)

    def add(self, a: Timed, b: Timed) -> Timed:
        return self._unit("sum", Add(self.latency), a, b)

    def multiply(self, a: Timed, b: Timed) -> Timed:
        return self._unit("product", Multiply(self.latency), a, b)

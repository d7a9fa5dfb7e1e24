"""Registers spread over a chain of logic, so that one text serves every latency."""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value


def spread(latency: int, cuts: Sequence[int]) -> list[int]:
    """`latency` registers over parts that can be cut in so many places each: how many every part takes."""
    whole, done, out = sum(cuts), 0, []
    for n in cuts:
        out.append((done + n) * latency // whole - done * latency // whole)
        done += n
    return out


def delayed(m: Module, value: Value, cycles: int, name: str, *, reset_less: bool = True) -> Value:
    """`value` as it was `cycles` ago; the first register bears `name`."""
    for k in range(cycles):
        later = Signal(value.shape(), name=f"{name}_{k + 1}" if k else name, reset_less=reset_less)
        m.d.sync += later.eq(value)
        value = later
    return value


class Pipe:
    """A chain with `cuts` places for registers, the last at its end; `latency` registers stand in them, evenly. 0: no register."""

    def __init__(self, m: Module, cuts: int, latency: int):
        self.m, self.registers = m, iter(spread(latency, [1] * cuts))

    def cut(self, **values: Value) -> list[Value]:
        """The values behind the next place."""
        cycles, out = next(self.registers), []
        for name, value in values.items():
            here = Signal(value.shape(), name=f"{name}_here")
            self.m.d.comb += here.eq(value)
            out.append(delayed(self.m, here, cycles, name))
        return out

"""The benches' `ctx` on other simulators: values and parts of ports, by the names that ports have in Verilog."""

from typing import Any

from amaranth.hdl import Signal, Value, ValueCastable
from amaranth.hdl._ast import Operator, Slice
from amaranth.lib import data


def ports_of(dut: Any, prefix: str) -> dict[str, Signal]:
    """By Verilog name, inputs and outputs."""
    return {f"{prefix}{'__'.join(map(str, path))}": Value.cast(value) for path, _, value in dut.signature.flatten(dut)}


def inputs_of(dut: Any, prefix: str) -> list[str]:
    return [f"{prefix}{'__'.join(map(str, path))}" for path, member, _ in dut.signature.flatten(dut) if member.flow.name == "In"]


class Ports:
    """Holds what was set until `flush` is called, and what was read until the next change."""

    def __init__(self, dut: Any, prefix: str) -> None:
        self.names = {id(signal): name for name, signal in ports_of(dut, prefix).items()}
        self.inputs = dict.fromkeys(inputs_of(dut, prefix), 0)
        self.outputs = [n for n in self.names.values() if n not in self.inputs]
        self.changed = dict(self.inputs)

    def set(self, target: Any, value: Any) -> None:
        if isinstance(target, ValueCastable) and not isinstance(value, int):
            shape = target.shape()  # type: ignore[attr-defined]
            bits = value.as_bits() if isinstance(value, data.Const) else int(Value.cast(shape.const(value)).value)
        else:
            bits = int(value)
        signal, low, width = self._place(Value.cast(target))
        name, mask = self.names[id(signal)], ((1 << width) - 1) << low
        new = (self.inputs[name] & ~mask) | (bits << low & mask)
        if new != self.inputs[name]:
            self.inputs[name] = self.changed[name] = new

    def get(self, target: Any, read: dict[str, int]) -> Any:
        """`read`: the settled outputs."""
        value = Value.cast(target)
        signal, low, width = self._place(value)
        name = self.names[id(signal)]
        bits = (self.inputs[name] if name in self.inputs else read[name]) >> low & ((1 << width) - 1)
        if isinstance(target, ValueCastable):
            return target.shape().from_bits(bits)  # type: ignore[attr-defined]
        return bits - (1 << width) if value.shape().signed and bits >> (width - 1) else bits

    @classmethod
    def _place(cls, value: Any) -> tuple[Signal, int, int]:
        """Of which port it is, from which bit on, how many."""
        if isinstance(value, Signal):
            return value, 0, len(value)
        if isinstance(value, Slice):
            signal, low, _ = cls._place(value.value)
            return signal, low + value.start, value.stop - value.start
        assert isinstance(value, Operator) and value.operator in ("s", "u"), f"{value!r} is no part of a port"
        return cls._place(value.operands[0])

"""What the lanes of an fp16 machine are made of, for its functions, and how many cycles their operations may take."""

from dataclasses import dataclass

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec

OPERANDS = 2  # cycles from a beat to its operands
LENGTH_INVERSE = 2  # operations from a row's length to its inverse


@dataclass(frozen=True)
class Plan:
    gelu: bool
    silu: bool
    softmax: bool
    layernorm: bool
    levels: int  # of the tree across the lanes

    @classmethod
    def of(cls, spec: AcceleratorSpec) -> "Plan":
        names = ("gelu", "silu", "softmax", "layernorm")
        return cls(**{n: n in spec.vector.functions for n in names}, levels=(spec.vector.lanes - 1).bit_length())

    @property
    def line(self) -> bool:
        return self.gelu or self.layernorm

    @property
    def sigmoid(self) -> bool:
        return self.gelu or self.silu

    @property
    def exp(self) -> bool:
        return self.sigmoid or self.softmax

    @property
    def operations(self) -> int:
        """Additions and multiplications on the longest way, one behind the other."""
        return 3 + 2 * self.line + self.gelu + 4 * self.exp + 3 * self.sigmoid

    @property
    def total_operations(self) -> int:
        """The same from the sums of the lanes to what scales the row."""
        return self.levels + (4 if self.layernorm else 2)

    def latency_cycles(self, operation: int) -> int:
        """From a beat to the write of its results, and to the largest of a row."""
        largest = 3 * operation + self.levels if self.softmax else 0
        return OPERANDS + max(self.operations * operation, largest) + 1

    def reduce_cycles(self, operation: int) -> int:
        """From the last beat of a pass that sums to the next pass: the scale is wanted in the second operation, or in the last."""
        norm = 1 + (self.total_operations + 1) * operation if self.layernorm else 0
        soft = 1 + (self.total_operations - 3 * self.sigmoid) * operation if self.softmax else 0
        return max(norm, soft)


def operation_cycles(spec: AcceleratorSpec) -> int:
    """Cycles of an addition or a multiplication: as many as the latencies have room for."""
    plan, v, cycles = Plan.of(spec), spec.vector, 0
    while v.latency_cycles >= plan.latency_cycles(cycles + 1) and v.reduce_cycles >= plan.reduce_cycles(cycles + 1):
        cycles += 1
    if not cycles:
        least = {"latency_cycles": plan.latency_cycles(1), "reduce_cycles": plan.reduce_cycles(1)}
        name = next(n for n, needed in least.items() if getattr(v, n) < needed)
        raise SpecError(f"vector.{name}: {getattr(v, name)} has no gates; use {least[name]} or more")
    return cycles

"""What a board cannot hold or serve, said before anything is made. What passes here may still be too large for the tools."""

from dataclasses import dataclass, fields

from hwsim.spec.commands import WORD_BYTES
from hwsim.spec.errors import BuildError, SpecError
from hwsim.spec.machine import AcceleratorSpec

LEAST_CLOCKS_PER_BIT = 8
LEAST_MEMORY_BITS, MOST_MEMORY_BITS = 1 << 13, 1 << 26


@dataclass(frozen=True)
class Parts:
    """What a device has: LUTs, multipliers (0: they are made of LUTs), bits of block RAM with those for parity."""

    luts: int
    multipliers: int
    ram_bits: int


def check_board(spec: AcceleratorSpec, board: str, parts: Parts, memory_bits: int) -> None:
    if memory_bits & (memory_bits - 1) or not LEAST_MEMORY_BITS <= memory_bits <= MOST_MEMORY_BITS:
        raise BuildError(f"memory: {memory_bits} bits; use a power of two from {LEAST_MEMORY_BITS} to {MOST_MEMORY_BITS}")
    if spec.memory.beat_bytes > WORD_BYTES:
        raise SpecError(f"memory.width_bits: {spec.memory.width_bits} is above one command of {8 * WORD_BYTES} bits; use a narrower memory")
    if (memory_bits // 8).bit_length() - 1 > spec.memory.address_bits:
        raise SpecError(f"memory.address_bits: {spec.memory.address_bits} do not reach {memory_bits} bits of memory; use less memory")
    _check_parts(spec, board, parts, memory_bits)


def _check_parts(spec: AcceleratorSpec, board: str, parts: Parts, memory_bits: int) -> None:
    """Each PE has a multiplier, and a register for each sum in flight beside what multiplies."""
    pes, levels = spec.array.rows * spec.array.cols, sum(getattr(spec.levels, f.name).capacity_bits for f in fields(spec.levels))
    if parts.multipliers and pes > parts.multipliers:
        raise SpecError(f"array: {pes:,} PEs need a multiplier each, {board} has {parts.multipliers}; use a smaller array or another board")
    registers = pes * spec.pe.sum_bits * spec.pe.adder_latency_cycles
    if registers > parts.luts:
        bound = f"{pes:,} PEs hold {registers:,} bits of sums, {board} has {parts.luts:,} flip-flops"
        raise SpecError(f"array: {bound}; use a smaller array or another board")
    if memory_bits + levels > parts.ram_bits:
        bound = f"{memory_bits:,} bits and {levels:,} of the levels are more than the {parts.ram_bits:,} bits of block RAM of {board}"
        raise BuildError(f"memory: {bound}; use less memory or smaller levels")


def check_baud(baud: int, clock_hz: float) -> None:
    if not 0 < baud <= clock_hz / LEAST_CLOCKS_PER_BIT:
        raise BuildError(f"baud: {baud} is outside 1..{int(clock_hz / LEAST_CLOCKS_PER_BIT)}, an eighth of the clock; use another")

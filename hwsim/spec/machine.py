"""AcceleratorSpec: one tile machine, as everybody sees it. Derived values are properties, never stored."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from hwsim.spec.records import MachineSpec, power_of_two, word_faults

NUMBERS = ("int8", "fp16")
DATAFLOWS = ("ws", "os")
MULTIPLIER_STAGES = 8  # at most
RESULTS_MAX = 256  # that the vector unit may have under way
FUNCTIONS = ("map", "gelu", "silu", "softmax", "layernorm", "maxpool", "avgpool", "depthwise")


@dataclass(frozen=True, kw_only=True)
class PESpec:
    """Unified sparse PE. `kept_max`:`block_max` is the largest pattern that its registers and muxes hold;
    1:1 is a dense PE. `multiplier_latency_cycles`: register stages between the choice of the operands and the adder; 0: all in one
    cycle. A fixed-point adder has latency 1."""

    number: str
    kept_max: int
    block_max: int
    multiplier_latency_cycles: int
    adder_latency_cycles: int

    @property
    def element_bits(self) -> int:
        return 8 if self.number == "int8" else 16

    @property
    def element_bytes(self) -> int:
        return self.element_bits // 8

    @property
    def sum_bits(self) -> int:
        return 32

    @property
    def offset_bits(self) -> int:
        return (self.block_max - 1).bit_length()


@dataclass(frozen=True, kw_only=True)
class ArraySpec:
    rows: int
    cols: int
    dataflows: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LevelSpec:
    """One on-chip storage. `width_bits` is what its read port gives in a cycle; `banks` are equal and
    contiguous, each serves one read and one write a cycle."""

    capacity_bits: int
    width_bits: int
    banks: int = 1

    @property
    def capacity_bytes(self) -> int:
        return self.capacity_bits // 8

    @property
    def bank_bytes(self) -> int:
        return self.capacity_bytes // self.banks


@dataclass(frozen=True, kw_only=True)
class LevelsSpec:
    """act: activations; weight: payload; meta: packed offsets; acc: sums, one row of `array.cols` 32-bit
    sums an entry; vec: operands and results of the vector unit."""

    act: LevelSpec
    weight: LevelSpec
    meta: LevelSpec
    acc: LevelSpec
    vec: LevelSpec


@dataclass(frozen=True, kw_only=True)
class VectorSpec:
    """`latency_cycles`: from a beat to the write of its results, and from the last beat of a pass that
    looks for the largest to the first beat that may use it; `reduce_cycles`: the same of a pass that
    sums; `rows_in_flight`: rows that share a pass, and so these waits. `chunk_beats`: beats of a chunk in the last pass, at least."""

    lanes: int
    latency_cycles: int
    reduce_cycles: int
    rows_in_flight: int
    functions: tuple[str, ...]
    chunk_beats: int = 1

    @property
    def results(self) -> int:
        """Beats' results that may be under way or wait to be written. Two of them may wait before a beat does."""
        return self.latency_cycles + 2


@dataclass(frozen=True, kw_only=True)
class SequencerSpec:
    """`token_depth`: the largest count that a token counter holds."""

    queue_depth: int
    token_depth: int


@dataclass(frozen=True, kw_only=True)
class MemorySpec:
    """Off-chip memory behind one port: one beat of `width_bits` a cycle, read or write."""

    kind: str
    width_bits: int
    latency_cycles: int
    address_bits: int

    @property
    def beat_bytes(self) -> int:
        return self.width_bits // 8


@dataclass(frozen=True, kw_only=True)
class AcceleratorSpec(MachineSpec):
    """`assumed` names the fields whose value no public source states; reports repeat them."""

    MAY_BE_ZERO = ("memory.latency_cycles", "pe.multiplier_latency_cycles")
    name: str
    technology: str
    clock_mhz: float
    pe: PESpec
    array: ArraySpec
    levels: LevelsSpec
    vector: VectorSpec
    sequencer: SequencerSpec
    memory: MemorySpec
    link_depth: int
    assumed: tuple[str, ...] = field(default=())

    def faults(self) -> Iterator[str]:
        return _faults(self)

    @property
    def acc_rows(self) -> int:
        return self.levels.acc.capacity_bits // (self.array.cols * self.pe.sum_bits)


def _faults(s: AcceleratorSpec) -> Iterator[str]:
    yield from word_faults(s, "levels.act.width_bits")
    if s.pe.number not in NUMBERS:
        yield f"pe.number: {s.pe.number!r} is unknown; use {' or '.join(NUMBERS)}"
    if not power_of_two(s.pe.block_max) or s.pe.block_max > 32:
        yield f"pe.block_max: {s.pe.block_max} is not a power of two up to 32; use 1, 2, 4, 8, 16 or 32"
    if s.pe.kept_max > s.pe.block_max:
        yield f"pe.kept_max: {s.pe.kept_max} is above pe.block_max {s.pe.block_max}; keep at most the whole block"
    if s.pe.number == "int8" and s.pe.adder_latency_cycles != 1:
        yield f"pe.adder_latency_cycles: {s.pe.adder_latency_cycles} with int8; a fixed-point adder has 1"
    if s.pe.multiplier_latency_cycles > MULTIPLIER_STAGES:
        yield f"pe.multiplier_latency_cycles: {s.pe.multiplier_latency_cycles} is above {MULTIPLIER_STAGES}; use 0 to {MULTIPLIER_STAGES}"
    for d in s.array.dataflows or ("",):
        if d not in DATAFLOWS:
            yield f"array.dataflows: {d!r} is unknown; use {' and/or '.join(DATAFLOWS)}"
    for f in s.vector.functions:
        if f not in FUNCTIONS:
            yield f"vector.functions: {f!r} is unknown; use {', '.join(FUNCTIONS)}"
    if s.vector.results > RESULTS_MAX:
        bound = f"asks for {s.vector.results} results under way, {RESULTS_MAX} are the most"
        yield f"vector.latency_cycles: {s.vector.latency_cycles} {bound}; lower it"
    if "map" not in s.vector.functions:
        yield "vector.functions: 'map' is missing; every machine needs it to bring sums back"
    if s.memory.kind != "ideal":
        yield f"memory.kind: {s.memory.kind!r} is unknown; use ideal"
    if not power_of_two(s.memory.width_bits) or not 8 <= s.memory.width_bits <= 4096:
        yield f"memory.width_bits: {s.memory.width_bits} is not one that memory can have; use a power of two from 8 to 4096"
    if not 10 <= s.memory.address_bits <= 40:
        yield f"memory.address_bits: {s.memory.address_bits} is outside 10..40; the command set holds 40 at most"
    yield from _width_faults(s)


def _width_faults(s: AcceleratorSpec) -> Iterator[str]:
    row = s.array.cols * s.pe.element_bits
    if s.levels.weight.width_bits < row:
        bound = f"is below one weight row of {row} bits; the array takes a row a cycle, widen it"
        yield f"levels.weight.width_bits: {s.levels.weight.width_bits} {bound}"
    meta = s.array.cols * s.pe.offset_bits
    if s.levels.meta.width_bits < meta:
        yield f"levels.meta.width_bits: {s.levels.meta.width_bits} is below one row of {meta} offset bits; widen it"
    if s.levels.act.width_bits < s.pe.block_max * s.pe.element_bits:
        yield f"levels.act.width_bits: {s.levels.act.width_bits} is below one block of {s.pe.block_max * s.pe.element_bits} bits; widen it"
    if s.levels.vec.width_bits < s.pe.element_bits:
        yield f"levels.vec.width_bits: {s.levels.vec.width_bits} is below one element of {s.pe.element_bits} bits; widen it"
    if s.levels.acc.width_bits < s.array.cols * s.pe.sum_bits:
        yield f"levels.acc.width_bits: {s.levels.acc.width_bits} is below one row of {s.array.cols * s.pe.sum_bits} bits; widen it"
    if s.levels.acc.capacity_bits < 2 * s.array.cols * s.pe.sum_bits * s.pe.adder_latency_cycles:
        bound = f"holds fewer than {2 * s.pe.adder_latency_cycles} rows; double buffering needs them"
        yield f"levels.acc.capacity_bits: {s.levels.acc.capacity_bits} {bound}"
    for f in fields(s.levels):
        level: LevelSpec = getattr(s.levels, f.name)
        if level.banks <= 0 or level.capacity_bits % (8 * max(level.banks, 1)):
            yield f"levels.{f.name}.capacity_bits: {level.capacity_bits} does not split into {level.banks} banks of whole bytes; change one"
        if level.width_bits % 8:
            yield f"levels.{f.name}.width_bits: {level.width_bits} is not whole bytes; use a multiple of 8"

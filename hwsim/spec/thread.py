"""ThreadMachineSpec: one thread machine, as everybody sees it: blocks of pipelines around a scratchpad and a DRAM."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hwsim.spec.records import MachineSpec, power_of_two, word_faults

WORD_BITS, LINE_BITS_MAX, SLOTS_MAX, BLOCKS_MAX, THREADS_MAX, PIPELINES_MAX, CHANNELS_MAX, BANKS_MAX = 64, 512, 16, 256, 64, 16, 16, 64


@dataclass(frozen=True, kw_only=True)
class PipelineSpec:
    """One kind of pipeline. A thread issues again `issue_interval_cycles` after its last instruction at the earliest."""

    pipelines: int
    threads: int
    issue_interval_cycles: int


@dataclass(frozen=True, kw_only=True)
class ArithmeticSpec:
    """Cycles from issue to the first issue that may use the result; all units take one operation a cycle.
    Other integer results take 1. `branch_cycles`: lost by the thread behind a taken branch or a jump."""

    multiply_cycles: int
    divide_cycles: int
    float_cycles: int
    float_divide_cycles: int
    branch_cycles: int


@dataclass(frozen=True, kw_only=True)
class CacheSpec:
    """A cache of one pipeline, least recently used line out."""

    capacity_bits: int
    line_bits: int
    ways: int
    hit_cycles: int

    @property
    def lines(self) -> int:
        return self.capacity_bits // self.line_bits

    @property
    def sets(self) -> int:
        return self.lines // self.ways

    @property
    def line_bytes(self) -> int:
        return self.line_bits // 8


@dataclass(frozen=True, kw_only=True)
class ScratchpadSpec:
    """Each bank serves one access of 8 bytes a cycle; bank = (byte address / 8) mod banks."""

    capacity_bits: int
    banks: int
    latency_cycles: int

    @property
    def capacity_bytes(self) -> int:
        return self.capacity_bits // 8


@dataclass(frozen=True, kw_only=True)
class DramSpec:
    """A block's own memory. A channel serves an access of 8 bytes every `access_cycles`; channel = (byte address / 8) mod channels."""

    capacity_bits: int
    channels: int
    access_cycles: int
    latency_cycles: int

    @property
    def capacity_bytes(self) -> int:
        return self.capacity_bits // 8


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """HyperX of two dimensions: `row_blocks` blocks in a row, as many rows as it takes; a link from each block to every other
    of its row and of its column. `hop_latency_cycles`, `link_bits` (a cycle): [along the row, along the column]."""

    row_blocks: int
    hop_latency_cycles: tuple[int, ...]
    link_bits: tuple[int, ...]
    header_bits: int


@dataclass(frozen=True, kw_only=True)
class DmaSpec:
    """One engine a block: a read and a write request a cycle. `elements_in_flight`: read and not yet written."""

    queue_depth: int
    elements_in_flight: int
    start_cycles: int


@dataclass(frozen=True, kw_only=True)
class QueueSpec:
    """One engine a block, one operation a cycle. `depth`: 64-bit tokens a queue."""

    queues: int
    depth: int
    latency_cycles: int


@dataclass(frozen=True, kw_only=True)
class CollectiveSpec:
    """One engine a block. `latency_cycles`: from the last arrival it waits for to what it does then."""

    latency_cycles: int


@dataclass(frozen=True, kw_only=True)
class ThreadMachineSpec(MachineSpec):
    """`assumed` names the fields whose value no public source states; reports repeat them."""

    MAY_BE_ZERO = ("mtp.pipelines", "stp.pipelines", "arithmetic.branch_cycles", "dma.start_cycles")
    name: str
    technology: str
    clock_mhz: float
    blocks: int
    mtp: PipelineSpec
    stp: PipelineSpec
    arithmetic: ArithmeticSpec
    requests_per_thread: int
    stack_bits: int
    interleave_bits: int
    fetch_cache: CacheSpec
    data_cache: CacheSpec
    scratchpad: ScratchpadSpec
    dram: DramSpec
    network: NetworkSpec
    dma: DmaSpec
    queue: QueueSpec
    collective: CollectiveSpec
    assumed: tuple[str, ...] = field(default=())

    def faults(self) -> Iterator[str]:
        return _faults(self)

    @property
    def pipelines(self) -> int:
        """Of a block."""
        return self.mtp.pipelines + self.stp.pipelines

    @property
    def mtp_threads(self) -> int:
        """Of a block; they are numbered first."""
        return self.mtp.pipelines * self.mtp.threads

    @property
    def threads(self) -> int:
        """Of a block."""
        return self.mtp_threads + self.stp.pipelines * self.stp.threads

    @property
    def rows(self) -> int:
        return -(-self.blocks // self.network.row_blocks)

    @property
    def link_cycles(self) -> int:
        """The shortest time from block to block: what one block does now another one sees this much later at the earliest."""
        latency = self.network.hop_latency_cycles
        return min(latency[0] if self.network.row_blocks > 1 else latency[1], latency[1] if self.rows > 1 else latency[0]) + 1


def _faults(s: ThreadMachineSpec) -> Iterator[str]:
    for name in ("hop_latency_cycles", "link_bits"):
        value = getattr(s.network, name)
        if len(value) != 2 or not all(type(v) is int and v > 0 for v in value):
            yield f"network.{name}: {value} is not two whole numbers above 0; write [along the row, along the column]"
    yield from word_faults(s, "dram.latency_cycles")
    for where, value, most in (
        ("blocks", s.blocks, BLOCKS_MAX),
        ("mtp.threads", s.mtp.threads, THREADS_MAX),
        ("stp.threads", s.stp.threads, THREADS_MAX),
        ("mtp.pipelines", s.pipelines, PIPELINES_MAX),
        ("requests_per_thread", s.requests_per_thread, SLOTS_MAX),
        ("queue.queues", s.queue.queues, 256),
        ("dram.channels", s.dram.channels, CHANNELS_MAX),
        ("scratchpad.banks", s.scratchpad.banks, BANKS_MAX),
        ("dram.capacity_bits", s.dram.capacity_bits, 2**43),
        ("scratchpad.capacity_bits", s.scratchpad.capacity_bits, 2**35),
    ):
        if value > most:
            yield f"{where}: {value} is above {most}; lower it"
    if s.pipelines == 0:
        yield "mtp.pipelines: 0 with stp.pipelines 0; a block needs a pipeline"
    yield from _storage_faults(s)


def _storage_faults(s: ThreadMachineSpec) -> Iterator[str]:
    for name in ("fetch_cache", "data_cache"):
        c: CacheSpec = getattr(s, name)
        if not power_of_two(c.line_bits) or not WORD_BITS <= c.line_bits <= LINE_BITS_MAX:
            yield f"{name}.line_bits: {c.line_bits} is not a power of two in {WORD_BITS}..{LINE_BITS_MAX}; use 512"
        elif c.ways <= 0 or c.capacity_bits % (c.line_bits * c.ways) or not power_of_two(c.capacity_bits // (c.line_bits * c.ways)):
            yield f"{name}.capacity_bits: {c.capacity_bits} is not ways x lines x a power of two of sets; change it or ways"
    if s.stack_bits % (16 * 8):
        yield f"stack_bits: {s.stack_bits} is not a multiple of 128; the calling convention aligns stacks to 16 bytes"
    if not power_of_two(s.interleave_bits) or s.interleave_bits < WORD_BITS:
        yield f"interleave_bits: {s.interleave_bits} is not a power of two from {WORD_BITS} on; use 512"
    for name in ("scratchpad", "dram"):
        bits = getattr(s, name).capacity_bits
        if bits % LINE_BITS_MAX:
            yield f"{name}.capacity_bits: {bits} is not a multiple of {LINE_BITS_MAX}; round it"

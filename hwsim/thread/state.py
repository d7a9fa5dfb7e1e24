"""What a thread machine holds: one record a thread, pipeline, block, cache line, message; the memories beside."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from hwsim.spec.thread import BANKS_MAX, CHANNELS_MAX, SLOTS_MAX, THREADS_MAX, ThreadMachineSpec
from hwsim.thread.ops import NEVER
from hwsim.thread_result import CAUSES, COUNTERS

CODE = np.dtype([
    ("imm", "i8"), ("op", "u1"), ("group", "u1"), ("rd", "u1"), ("rs1", "u1"), ("rs2", "u1"), ("rs3", "u1"), ("rm", "u1"),
    ("by_imm", "u1"), ("slot", "u1"), ("check", "u1"), ("drain", "u1"), ("acquire", "u1"), ("modes", "u1"), ("cycles", "i4"), ("raw", "u4"),
], align=True)  # fmt: skip
# x, ready, why: registers, the cycle from which each may be used, what it waits for till then
THREAD = np.dtype([
    ("x", "i8", (32,)), ("ready", "i8", (32,)), ("why", "u1", (32,)), ("pc", "i8"), ("wake", "i8"), ("earliest", "i8"), ("last", "i8"),
    ("hold", "i8"), ("fetch", "i8"), ("line", "i8"), ("slots", "i8", (SLOTS_MAX,)), ("head", "i4"), ("cause", "u1"), ("hold_why", "u1"),
    ("stuck", "u1"), ("ended", "u1"), ("dma_left", "i8"), ("code", "i8"), ("issued", "i8"), ("waits", "i8", (len(CAUSES),)),
    ("mtvec", "i8"), ("mepc", "i8"), ("mcause", "i8"), ("mtval", "i8"), ("mscratch", "i8"), ("mstatus", "i8"), ("frm", "i8"),
    ("detail", "i8"), ("lr_home", "i8"), ("lr_at", "i8"), ("lr_version", "i8"), ("flushing", "i8"), ("hold_until", "i8"),
    ("collect_reg", "i8"), ("span_begin", "i8"), ("span_end", "i8"), ("span_cause", "i8"), ("parked", "i8"),
], align=True)  # fmt: skip
PIPELINE = np.dtype([
    ("wakes", "i8", (THREADS_MAX,)), ("number", "i8"), ("first", "i8"), ("threads", "i8"), ("interval", "i8"), ("stp", "i8"),
    ("last", "i8"), ("next", "i8"), ("issued", "i8"), ("address", "i8"), ("value", "i8"), ("other", "i8"), ("home", "i8"),
    ("cached", "i8"), ("code", "i8"), ("before", "i8"), ("count", "i8"), ("clock", "i8"), ("waits", "i8", (len(CAUSES),)),
], align=True)  # fmt: skip
# version: counts writes to words of a hash, for store-conditional; dma_*: of the command that is being read; status, who, what, where,
# clock: why the block stopped: a status of ops, the thread, the trap's cause or the exit's code, the trap's value, the cycle
BLOCK = np.dtype([
    ("bank", "i8", (BANKS_MAX,)), ("channel", "i8", (CHANNELS_MAX,)), ("version", "i8", (64,)), ("count", "i8", (len(COUNTERS),)),
    ("waiting", "i8"),
    ("high", "i8"), ("free", "i8"), ("sequence", "i8"), ("out", "i8", (2,)), ("queue_free", "i8"), ("come", "i8", (4,)),
    ("collect_op", "i8", (4,)), ("parts", "i8"), ("dma_next", "i8"), ("dma_first", "i8"), ("dma_commands", "i8"), ("dma_read", "i8"),
    ("dma_begin", "i8"), ("dma_words", "i8"), ("dma_k", "i8"), ("dma_j", "i8"), ("dma_ik", "i8"), ("dma_head", "i8"),
    ("dma_between", "i8"), ("live", "i8"), ("status", "i8"), ("who", "i8"), ("what", "i8"), ("where", "i8"), ("clock", "i8"),
    ("next", "i8"),
], align=True)  # fmt: skip
LINE = np.dtype([("tag", "i8"), ("ready", "i8"), ("used", "i8"), ("written", "u8"), ("word", "i8", (8,))], align=True)
FETCH_LINE = np.dtype([("tag", "i8"), ("ready", "i8"), ("used", "i8")])
MESSAGE = np.dtype([
    ("cycle", "i8"), ("order", "i8"), ("kind", "i4"), ("op", "i4"), ("to", "i4"), ("home", "i4"), ("hop", "i4"), ("bits", "i4"),
    ("who", "i4"), ("reg", "i4"), ("slot", "i4"), ("pipe", "i4"), ("at", "i8"), ("value", "i8"), ("other", "i8"), ("word", "i8", (8,)),
], align=True)  # fmt: skip
HEAP = np.dtype([("cycle", "i8"), ("order", "i8"), ("slot", "i8")])
QUEUE = np.dtype([("first", "i8"), ("tokens", "i8"), ("wait", "i8"), ("wait_end", "i8")])
WAITER = np.dtype([("next", "i8"), ("value", "i8"), ("reg", "i8")])
# a command: flags, count, run, dst, dst_stride, src, src_stride, index; then what is still to come
COMMAND = np.dtype([("word", "i8", (8,)), ("at", "i8"), ("thread", "i8"), ("unacked", "i8"), ("done", "i8"), ("closed", "i8")])
ELEMENT = np.dtype([("ready", "i8"), ("value", "i8"), ("to", "i8"), ("command", "i4"), ("final", "i4")])
SPAN = np.dtype([("thread", "i8"), ("cause", "i8"), ("begin", "i8"), ("end", "i8"), ("detail", "i8")])
PARAMETER_NAMES = (
    "blocks", "threads", "pipelines", "mtp_threads", "slots", "branch", "line_bits", "line_words", "data_sets", "data_ways", "data_hit",
    "fetch_bits", "fetch_words", "fetch_sets", "fetch_ways", "fetch_hit", "banks", "pad_latency", "pad_bytes", "channels", "access",
    "dram_latency",
    "bytes", "row", "hop_row", "hop_column", "link_row", "link_column", "header", "dma_depth", "dma_start", "queues", "depth",
    "queue_latency", "collective_latency", "stack", "code_base", "codes", "tohost", "jump", "trace", "shuffle", "parity",
)  # fmt: skip
PARAMETERS = np.dtype([(name, "i8") for name in PARAMETER_NAMES])
INDICES_AHEAD, INBOX_MAX = 8, 65536


@dataclass
class State:
    """`memory`: [block, 64-bit word]: scratchpad, then DRAM. `links`: [block, link], free from this cycle on: `row_blocks` along the row,
    then one for each row. `outbox`: [epoch mod 2, block, message]."""

    params: Any
    threads: Any
    pipelines: Any
    blocks: Any
    code: Any
    memory: Any
    lines: Any
    fetched: Any
    pool: Any
    heap: Any
    outbox: Any
    links: Any
    queues: Any
    tokens: Any
    waiters: Any
    commands: Any
    flight: Any
    ahead: Any
    parts: Any
    spans: Any
    spanned: Any

    @property
    def arrays(self) -> tuple[Any, ...]:
        return tuple(getattr(self, f.name) for f in fields(self))


def parameters(spec: ThreadMachineSpec, bytes_a_block: int) -> Any:
    p = np.zeros(1, PARAMETERS)[0]
    n, f, d = spec.network, spec.fetch_cache, spec.data_cache
    given = {
        "blocks": spec.blocks, "threads": spec.threads, "pipelines": spec.pipelines, "mtp_threads": spec.mtp_threads,
        "slots": spec.requests_per_thread, "branch": spec.arithmetic.branch_cycles,
        "line_bits": d.line_bytes.bit_length() - 1, "line_words": d.line_bytes // 8, "data_sets": d.sets, "data_ways": d.ways,
        "data_hit": d.hit_cycles, "fetch_bits": f.line_bytes.bit_length() - 1, "fetch_words": f.line_bytes // 8, "fetch_sets": f.sets,
        "fetch_ways": f.ways, "fetch_hit": f.hit_cycles, "banks": spec.scratchpad.banks, "pad_latency": spec.scratchpad.latency_cycles,
        "pad_bytes": spec.scratchpad.capacity_bytes, "channels": spec.dram.channels, "access": spec.dram.access_cycles,
        "dram_latency": spec.dram.latency_cycles, "bytes": bytes_a_block, "row": n.row_blocks, "hop_row": n.hop_latency_cycles[0],
        "hop_column": n.hop_latency_cycles[1], "link_row": n.link_bits[0], "link_column": n.link_bits[1], "header": n.header_bits,
        "dma_depth": spec.dma.queue_depth, "dma_start": spec.dma.start_cycles,
        "queues": spec.queue.queues, "depth": spec.queue.depth, "queue_latency": spec.queue.latency_cycles,
        "collective_latency": spec.collective.latency_cycles, "stack": spec.stack_bits // 8, "tohost": -1, "jump": 1,
    }  # fmt: skip
    for name, value in given.items():
        p[name] = value
    return p


def inbox_size(spec: ThreadMachineSpec) -> int:
    """Every request that may be under way at once has one message at a time; collectives, caches and DMA engines come on top."""
    threads = spec.blocks * spec.threads
    lines = spec.blocks * spec.pipelines * spec.data_cache.lines
    moves = spec.blocks * (spec.dma.elements_in_flight + INDICES_AHEAD + 8) * 2
    all_of_them = threads * (spec.requests_per_thread + 2) + lines + moves + 4 * spec.blocks + spec.dma.queue_depth + 64
    return min(all_of_them, INBOX_MAX)


def outbox_size(spec: ThreadMachineSpec) -> int:
    """What a block can send in an epoch: a pipeline a request and a written line a cycle, the engines, every link and server one answer."""
    links = min(spec.network.row_blocks, spec.blocks) + spec.rows
    return (2 * spec.pipelines + 8 + links + spec.dram.channels + spec.scratchpad.banks) * (spec.link_cycles + 1)


def empty_state(spec: ThreadMachineSpec, code: Any, dram_bytes: int, spans: int, zeros: Any = np.zeros) -> State:
    """`zeros(shape, dtype)` says where the arrays lie: in this process, or in memory that several share."""
    b, t, p = spec.blocks, spec.threads, spec.pipelines
    row = spec.scratchpad.capacity_bytes + dram_bytes
    state = State(
        params=zeros(1, PARAMETERS), threads=zeros(b * t, THREAD), pipelines=zeros(b * p, PIPELINE), blocks=zeros(b, BLOCK), code=code,
        memory=zeros((b, row // 8), np.int64), lines=zeros((b * p, spec.data_cache.lines), LINE),
        fetched=zeros((b * p, spec.fetch_cache.lines), FETCH_LINE), pool=zeros((b, inbox_size(spec)), MESSAGE),
        heap=zeros((b, inbox_size(spec)), HEAP), outbox=zeros((2, b, outbox_size(spec)), MESSAGE),
        links=zeros((b, min(spec.network.row_blocks, b) + spec.rows), np.int64), queues=zeros((b, spec.queue.queues), QUEUE),
        tokens=zeros((b, spec.queue.queues * spec.queue.depth), np.int64), waiters=zeros((b, b * t), WAITER),
        commands=zeros((b, spec.dma.queue_depth + p), COMMAND), flight=zeros((b, spec.dma.elements_in_flight), ELEMENT),
        ahead=zeros((b, INDICES_AHEAD), ELEMENT), parts=zeros((b, 4 * t + b), np.int64), spans=zeros(spans, SPAN),
        spanned=zeros(1, np.int64),
    )  # fmt: skip
    state.params[0] = parameters(spec, row)
    _start(spec, state)
    return state


def _start(spec: ThreadMachineSpec, state: State) -> None:
    kinds = [(spec.mtp, 0)] * spec.mtp.pipelines + [(spec.stp, 1)] * spec.stp.pipelines
    for block in range(spec.blocks):
        first = block * spec.threads
        for i, (kind, stp) in enumerate(kinds):
            pipe = state.pipelines[block * spec.pipelines + i]
            pipe["first"], pipe["threads"], pipe["interval"], pipe["stp"] = first, kind.threads, kind.issue_interval_cycles, stp
            pipe["number"], pipe["issued"], pipe["before"] = i, -1, -1
            first += kind.threads
    for caches in (state.lines, state.fetched):
        caches["tag"] = -1
    state.threads["last"], state.threads["line"], state.threads["parked"] = -1, -1, -1
    blocks = state.blocks
    blocks["live"] = spec.threads
    blocks["free"], blocks["dma_next"] = -1, NEVER
    for name in ("wait", "wait_end"):
        state.queues[name] = -1

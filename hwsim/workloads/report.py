"""What a run of a workload says to people: text, or JSON with the same figures."""

import json
from dataclasses import asdict, dataclass
from statistics import mean

from hwsim.spec.thread import ThreadMachineSpec
from hwsim.thread_result import ThreadResult
from hwsim.workloads.run import Outcome

WORD_BITS = 64
WAITS_SHOWN = 6
WIDTH = 34


@dataclass(frozen=True)
class Pipelines:
    """Of one kind, all blocks. `least`, `mean`, `most`: instructions of a thread."""

    kind: str
    threads: int
    ipc: float
    least: int
    mean: float
    most: int


@dataclass(frozen=True)
class Measures:
    """Ratios lie in 0..1. `on_chip`: loads, stores and atomics that a scratchpad or a cache hit served, of all that went to
    memory; `waits`: thread cycles by cause, `issued` among them, as a share."""

    cycles: int
    time_us: float
    instructions: int
    pipelines: tuple[Pipelines, ...]
    dram_used: float
    dram_bytes: int
    dram_gb_s: float
    data_cache_hits: float | None
    fetch_cache_hits: float
    on_chip: float
    scratchpad_used: float
    dma_used: float
    balance: float
    waits: dict[str, float]


def measures(result: ThreadResult, spec: ThreadMachineSpec) -> Measures:
    n, seconds = result.counter, result.cycles / (result.clock_mhz * 1e6)
    words = n("dram_read_accesses") + n("dram_write_accesses") + 2 * n("dram_atomics")
    pad = n("scratchpad_read_accesses") + n("scratchpad_write_accesses") + n("scratchpad_atomics")
    served = pad + n("data_hits")
    waits = result.waits()
    whole = sum(waits.values())
    busy = [sum(t[0] for t in result.threads[first : first + spec.threads]) for first in range(0, len(result.threads), spec.threads)]
    return Measures(
        cycles=result.cycles,
        time_us=seconds * 1e6,
        instructions=result.instructions,
        pipelines=tuple(_pipelines(result, spec, kind) for kind in ("mtp", "stp") if any(p.kind == kind for p in result.pipelines)),
        dram_used=n("dram_busy_cycles") / (result.cycles * spec.dram.channels * spec.blocks),
        dram_bytes=words * WORD_BITS // 8,
        dram_gb_s=words * WORD_BITS / 8 / seconds / 1e9,
        data_cache_hits=_share(n("data_hits"), n("data_hits") + n("data_misses")),
        fetch_cache_hits=_share(n("fetch_hits"), n("fetch_hits") + n("fetch_misses")) or 0.0,
        on_chip=served / max(1, served + words),
        scratchpad_used=(pad + n("scratchpad_atomics")) / (result.cycles * spec.scratchpad.banks * spec.blocks),
        dma_used=n("dma_busy_cycles") / (result.cycles * spec.blocks),
        balance=mean(busy) / max(busy),
        waits={name: x / whole for name, x in waits.items()},
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _pipelines(result: ThreadResult, spec: ThreadMachineSpec, kind: str) -> Pipelines:
    pipes = [p for p in result.pipelines if p.kind == kind]
    low, high = (0, spec.mtp_threads) if kind == "mtp" else (spec.mtp_threads, spec.threads)
    issued = [t[0] for i, t in enumerate(result.threads) if low <= i % spec.threads < high]
    ipc = sum(p.issued for p in pipes) / (result.cycles * len(pipes))
    return Pipelines(kind, len(issued), ipc, min(issued), mean(issued), max(issued))


def to_json(o: Outcome) -> str:
    facts = {
        "workload": o.workload,
        "version": o.version,
        "matrix": {"name": o.matrix.name, "rows": o.matrix.shape[0], "columns": o.matrix.shape[1], "nonzeros": o.matrix.nonzeros},
        "machine": o.machine.name,
        "digest": o.machine.digest,
        "blocks": o.machine.blocks,
        "work": o.work,
        "rates_per_s": rates(o),
        "checked": asdict(o.checked),
        "measures": asdict(measures(o.result, o.machine)),
        "result": json.loads(o.result.to_json()),
    }
    return json.dumps(facts, indent=1)


def rates(o: Outcome) -> dict[str, float]:
    seconds = o.result.cycles / (o.result.clock_mhz * 1e6)
    return {name: amount / seconds for name, amount in o.work.items()}


def text(o: Outcome) -> str:
    m, s = measures(o.result, o.machine), o.machine
    head = [
        f"{o.workload}{' ' + o.version if o.version else ''}: {o.matrix}",
        f"machine {s.name}: {s.blocks} x ({s.mtp.pipelines} pipelines of {s.mtp.threads} threads, {s.stp.pipelines} of {s.stp.threads}), "
        f"{s.clock_mhz:g} MHz",
        *o.result.notes,
        "",
    ]
    rows = [
        ("cycles", f"{m.cycles:,}"),
        (f"time at {s.clock_mhz:g} MHz", f"{m.time_us:,.1f} us"),
        ("instructions", f"{m.instructions:,}"),
        *((f"instructions a cycle, {p.kind}", f"{p.ipc:.2f} a pipeline") for p in m.pipelines),
        *((f"instructions a thread, {p.kind}", f"{p.least:,} to {p.most:,}, mean {p.mean:,.0f}") for p in m.pipelines),
        *([("balance of blocks", _percent(m.balance))] if s.blocks > 1 else []),
        ("DRAM bandwidth used", f"{_percent(m.dram_used)}, {m.dram_gb_s:.2f} GB/s"),
        ("data cache hits", "not used" if m.data_cache_hits is None else _percent(m.data_cache_hits)),
        ("instruction cache hits", _percent(m.fetch_cache_hits)),
        ("served on the chip", _percent(m.on_chip)),
        ("scratchpad bandwidth used", _percent(m.scratchpad_used)),
        ("DMA engine busy", _percent(m.dma_used)),
        *((f"{name} a second", _short(rate)) for name, rate in rates(o).items()),
        ("threads", _waits(m)),
        (f"equal to {o.checked.against}", f"yes, within {o.checked.allowed}" if o.checked.worst else "yes, in every bit"),
    ]
    return "\n".join([*head, *(f"{name:<{WIDTH}}{value}" for name, value in rows)]) + "\n"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _short(x: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if x >= size:
            return f"{x / size:.2f} {unit}"
    return f"{x:.2f}"


def _waits(m: Measures) -> str:
    """What thread cycles went to, the largest shares."""
    largest = sorted(m.waits.items(), key=lambda x: -x[1])[:WAITS_SHOWN]
    return ", ".join(f"{name} {_percent(share)}" for name, share in largest if share >= 0.001)

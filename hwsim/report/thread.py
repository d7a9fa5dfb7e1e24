"""What a run of the thread machine says to people, whatever it ran: time, instructions a cycle, bandwidth, hit rates, balance, energy."""

from dataclasses import dataclass
from statistics import mean

from hwsim.spec.prices import Priced, thread_energy_pj
from hwsim.spec.prices.ranges import ZERO
from hwsim.spec.prices.thread import NOTES
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.thread_result import COUNTERS, ThreadResult

WORD_BITS = 64
WAITS_SHOWN = 6
WIDTH = 34
Row = tuple[str, str]


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
    energy_pj: dict[str, Priced]
    power_mw: Priced


def measures(result: ThreadResult, spec: ThreadMachineSpec) -> Measures:
    n, seconds = result.counter, result.cycles / (result.clock_mhz * 1e6)
    words = n("dram_read_accesses") + n("dram_write_accesses") + 2 * n("dram_atomics")
    pad = n("scratchpad_read_accesses") + n("scratchpad_write_accesses") + n("scratchpad_atomics")
    served = pad + n("data_hits")
    energy = thread_energy_pj(spec, {name: n(name) for name in COUNTERS}, result.instructions)
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
        energy_pj=energy,
        power_mw=sum(energy.values(), ZERO) * (1e-9 / seconds),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _pipelines(result: ThreadResult, spec: ThreadMachineSpec, kind: str) -> Pipelines:
    pipes = [p for p in result.pipelines if p.kind == kind]
    low, high = (0, spec.mtp_threads) if kind == "mtp" else (spec.mtp_threads, spec.threads)
    issued = [t[0] for i, t in enumerate(result.threads) if low <= i % spec.threads < high]
    ipc = sum(p.issued for p in pipes) / (result.cycles * len(pipes))
    return Pipelines(kind, len(issued), ipc, min(issued), mean(issued), max(issued))


def heading(s: ThreadMachineSpec, result: ThreadResult) -> list[str]:
    """The machine, and what of it rests on no source."""
    shape = f"{s.blocks} x ({s.mtp.pipelines} pipelines of {s.mtp.threads} threads, {s.stp.pipelines} of {s.stp.threads})"
    return [f"machine {s.name}: {shape}, {s.clock_mhz:g} MHz", *result.notes, *NOTES]


def time_rows(m: Measures, s: ThreadMachineSpec) -> list[Row]:
    return [
        ("cycles", f"{m.cycles:,}"),
        (f"time at {s.clock_mhz:g} MHz", f"{m.time_us:,.1f} us"),
        ("instructions", f"{m.instructions:,}"),
        *((f"instructions a cycle, {p.kind}", f"{p.ipc:.2f} a pipeline") for p in m.pipelines),
        *((f"instructions a thread, {p.kind}", f"{p.least:,} to {p.most:,}, mean {p.mean:,.0f}") for p in m.pipelines),
        *([("balance of blocks", percent(m.balance))] if s.blocks > 1 else []),
    ]


def memory_rows(m: Measures) -> list[Row]:
    return [
        ("DRAM bandwidth used", f"{percent(m.dram_used)}, {m.dram_gb_s:.2f} GB/s"),
        ("data cache hits", "not used" if m.data_cache_hits is None else percent(m.data_cache_hits)),
        ("instruction cache hits", percent(m.fetch_cache_hits)),
        ("served on the chip", percent(m.on_chip)),
        ("scratchpad bandwidth used", percent(m.scratchpad_used)),
        ("DMA engine busy", percent(m.dma_used)),
    ]


def cost_rows(m: Measures) -> list[Row]:
    """Where threads were, and what it took."""
    largest = sorted(m.waits.items(), key=lambda x: -x[1])[:WAITS_SHOWN]
    spent = ", ".join(f"{name} {percent(share)}" for name, share in largest if share >= 0.001)
    total = sum(m.energy_pj.values(), ZERO)
    parts = sorted(m.energy_pj.items(), key=lambda x: -x[1].typical)
    shares = ", ".join(f"{name} {percent(p.typical / total.typical)}" for name, p in parts if p.typical >= 0.01 * total.typical)
    return [
        ("threads", spent),
        ("energy", f"{_micro(total.typical)} uJ ({_micro(total.low)} to {_micro(total.high)}), {m.power_mw.typical:,.0f} mW"),
        ("energy by part", shares),
    ]


def lines(rows: list[Row]) -> list[str]:
    return [f"{name:<{WIDTH}}{value}" for name, value in rows]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _micro(pj: float) -> str:
    return f"{pj / 1e6:,.3g}" if pj < 1e9 else f"{pj / 1e6:,.0f}"

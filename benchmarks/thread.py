"""What the thread machine does with sparse matrices: measured section by section, written to docs/results_thread.md.

`python -m benchmarks thread` measures all; `python -m benchmarks thread smash` one section, and the page keeps the others' figures
(benchmarks/thread_figures.json).
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import git, run_command, spent
from hwsim.report.thread import measures
from hwsim.report.versions import versions
from hwsim.spec.load import load_thread_machine
from hwsim.spec.patterns import NMPattern
from hwsim.spec.thread import BLOCKS_MAX, ThreadMachineSpec
from hwsim.workloads.run import run_workload
from hwsim.workloads.table import Options
from models.matrices import Matrix, rmat, weights
from models.prune import Unstructured

FIGURES = Path(__file__).with_name("thread_figures.json")
MACHINE = "piuma"
SCALE, NONZEROS = 14, 254_211
QUARTER_SCALE, QUARTER_NONZEROS = 12, 60_000
SMALL_SCALE = 11
BLOCKS = (1, 2, 4, 8, 16, 32)
ACCESS_CYCLES = (1, 2, 3, 4)
ASSUMED = {"scratchpad.latency_cycles": (8, 16, 32), "dram.latency_cycles": (90, 180, 360), "stp.issue_interval_cycles": (1, 2, 3)}
SCALES = {"spmv": (14, 11), "spmm": (12, 9), "bfs": (14, 11)}  # of all blocks together; of a block
THREADS, LATENCIES = (1, 2, 4, 8, 16), (1, 2, 3, 4)
Row = dict[str, Any]


def row(name: str, spec: ThreadMachineSpec, a: Matrix, what: str, **options: Any) -> Row:
    """One run, checked, as figures."""
    start = time.process_time()
    o = run_workload(name, spec, a, Options(**options))
    m = measures(o.result, spec)
    out: Row = {"what": what, "matrix": str(a), "blocks": spec.blocks, "work": o.work, "cpu_s": time.process_time() - start}
    out |= {k: getattr(m, k) for k in ("cycles", "time_us", "instructions", "dram_used", "dram_gb_s", "data_cache_hits", "on_chip")}
    out |= {"dma_used": m.dma_used, "scratchpad_used": m.scratchpad_used, "balance": m.balance, "waits": m.waits}
    for p in m.pipelines:
        out[p.kind] = {"ipc": p.ipc, "least": p.least, "mean": p.mean, "most": p.most}
    first = o.result.threads[: spec.threads]
    out["issued"] = [t[0] for t in first]
    print(f"  {what}: {a.name}, {spec.blocks} blocks, {m.cycles:,} cycles, {out['cpu_s']:.0f} s", file=sys.stderr, flush=True)
    return out


def smash() -> Iterator[Row]:
    return versions_of(("v3", "v1", "v2"), *(rmat(SCALE, nonzeros=NONZEROS, seed=s) for s in (0, 1)))


def smash_quarter() -> Iterator[Row]:
    """The same with a quarter of the rows."""
    return versions_of(("v3", "v1", "v2"), *(rmat(QUARTER_SCALE, nonzeros=QUARTER_NONZEROS, seed=s) for s in (0, 1)))


def versions_of(versions: tuple[str, ...], a: Matrix, b: Matrix) -> Iterator[Row]:
    for version in versions:
        yield row("spgemm", load_thread_machine(MACHINE), a, version, version=version, second=b)


def products() -> Iterator[Row]:
    """The competing approaches, where they end in reasonable time."""
    return versions_of(("v3", "outer", "v1", "v2", "inner"), *(rmat(SMALL_SCALE, seed=s) for s in (0, 1)))


def hottiles() -> Iterator[Row]:
    spec = load_thread_machine(MACHINE)
    found = [rmat(13, edge_factor=4), rmat(12), rmat(11, edge_factor=64), rmat(10, edge_factor=128)]
    found += [weights("minilm", "layer0.ffn.in", NMPattern(2, 8)), weights("minilm", "layer0.ffn.in", Unstructured(0.1))]
    for a in found:
        for version in ("mtp", "stp", "both"):
            yield row("spmm", spec, a, version, version=version, width=32)


def hottiles_assumed() -> Iterator[Row]:
    """The same relations where a figure that no public source states is another one."""
    base, a = load_thread_machine(MACHINE), rmat(QUARTER_SCALE)
    for field, values in ASSUMED.items():
        for value in values:
            for version in ("mtp", "stp", "both"):
                spec = base.with_(**{field.replace(".", "__"): value})
                yield {**row("spmm", spec, a, version, version=version, width=32), "field": field, "value": value}


def bandwidth() -> Iterator[Row]:
    spec, a = load_thread_machine(MACHINE), rmat(13)
    for name, version in (("spmm", "mtp"), ("spmv", None), ("pagerank", None), ("gcn", None), ("random-walk", None), ("bfs", None)):
        yield row(name, spec, a, name, version=version)


def slower_dram() -> Iterator[Row]:
    """The third version where the channel, not the pipelines, is what it waits for."""
    base, (a, b) = load_thread_machine(MACHINE), (rmat(SMALL_SCALE, seed=s) for s in (0, 1))
    for cycles in ACCESS_CYCLES:
        spec = base.with_(dram__access_cycles=cycles)
        yield {**row("spgemm", spec, a, "spgemm v3", version="v3", second=b), "access_cycles": cycles}


def scaling() -> Iterator[Row]:
    for name, scales in SCALES.items():
        for kind, scale in zip(("strong", "weak"), scales, strict=True):
            for blocks in BLOCKS:
                a = rmat(scale + (blocks.bit_length() - 1 if kind == "weak" else 0))
                spec = load_thread_machine(MACHINE).with_(blocks=blocks)
                yield row(name, spec, a, f"{name} {kind}", version="mtp" if name == "spmm" else None)


def many() -> Iterator[Row]:
    """As many blocks as there may be, in processes of their own, whose time and memory are measured."""
    for processes in (1, 2):
        words = ["run", "spmv", "--machine", MACHINE, "--rmat", str(SCALE), "--blocks", str(BLOCKS_MAX), "--processes", str(processes)]
        load = os.getloadavg()[0]
        done = run_command(*words, "--json")
        found = json.loads(done.out)
        took = {"processes": processes, "wall_s": done.wall_s, "cpu_s": done.cpu_s, "together_mib": done.together_mib, "load": load}
        run = {"what": " ".join(words), "blocks": BLOCKS_MAX, "threads": sum(p["threads"] for p in found["measures"]["pipelines"])}
        yield {**run, **took, **found["measures"]}


def latency() -> Iterator[Row]:
    base, a = load_thread_machine(MACHINE), rmat(11)
    cycles = base.dram.latency_cycles
    for name in ("spmv", "random-walk"):
        for times in LATENCIES:
            for threads in THREADS:
                spec = base.with_(mtp__threads=threads, dram__latency_cycles=cycles * times, stp__pipelines=0)
                yield {**row(name, spec, a, name), "threads": threads, "latency": times}


SECTIONS: dict[str, Callable[[], Iterator[Row]]] = {
    "smash": smash,
    "smash_quarter": smash_quarter,
    "products": products,
    "hottiles": hottiles,
    "hottiles_assumed": hottiles_assumed,
    "bandwidth": bandwidth,
    "slower_dram": slower_dram,
    "scaling": scaling,
    "many": many,
    "latency": latency,
}


def stamp(cpu_s: float) -> Row:
    places = ("hwsim", "models")
    changed = bool(git("status", "--porcelain", "--", *places))
    v = versions()
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": git("log", "-1", "--format=%h", "--", *places) + (" with changes that are not committed" if changed else ""),
        "python": platform.python_version(),
        "numba": v["numba"],
        "cpu_s": cpu_s,
    }


def main(names: list[str]) -> None:
    odd = [n for n in names if n not in SECTIONS]
    if odd:
        raise SystemExit(f"thread: {odd[0]!r} is no section; use {', '.join(SECTIONS)}")
    for name in names or SECTIONS:
        print(name, file=sys.stderr, flush=True)
        start, rows = spent(), []
        for found in SECTIONS[name]():
            rows.append(found)
            figures = {**known(), name: {"stamp": stamp(spent() - start), "rows": rows}}
            FIGURES.write_text(json.dumps(figures, indent=1) + "\n")
    from benchmarks.thread_page import write_page

    write_page(known(), load_thread_machine(MACHINE))


def known() -> dict[str, Any]:
    """Sections measured so far, in their order."""
    found = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    return {k: found[k] for k in SECTIONS if k in found}

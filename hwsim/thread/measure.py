"""Closes the account of a run."""

from typing import Any

from hwsim.thread_result import CAUSES, COUNTERS, PipelineResult, ThreadResult


def measured(spec: Any, program: str, cycles: int, threads: Any, pipelines: Any, blocks: Any) -> ThreadResult:
    """Closes the account at `cycles`: what has ended has `ended` till then."""
    ended = CAUSES.index("ended")
    rows = []
    for t in threads:
        waits = t["waits"].copy()
        waits[ended] += cycles - int(t["issued"]) - int(waits.sum())
        rows.append((int(t["issued"]), *(int(w) for w in waits)))
    pipes = []
    for i, p in enumerate(pipelines):
        waits = p["waits"].copy()
        waits[ended] += cycles - int(p["count"]) - int(waits.sum())
        kind = "stp" if p["stp"] else "mtp"
        pipes.append(
            PipelineResult(i // spec.pipelines, int(p["number"]), kind, int(p["count"]), dict(zip(CAUSES, map(int, waits), strict=True)))
        )
    counters = tuple(dict(zip(COUNTERS, map(int, b["count"]), strict=True)) for b in blocks)
    notes = (f"{len(spec.assumed)} figures of {spec.name} are assumed, no public source states them",) if spec.assumed else ()
    return ThreadResult(program, spec.name, spec.digest, spec.clock_mhz, cycles, tuple(pipes), tuple(rows), counters, notes)

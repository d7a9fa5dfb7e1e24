"""ThreadResult: what a run of the thread machine measured. Cycles and counts only; prices come in the report."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from hwsim.thread.ops import CAUSES, COUNTERS


@dataclass(frozen=True)
class PipelineResult:
    """issued + the sum of `waits` (cause -> cycles) = cycles of the run."""

    block: int
    number: int
    kind: str
    issued: int
    waits: dict[str, int]


@dataclass(frozen=True)
class ThreadResult:
    """`threads`: [issued, waits in the order of CAUSES] for each thread, adding up to `cycles`; `blocks`: counters of each block."""

    program: str
    machine: str
    digest: str
    clock_mhz: float
    cycles: int
    pipelines: tuple[PipelineResult, ...]
    threads: tuple[tuple[int, ...], ...]
    blocks: tuple[dict[str, int], ...]
    notes: tuple[str, ...] = ()

    @property
    def instructions(self) -> int:
        return sum(p.issued for p in self.pipelines)

    def counter(self, name: str) -> int:
        """Over all blocks."""
        return sum(b[name] for b in self.blocks)

    def waits(self) -> dict[str, int]:
        """Thread cycles by cause, over all threads; `issued` comes first."""
        names = ("issued", *CAUSES)
        return {name: sum(t[i] for t in self.threads) for i, name in enumerate(names)}

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "ThreadResult":
        d: dict[str, Any] = json.loads(text)
        pipelines = tuple(PipelineResult(**p) for p in d.pop("pipelines"))
        threads = tuple(tuple(t) for t in d.pop("threads"))
        return cls(**{**d, "pipelines": pipelines, "threads": threads, "blocks": tuple(d["blocks"]), "notes": tuple(d["notes"])})


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

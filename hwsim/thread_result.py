"""ThreadResult: what a run of the thread machine measured. Cycles and counts only; prices come in the report."""

import json
from dataclasses import asdict, dataclass
from typing import Any

# what a thread waits for; the last is no waiting
CAUSES = (
    "interval", "turn", "arithmetic", "dram", "scratchpad", "cache", "remote", "slots", "fence", "fetch", "dma", "queue", "collective",
    "ended",
)  # fmt: skip
COUNTERS = (
    "dram_read_accesses", "dram_write_accesses", "dram_atomics", "dram_busy_cycles", "scratchpad_read_accesses",
    "scratchpad_write_accesses",
    "scratchpad_atomics", "data_hits", "data_misses", "data_written_back", "fetch_hits", "fetch_misses", "messages", "message_bits",
    "link_busy_cycles", "dma_commands", "dma_elements", "dma_busy_cycles", "queue_operations", "collective_operations", "integer_ops",
    "multiply_ops", "float_ops",
)  # fmt: skip


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

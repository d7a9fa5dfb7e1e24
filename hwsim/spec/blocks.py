"""The table of blocks: one name in spec, model, gates, prices and benches; tests/house hold the sets equal.

`twin`: gates (a component in rtl/), `model-only` (never in gates), or `planned` (the model is written so that gates can follow).
`model`: where the model is when it is folded into another component: a path below hwsim/.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    name: str
    spec: str
    actions: tuple[str, ...]
    twin: str
    model: str = ""

    @property
    def model_path(self) -> str:
        return f"hwsim/{self.model or f'components/{self.name}'}.py"


BLOCKS = (
    Block("link", "link_depth", (), "gates"),
    Block("pe", "pe", ("mac", "gated_mac", "skipped_mac", "padded_mac"), "gates", "components/array"),
    Block("nm_select", "pe", ("select",), "gates", "components/array"),
    Block("array", "array", (), "gates"),
    Block("feed", "levels.act", (), "gates"),
    Block("weight_loader", "levels.weight", (), "gates"),
    Block("accumulator", "levels.acc", (), "gates"),
    Block("buffer", "levels", ("read_bits", "write_bits"), "gates", "values/state"),
    Block("vector", "vector", ("op",), "gates"),
    Block("fetch", "memory", (), "gates"),
    Block("writeback", "memory", (), "gates"),
    Block("sequencer", "sequencer", ("command",), "gates"),
    Block("memory", "memory", ("read_bits", "write_bits"), "model-only"),
)


# The blocks of a thread machine. `actions`: counters of a run (hwsim/thread_result.py) that are the block's.
THREAD_BLOCKS = (
    Block("pipeline", "mtp", ("integer_ops", "multiply_ops", "float_ops"), "planned", "thread/pipeline"),
    Block("scoreboard", "requests_per_thread", (), "planned", "thread/thread"),
    Block("arithmetic", "arithmetic", (), "planned", "thread/integer"),
    Block("floating_point", "arithmetic", (), "planned", "thread/floating"),
    Block("fetch_cache", "fetch_cache", ("fetch_hits", "fetch_misses"), "planned", "thread/cache"),
    Block("data_cache", "data_cache", ("data_hits", "data_misses", "data_written_back"), "planned", "thread/cache"),
    Block(
        "scratchpad",
        "scratchpad",
        ("scratchpad_read_accesses", "scratchpad_write_accesses", "scratchpad_atomics"),
        "planned",
        "thread/memory",
    ),
    Block("dram", "dram", ("dram_read_accesses", "dram_write_accesses", "dram_atomics", "dram_busy_cycles"), "model-only", "thread/memory"),
    Block("router", "network", ("messages", "message_bits", "link_busy_cycles"), "planned", "thread/messages"),
    Block("dma", "dma", ("dma_commands", "dma_elements", "dma_busy_cycles"), "planned", "thread/dma"),
    Block("queue", "queue", ("queue_operations",), "planned", "thread/queues"),
    Block("collective", "collective", ("collective_operations",), "planned", "thread/collective"),
)

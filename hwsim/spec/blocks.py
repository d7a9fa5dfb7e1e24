"""The table of blocks: one name in spec, model, gates, prices and benches; tests/house hold the sets equal.

`twin`: gates (a component in rtl/), `model-only` (never in gates), or `planned` (the model is written so that gates can follow).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    name: str
    spec: str
    actions: tuple[str, ...]
    twin: str


BLOCKS = (
    Block("link", "link_depth", (), "gates"),
    Block("pe", "pe", ("mac", "gated_mac", "skipped_mac", "padded_mac"), "gates"),
    Block("nm_select", "pe", ("select",), "gates"),
    Block("array", "array", (), "gates"),
    Block("feed", "levels.act", (), "planned"),
    Block("weight_loader", "levels.weight", (), "planned"),
    Block("accumulator", "levels.acc", (), "planned"),
    Block("buffer", "levels", ("read_bits", "write_bits"), "planned"),
    Block("vector", "vector", ("op",), "planned"),
    Block("fetch", "memory", (), "planned"),
    Block("writeback", "memory", (), "planned"),
    Block("sequencer", "sequencer", ("command",), "planned"),
    Block("memory", "memory", ("read_bits", "write_bits"), "model-only"),
)

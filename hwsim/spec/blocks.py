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

"""The one row of a Program that has no layers: all its commands, and the products that they ask for."""

import numpy as np

from hwsim.result import WHOLE
from hwsim.spec.commands import OPS, column
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import LayerInfo, Program


def whole(spec: AcceleratorSpec, program: Program) -> LayerInfo:
    """Products are those of the extents in all columns: nobody knows which are a layer's and which pad. No estimate, no needed bits."""
    t = program.table[program.table[:, 0] == OPS.index("compute")]
    f = {x: t[:, column("compute", x)] for x in ("dataflow", "kept", "block_log2", "run", *(f"count_{c}" for c in "qpbsr"))}
    outputs = f["count_q"] * f["count_p"] * f["count_b"] * spec.array.cols
    dense = f["count_s"] * f["count_r"] * f["run"]
    kept = (dense >> f["block_log2"]) * f["kept"]
    patterns = {f"{n}:{1 << log2}" if log2 else "dense" for n, log2 in zip(f["kept"].tolist(), f["block_log2"].tolist(), strict=True)}
    flows = {("ws", "os")[x] for x in f["dataflow"].tolist()}
    macs = int(np.sum(outputs * dense))
    return LayerInfo(
        "program", WHOLE, f"{len(program.words)} commands", 0, len(program.words) - 2, macs, int(np.sum(outputs * kept)), macs, 0,
        _one(patterns) or "dense", _one(flows), 0,
    )  # fmt: skip


def _one(words: set[str]) -> str:
    return "mixed" if len(words) > 1 else next(iter(words), "")

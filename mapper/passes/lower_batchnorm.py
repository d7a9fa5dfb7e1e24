"""A batch norm that could not be folded becomes a depthwise convolution of one tap."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mapper.graph.ir import Graph, Layer


@dataclass(frozen=True)
class LowerBatchnorm:
    """Float networks and `[batch, p, q, channel]` only; others stay. Idempotent."""

    name: ClassVar[str] = "lower-batchnorm"

    def run(self, graph: Graph) -> Graph:
        if graph.scales:
            return graph
        return graph.with_(
            layers=tuple(_lowered(x) if x.kind == "batchnorm" and len(x.shape) == 4 else x for x in graph.layers)
        )


def _lowered(norm: Layer) -> Layer:
    p = {k: np.asarray(v, np.float64) for k, v in norm.params.items()}
    factor = p["gamma"] / np.sqrt(p["variance"] + norm.attrs["epsilon"])
    channels, dtype = norm.shape[-1], norm.params["gamma"].dtype
    params = {
        "weight": factor.reshape(channels, 1, 1, 1).astype(dtype),
        "bias": (p["beta"] - p["mean"] * factor).astype(dtype),
    }
    return norm.with_(
        kind="conv2d", params=params, attrs={"stride": 1, "padding": 0, "dilation": 1, "groups": channels}
    )

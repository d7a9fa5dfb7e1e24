"""Batch norm behind a convolution or linear layer becomes part of its weight and bias."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mapper.graph.ir import Graph, Layer


@dataclass(frozen=True)
class FoldBatchnorm:
    """weight' = weight * gamma / sqrt(variance + epsilon), so the zeros of a pattern stay. Float
    networks only. Idempotent.

    A batch norm whose producer has other users, or is no product, stays; it cannot be compiled
    then.
    """

    name: ClassVar[str] = "fold-batchnorm"

    def run(self, graph: Graph) -> Graph:
        if graph.scales:
            return graph
        made = {x.name: x for x in graph.layers}
        renamed: dict[str, str] = {}
        layers: list[Layer] = []
        for layer in graph.layers:
            layer = layer.with_(inputs=tuple(renamed.get(i, i) for i in layer.inputs))
            source = made.get(layer.inputs[0]) if layer.kind == "batchnorm" else None
            if source is None or not _folds(graph, source):
                layers.append(layer)
                made[layer.name] = layer
                continue
            place = next(i for i, x in enumerate(layers) if x.name == source.name)
            name = layer.name if layer.name in graph.outputs else source.name
            layers[place] = made[name] = _folded(layers[place], layer).with_(name=name)
            renamed[layer.name] = renamed[source.name] = name
        return graph.with_(layers=tuple(layers))


def _folds(graph: Graph, source: Layer) -> bool:
    plain = source.kind in ("conv2d", "linear") and not source.attrs.get("act") and not source.attrs.get("residual")
    return plain and len(graph.users(source.name)) == 1 and source.name not in graph.outputs


def _folded(source: Layer, norm: Layer) -> Layer:
    p = {k: np.asarray(v, np.float64) for k, v in norm.params.items()}
    factor = p["gamma"] / np.sqrt(p["variance"] + norm.attrs["epsilon"])
    weight = source.params["weight"]
    scaled = np.empty_like(weight)  # each product is rounded once, from float64
    np.multiply(weight, factor.reshape(-1, *[1] * (weight.ndim - 1)), out=scaled, casting="same_kind")
    bias = (source.params.get("bias", 0.0) - p["mean"]) * factor + p["beta"]
    return source.with_(
        params=source.params | {"weight": scaled, "bias": bias.astype(weight.dtype)}
    )

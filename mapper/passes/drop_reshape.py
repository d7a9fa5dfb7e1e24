"""Reshapes that change nothing vanish; the others stay in the Graph and cost nothing: memory is
dense, so each is a view.
"""

from dataclasses import dataclass
from typing import ClassVar

from mapper.graph.ir import Graph, Layer


@dataclass(frozen=True)
class DropReshape:
    """Drops reshapes to the shape that is there, and makes one of two in a row. An output of the
    network stays. Idempotent.
    """

    name: ClassVar[str] = "drop-reshape"

    def run(self, graph: Graph) -> Graph:
        made: dict[str, Layer] = {}
        renamed: dict[str, str] = {}
        layers: list[Layer] = []
        for layer in graph.layers:
            layer = layer.with_(inputs=tuple(renamed.get(i, i) for i in layer.inputs))
            if layer.kind == "reshape":
                before = made.get(layer.inputs[0])
                if before is not None and before.kind == "reshape":
                    layer = layer.with_(inputs=before.inputs)
                if layer.shape == _shape(graph, made, layer.inputs[0]) and layer.name not in graph.outputs:
                    renamed[layer.name] = layer.inputs[0]
                    continue
            made[layer.name] = layer
            layers.append(layer)
        read = {i for layer in layers for i in layer.inputs} | set(graph.outputs)
        return graph.with_(layers=tuple(x for x in layers if x.kind != "reshape" or x.name in read))


def _shape(graph: Graph, made: dict[str, Layer], name: str) -> tuple[int, ...]:
    return graph.inputs[name] if name in graph.inputs else made[name].shape

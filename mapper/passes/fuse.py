"""Activations and residual additions move into the layer before them, where the vector unit does
them on the way out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from mapper.graph.ir import Graph, Layer
from mapper.graph.quant_params import is_depthwise

ACTS = ("relu", "relu6", "gelu", "silu")


@dataclass
class State:
    """What has been rewritten so far. `users`: how often a tensor is read; an output of the network
    counts as read once more.
    """

    layers: dict[str, Layer]
    users: dict[str, int]

    def lone(self, tensor: str, kinds: tuple[str, ...]) -> Layer | None:
        """The layer that makes the tensor, where it is of a kind, has no act yet, and only one
        reader.
        """
        layer = self.layers.get(tensor)
        if layer is None or layer.kind not in kinds or layer.attrs.get("act") or self.users[tensor] != 1:
            return None
        return layer


@dataclass(frozen=True)
class Fuse:
    """`add` into the conv2d or linear that makes one of its operands, then relu, relu6, gelu, silu
    into conv2d, linear or add.

    Only where nobody else reads what vanishes. The fused layer keeps the producer's name, unless
    the vanished one is an output of the network. Quantised networks pass unchanged: their scales
    belong to the tensors that they have. Idempotent.
    """

    name: ClassVar[str] = "fuse"

    def run(self, graph: Graph) -> Graph:
        if graph.scales:
            return graph
        for match, merge in ((_residual_source, _with_residual), (_act_source, _with_act)):
            graph = _rewrite(graph, match, merge)
        return graph


Match = Callable[[Layer, State], Layer | None]


def _rewrite(graph: Graph, match: Match, merge: Callable[[Layer, Layer], Layer]) -> Graph:
    renamed: dict[str, str] = {}
    state = State({}, {})
    for name in [*graph.outputs, *(i for layer in graph.layers for i in layer.inputs)]:
        state.users[name] = state.users.get(name, 0) + 1
    for layer in graph.layers:
        layer = layer.with_(inputs=tuple(renamed.get(i, i) for i in layer.inputs))
        source = match(layer, state)
        if source is None:
            state.layers[layer.name] = layer
            continue
        name = layer.name if layer.name in graph.outputs else source.name
        del state.layers[source.name]
        state.layers[name] = merge(source, layer).with_(name=name)
        renamed[layer.name] = name
        state.users[name] = state.users.get(layer.name, 0)
    return graph.with_(layers=tuple(state.layers.values()))


def _residual_source(layer: Layer, state: State) -> Layer | None:
    """Of two candidates the one made later, so that the fused layer waits for nothing that comes
    after it.
    """
    if layer.kind != "add" or layer.inputs[0] == layer.inputs[1]:
        return None
    found = [state.lone(i, ("conv2d", "linear")) for i in layer.inputs]
    fit = [x for x in found if x is not None and not x.attrs.get("residual") and not is_depthwise(x)]
    order = list(state.layers)
    return max(fit, key=lambda x: order.index(x.name), default=None)


def _with_residual(source: Layer, add: Layer) -> Layer:
    other = add.inputs[1 - add.inputs.index(source.name)]
    return source.with_(inputs=(*source.inputs, other), attrs=source.attrs | add.attrs | {"residual": True})


def _act_source(layer: Layer, state: State) -> Layer | None:
    return state.lone(layer.inputs[0], ("conv2d", "linear", "add")) if layer.kind in ACTS else None


def _with_act(source: Layer, act: Layer) -> Layer:
    return source.with_(attrs=source.attrs | {"act": act.kind})

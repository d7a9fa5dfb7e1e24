"""Graph: a network as the mapper reads it: tensors, and layers in topological order.

Activations are `[batch, p, q, channel]` for convolutions and `[row, channel]` for linear layers (rows = batch * sequence).
Text form: one line a layer, `name = kind(inputs) attribute=value ... : shape`.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hwsim.spec.errors import GraphError

Array = np.ndarray[Any, Any]

# kind -> (number of inputs, parameter names, attribute names)
KINDS: dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    # weight [N, C, R, S]; out [B, P, Q, N]
    "conv2d": (1, ("weight", "bias"), ("stride", "padding", "dilation", "groups")),
    # weight [N, K]; in [rows, K]; out [rows, N]; transposed writes [B, N, seq] instead (a mapper's choice, not the user's)
    "linear": (1, ("weight", "bias"), ()),
    # q [B*seq, H*d] x k [B*seq, H*d] -> [B, H, seq, seq], times `scale`
    "scores": (2, (), ("heads", "batch", "scale")),
    # p [B, H, seq, seq] x v [B*seq, H*d] -> [B*seq, H*d]
    "context": (2, (), ("heads", "batch")),
    # a [B, M, K] x b [B, K, N] -> [B, M, N]
    "matmul": (2, (), ()),
    "add": (2, (), ()),
    "relu": (1, (), ()),
    "relu6": (1, (), ()),
    "gelu": (1, (), ()),
    "silu": (1, (), ()),
    # over the last rank; `mask` [B, seq] additive (0 or a large negative number), broadcast over heads and rows
    "softmax": (1, ("mask",), ()),
    # over the last rank
    "layernorm": (1, ("gamma", "beta"), ("epsilon",)),
    # over the channel, folded into the layer before by a pass
    "batchnorm": (1, ("gamma", "beta", "mean", "variance"), ("epsilon",)),
    "maxpool": (1, (), ("kernel", "stride", "padding")),
    # padding counts as zeros never: average over the elements inside
    "avgpool": (1, (), ("kernel", "stride", "padding")),
    # [B, P, Q, C] -> [B, P*Q*C] (channel innermost) or any shape of the same size
    "reshape": (1, (), ("shape",)),
    # host side; ids [rows] int -> [rows, channel]
    "embedding": (1, ("table",), ()),
}


@dataclass(frozen=True)
class Layer:
    """`pattern`: (kept, block) of the weight along K, (1, 1) dense.

    Fused layers (conv2d, linear, add): attrs `act` (relu, relu6, gelu, silu) and `residual` (True: the last input is added before act).
    Quantised layers: weight int8, params `weight_scale` [N] float64, bias int32 in steps of input scale * weight scale.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    params: dict[str, Array] = field(default_factory=dict, compare=False)
    attrs: dict[str, Any] = field(default_factory=dict)
    pattern: tuple[int, int] = (1, 1)

    def with_(self, **changes: Any) -> "Layer":
        return replace(self, **changes)


@dataclass(frozen=True)
class Graph:
    """`inputs`: name -> shape. `scales`: tensor name -> real value of one int8 step, empty for a float
    network (an input or a layer's output has the name of its layer). Outputs are tensor names."""

    name: str
    inputs: dict[str, tuple[int, ...]]
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    scales: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        seen = dict(self.inputs)
        for layer in self.layers:
            where = f"{self.name}.{layer.name}"
            if layer.kind not in KINDS:
                raise GraphError(f"{where}: kind {layer.kind!r} is unknown; use {', '.join(KINDS)}")
            if layer.name in seen:
                raise GraphError(f"{where}: the name is taken; names of layers and inputs are unique")
            arity = KINDS[layer.kind][0] + bool(layer.attrs.get("residual"))
            if len(layer.inputs) != arity:
                raise GraphError(f"{where}: {layer.kind} takes {arity} inputs, {len(layer.inputs)} are given")
            for name in layer.inputs:
                if name not in seen:
                    raise GraphError(f"{where}: input {name!r} is not made before; order the layers topologically")
            seen[layer.name] = layer.shape
        for name in self.outputs:
            if name not in seen:
                raise GraphError(f"{self.name}: output {name!r} is made by no layer; it has {', '.join(list(seen)[-3:])}")

    def shape(self, tensor: str) -> tuple[int, ...]:
        return self.inputs[tensor] if tensor in self.inputs else self.layer(tensor).shape

    def layer(self, name: str) -> Layer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise GraphError(f"{self.name}: no layer {name!r}; it has {', '.join(x.name for x in self.layers[:5])}, ...")

    def users(self, tensor: str) -> list[Layer]:
        return [x for x in self.layers if tensor in x.inputs]

    def with_(self, **changes: Any) -> "Graph":
        return replace(self, **changes)

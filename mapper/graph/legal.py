"""What is legal in a Graph: shapes, attributes, parameters, patterns, scales."""

from math import isfinite
from typing import Any

import numpy as np

from hwsim.spec.errors import GraphError
from mapper.graph.ir import KINDS, Array, Graph, Layer
from mapper.graph.quant_params import is_depthwise
from mapper.graph.shapes import infer_shape

__all__ = ["check", "infer_shape", "pattern_rows"]

ACTS = ("relu", "relu6", "gelu", "silu")
FUSED = ("conv2d", "linear", "add")  # may carry `act`
WEIGHTED = ("conv2d", "linear")  # may carry `residual`, `weight_scale` and a pattern


def check(graph: Graph) -> None:
    """GraphError at the first layer that is not legal; names the graph and the layer."""
    shapes = dict(graph.inputs)
    for layer in graph.layers:
        try:
            _check_words(layer)
            shape = infer_shape(layer, [shapes[x] for x in layer.inputs])
            if shape != layer.shape:
                raise GraphError(
                    f"{layer.name}: its inputs make {list(shape)}, it says {list(layer.shape)}; correct the shape"
                )
            _check_residual(layer)
            _check_pattern(layer)
        except GraphError as fault:
            raise GraphError(f"{graph.name}.{fault}") from None
        shapes[layer.name] = shape
    _check_scales(graph)


def _check_words(layer: Layer) -> None:
    _, params, attrs = KINDS[layer.kind]
    params = params + (("weight_scale",) if layer.kind in WEIGHTED else ())
    attrs = (
        attrs
        + (("act", "pre_scale") if layer.kind in FUSED else ())
        + (("residual",) if layer.kind in WEIGHTED else ())
    )
    for what, known, given in (
        ("parameter", params, layer.params),
        ("attribute", attrs, layer.attrs),
    ):
        for name in given:
            if name not in known:
                raise GraphError(
                    f"{layer.name}: {layer.kind} has no {what} {name!r}; it has {', '.join(known) or 'none'}"
                )
    act: Any = layer.attrs.get("act")
    if act is not None and act not in ACTS:
        raise GraphError(f"{layer.name}: act is {act!r}; use {', '.join(ACTS)}")


def _check_residual(layer: Layer) -> None:
    if layer.attrs.get("residual") and is_depthwise(layer):
        raise GraphError(
            f"{layer.name}: a depthwise convolution adds no residual; put an add layer behind it"
        )


def pattern_rows(layer: Layer) -> Array:
    """The weight as [rows, K] with K innermost and contiguous for a block: the channel of one (r, s) for a convolution."""
    weight = layer.params["weight"]
    planes: Array = weight if weight.ndim == 2 else weight.transpose(0, 2, 3, 1)
    return planes.reshape(-1, weight.shape[1])


def _check_pattern(layer: Layer) -> None:
    kept, block = layer.pattern
    if not 1 <= kept <= block <= 32 or block & (block - 1):
        raise GraphError(
            f"{layer.name}: pattern {kept}:{block} is unknown; keep 1 to block of a block of 1, 2, 4, 8, 16 or 32"
        )
    if kept == block:
        return
    if layer.kind not in WEIGHTED:
        raise GraphError(
            f"{layer.name}: {layer.kind} has no weight to keep {kept}:{block} of; use 1:1"
        )
    rows = pattern_rows(layer) != 0
    short = -rows.shape[1] % block
    most = int(
        np.pad(rows, ((0, 0), (0, short)))
        .reshape(len(rows), -1, block)
        .sum(axis=2, dtype=np.int8)
        .max()
    )
    if most > kept:
        raise GraphError(
            f"{layer.name}: a block keeps {most} weights, the pattern is {kept}:{block}; prune it or change the pattern"
        )


def _check_scales(graph: Graph) -> None:
    if not graph.scales:
        return
    known = {*graph.inputs, *(x.name for x in graph.layers)}
    for name, scale in graph.scales.items():
        if name not in known or not isfinite(scale) or scale <= 0:
            raise GraphError(
                f"{graph.name}: scale {scale} of {name!r}; give a positive number for an input or a layer"
            )
    ids = {x.inputs[0] for x in graph.layers if x.kind == "embedding"}
    for name in sorted(known - ids - set(graph.scales)):
        raise GraphError(
            f"{graph.name}.{name}: a quantised network has no scale for it; calibrate again"
        )

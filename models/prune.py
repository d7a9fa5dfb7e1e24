"""Pruning by magnitude, really: weights become zero. To N:M along the reduced rank, to blocks, or unstructured.

Blocks of N:M lie along K of a linear layer, and along C inside one (r, s) of a convolution. A rank that is no multiple of M has
a last, shorter block, which keeps up to N too (the mapper pads it on chip); a rank below M is left dense, since padding would
cost more cycles than the pattern saves. Convolutions that read the picture and depthwise ones stay dense.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from hwsim.spec.errors import GraphError
from hwsim.spec.patterns import NMPattern
from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.quant_params import is_depthwise

WEIGHTED = ("conv2d", "linear")


@dataclass(frozen=True)
class Blocks:
    """Keeps the fraction `density` of the blocks `rows` x `cols` of each weight [N, K] with the largest root mean square.
    K of a convolution runs (r, s, c), c innermost; blocks at the border may be smaller."""

    rows: int
    cols: int
    density: float

    def __post_init__(self) -> None:
        if self.rows < 1 or self.cols < 1:
            raise GraphError(f"blocks: {self.rows} x {self.cols}; give 1 or more rows and columns")
        _check_density("blocks", self.density)

    def __str__(self) -> str:
        return f"blocks {self.rows}x{self.cols} at {self.density:g}"


@dataclass(frozen=True)
class Unstructured:
    """Keeps the fraction `density` of the largest weights: of each layer, or of all layers together (`over_network`)."""

    density: float
    over_network: bool = False

    def __post_init__(self) -> None:
        _check_density("unstructured", self.density)

    def __str__(self) -> str:
        return f"unstructured at {self.density:g}{' over the network' if self.over_network else ''}"


How = NMPattern | Blocks | Unstructured


@dataclass(frozen=True)
class PrunedLayer:
    """`energy`: sum of squares kept, as a fraction. `dense_because`: empty where the layer was pruned."""

    name: str
    kind: str
    shape: tuple[int, ...]
    weights: int
    kept: int
    energy: float
    dense_because: str


@dataclass(frozen=True)
class Pruned:
    graph: Graph
    how: How
    layers: tuple[PrunedLayer, ...]

    @property
    def density(self) -> float:
        """Of the weights of all layers, those left dense included."""
        return sum(x.kept for x in self.layers) / max(1, sum(x.weights for x in self.layers))

    def text(self) -> str:
        head = f"{'layer':32} {'weight':>20} {'kept':>10} {'density':>8} {'energy':>7}  {self.how}"
        rows = (
            f"{x.name:32} {'x'.join(map(str, x.shape)):>20} {x.kept:10} "
            f"{x.kept / x.weights:8.3f} {x.energy:7.3f}  {x.dense_because}"
            for x in self.layers
        )
        return "\n".join(line.rstrip() for line in (head, *rows)) + "\n"


def prune(graph: Graph, how: How, leave_dense: Sequence[str] = ()) -> Graph:
    """`leave_dense`: globs of layer names."""
    return prune_with_table(graph, how, leave_dense).graph


def prune_with_table(graph: Graph, how: How, leave_dense: Sequence[str] = ()) -> Pruned:
    """Layers keep their name, shape and type; N:M layers get their `pattern`."""
    weighted = [x for x in graph.layers if x.kind in WEIGHTED]
    for glob in leave_dense:
        if not any(fnmatchcase(x.name, glob) for x in weighted):
            known = ", ".join(x.name for x in weighted[:5])
            raise GraphError(
                f"leave_dense: no layer with weights matches {glob!r}; {graph.name} has {known}, ..."
            )
    why = {x.name: _dense_because(graph, x, how, leave_dense) for x in weighted}
    threshold = None
    if isinstance(how, Unstructured) and how.over_network:
        threshold = _threshold([x for x in weighted if not why[x.name]], how.density)
    layers, rows = [], []
    for layer in graph.layers:
        if layer.kind in WEIGHTED:
            before = layer.params["weight"]
            if not why[layer.name]:
                layer = _pruned(layer, how, threshold)
            rows.append(_row(layer, before, why[layer.name]))
        layers.append(layer)
    return Pruned(graph.with_(layers=tuple(layers)), how, tuple(rows))


def _check_density(where: str, density: float) -> None:
    if not 0 < density <= 1:
        raise GraphError(f"{where}: density is {density}; give a fraction above 0, up to 1")


def _dense_because(graph: Graph, layer: Layer, how: How, leave_dense: Sequence[str]) -> str:
    if any(fnmatchcase(layer.name, glob) for glob in leave_dense):
        return "named in leave_dense"
    if is_depthwise(layer):
        return "depthwise"
    if layer.kind == "conv2d" and layer.inputs[0] in graph.inputs:
        return "first convolution"
    reduced = layer.params["weight"].shape[1]
    if isinstance(how, NMPattern) and reduced < how.block:
        return (
            f"{'C' if layer.kind == 'conv2d' else 'K'} is {reduced}, below a block of {how.block}"
        )
    return ""


def _pruned(layer: Layer, how: How, threshold: float | None) -> Layer:
    weight = layer.params["weight"]
    if isinstance(how, NMPattern):
        kept, pattern = how.select(weight, axis=1), (how.kept, how.block)
        layer = layer.with_(pattern=(1, 1) if how.is_dense else pattern)
    elif isinstance(how, Blocks):
        kept = _block_mask(weight, how)
    elif threshold is not None:
        kept = _magnitude(weight) >= threshold
    else:
        kept = _largest(_magnitude(weight), how.density)
    zero = np.zeros((), weight.dtype)
    return layer.with_(params={**layer.params, "weight": np.where(kept, weight, zero)})


def _magnitude(weight: Array) -> Array:
    """Of int8 in int16: -128 has no positive twin."""
    return np.abs(weight if weight.dtype.kind == "f" else weight.astype(np.int16))


def _largest(values: Array, density: float) -> Array:
    """Mask of exactly round(density * size) entries, at least one; of equal ones the first win."""
    count = max(1, round(density * values.size))
    order = np.argsort(-values, axis=None, kind="stable")[:count]
    mask = np.zeros(values.size, bool)
    mask[order] = True
    return mask.reshape(values.shape)


def _threshold(layers: list[Layer], density: float) -> float:
    """The smallest magnitude that stays, over all layers."""
    every = np.concatenate(
        [_magnitude(x.params["weight"]).ravel() for x in layers] or [np.zeros(1)]
    )
    at = every.size - max(1, round(density * every.size))
    return float(np.partition(every, at)[at])


def _block_mask(weight: Array, how: Blocks) -> Array:
    flat = weight if weight.ndim == 2 else weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)
    rows, cols = (np.arange(0, n, s) for n, s in zip(flat.shape, (how.rows, how.cols), strict=True))
    squares = np.add.reduceat(np.add.reduceat(np.square(flat, dtype=np.float64), rows, 0), cols, 1)
    sizes = np.diff([*rows, len(flat)])[:, None] * np.diff([*cols, flat.shape[1]])
    kept = _largest(squares / sizes, how.density)
    mask = np.repeat(np.repeat(kept, how.rows, 0)[: len(flat)], how.cols, 1)[:, : flat.shape[1]]
    if weight.ndim == 2:
        return mask
    n, c, r, s = weight.shape
    return mask.reshape(n, r, s, c).transpose(0, 3, 1, 2)


def _row(layer: Layer, before: Array, why: str) -> PrunedLayer:
    weight = layer.params["weight"]
    whole, left = (float(np.square(w, dtype=np.float64).sum()) for w in (before, weight))
    return PrunedLayer(
        layer.name,
        layer.kind,
        weight.shape,
        weight.size,
        int(np.count_nonzero(weight)),
        left / whole if whole else 1.0,
        why,
    )

"""The Graph as it grows while an ONNX file is read: layers, and how a view becomes the tensor that a layer wants."""

from collections import Counter
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Layer
from mapper.graph.legal import infer_shape
from mapper.graph.windows import Window
from models.onnx_view import REMEDY, Mask, Shape, Step, Value, View, canon, dense

LARGEST = 1 << 34  # elements of a tensor
LARGEST_PICTURE = 1 << 24  # pixels
LARGEST_VECTOR = 1 << 24  # elements of a parameter that is made here
WINDOWED = ("conv2d", "maxpool", "avgpool")


@dataclass(frozen=True)
class Node:
    op: str
    title: str
    inputs: tuple[Value | None, ...]
    outputs: tuple[str, ...]
    attrs: dict[str, Any]
    opset: int

    def fault(self, why: str, remedy: str) -> GraphError:
        return GraphError(f"node {self.title} ({self.op}): {why}; {remedy}")

    def unread(self, why: str) -> GraphError:
        return self.fault(why, REMEDY)

    def small(self, extent: int) -> int:
        """Of a vector that is made here."""
        if extent > LARGEST_VECTOR:
            raise self.fault(f"it works on {extent} channels", f"at most {LARGEST_VECTOR} are read")
        return extent

    def value(self, i: int) -> Value:
        x = self.inputs[i] if i < len(self.inputs) else None
        if x is None:
            raise self.fault(f"input {i} is missing", "the file is broken, export it again")
        return x

    def view(self, i: int = 0) -> View:
        x = self.value(i)
        if isinstance(x, View):
            return x
        if isinstance(x, Step):
            raise self.unread(f"it reads the {x.what} of {x.of.name} by itself")
        if isinstance(x, Mask):
            raise self.unread("it reads an attention mask otherwise than by adding it to scores")
        raise self.unread(f"input {i} is a constant")

    def array(self, i: int) -> Array | None:
        """None where it is left out."""
        x = self.inputs[i] if i < len(self.inputs) else None
        if x is None or isinstance(x, np.ndarray):
            return x
        raise self.unread(f"input {i} is not a constant")

    def floats(self, i: int) -> Array | None:
        """As `array`, float32 and finite."""
        x = self.array(i)
        if x is None:
            return None
        with np.errstate(all="ignore"):
            x = np.ascontiguousarray(x, np.float32)
        if not np.isfinite(x).all():
            raise self.fault(
                f"input {i} holds values that are not finite", "train or export it again"
            )
        return x


class Reader:
    def __init__(self, uses: Counter[str]) -> None:
        self.uses = uses
        self.inputs: dict[str, Shape] = {}
        self.layers: dict[str, Layer] = {}
        self.hosted: set[str] = set()  # inputs that stand for sums of embeddings, made by the host
        self._shaped: dict[tuple[str, Shape], str] = {}

    def shape(self, name: str) -> Shape:
        return self.inputs[name] if name in self.inputs else self.layers[name].shape

    def emit(
        self,
        node: Node,
        kind: str,
        inputs: tuple[str, ...],
        params: dict[str, Array] | None = None,
        attrs: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> str:
        name = free = name or node.title
        while free in self.layers or free in self.inputs:
            free += "_"
        layer = Layer(free, kind, inputs, (), params or {}, attrs or {})
        shapes = [self.shape(x) for x in inputs]
        if kind in WINDOWED:
            _check_window(node, layer, shapes[0])
        shape = infer_shape(layer, shapes)
        if prod(shape) > LARGEST:
            raise node.fault(f"it makes {list(shape)}", f"at most {LARGEST} elements are read")
        self.layers[free] = layer.with_(shape=shape)
        return free

    def made(self, node: Node, name: str, shape: Shape) -> View:
        """What a layer has made, last rank innermost."""
        return View(name, dense(shape), shape, self.uses[node.outputs[0]] == 1)

    def of_host(self, name: str) -> bool:
        """Whether a tensor is made of table lookups and their sums alone."""
        layer = self.layers.get(name)
        if layer is None:
            return name in self.hosted
        return layer.kind == "embedding" or (
            layer.kind == "add" and all(map(self.of_host, layer.inputs))
        )

    def host_sum(self, node: Node, view: View) -> View:
        """An input in its place."""
        name = f"embeddings{len(self.hosted) or ''}"
        while name in self.layers or name in self.inputs:
            name += "_"
        self.hosted.add(name)
        self.inputs[name] = self.shape(view.name)
        return replace(view, name=name, sole=self.uses[node.outputs[0]] == 1)

    def again(self, node: Node, view: View) -> View:
        """The same tensor under the name of the node's output."""
        return replace(view, sole=view.sole and self.uses[node.outputs[0]] == 1)

    def like(self, node: Node, kind: str, view: View) -> View:
        """A layer that works element by element."""
        view = self.plain(node, view)
        name = self.emit(node, kind, (view.name,))
        return replace(view, name=name, sole=self.uses[node.outputs[0]] == 1)

    def shaped(self, node: Node, view: View, shape: Shape) -> str:
        """The view's tensor under another shape; memory order stays."""
        name = view.name
        if self.shape(name) == shape:
            return name
        if (name, shape) not in self._shaped:
            new = self.emit(
                node, "reshape", (name,), {}, {"shape": shape}, view.label or f"{name}/reshape"
            )
            self._shaped[name, shape] = new
        return self._shaped[name, shape]

    def rows(self, node: Node, view: View) -> tuple[str, Array | None]:
        """As [rows, K]; and, where the view has the elements of a row in another order, where each one lies."""
        k = view.shape[-1]
        lead, last = canon(f for axis in view.axes[:-1] for f in axis), view.axes[-1]
        if lead != canon([(view.size // k, k)]):
            raise node.unread("a Transpose before it moves data between rows")
        name = self.shaped(node, view, (view.size // k, k))
        if last == canon([(k, 1)]):
            return name, None
        place = np.zeros(1, np.int64)
        for extent, stride in last:
            place = (place[:, None] + np.arange(extent) * stride).reshape(-1)
        return name, place

    def picture(self, node: Node, view: View) -> str:
        """As [B, P, Q, C], of NCHW."""
        if len(view.shape) != 4:
            raise node.unread(f"its input has {len(view.shape)} ranks; only pictures of 4 are read")
        batch, depth, height, width = view.shape
        if view.axes != nchw_axes((batch, height, width, depth)):
            raise node.unread("a Transpose before it moves data between channels and pixels")
        return self.shaped(node, view, (batch, height, width, depth))

    def picture_made(self, node: Node, name: str) -> View:
        batch, height, width, depth = self.shape(name)
        shape = (batch, depth, height, width)
        axes = nchw_axes((batch, height, width, depth))
        return View(name, axes, shape, self.uses[node.outputs[0]] == 1)

    def plain(self, node: Node, view: View) -> View:
        """Without a factor that waits."""
        if view.mask is not None:
            raise node.unread("a mask is added to what no Softmax reads")
        if view.scale == 1:
            return view
        return self.affine(node, replace(view, scale=1.0), np.full(1, view.scale, np.float32), None)

    def affine(self, node: Node, view: View, mul: Array | None, add: Array | None) -> View:
        """`mul`, `add`: [channels] or [1]. In the layer before where nothing else reads that, else a batch norm."""
        channels = node.small(self.shape(view.name)[-1])
        layer = self.layers.get(view.name)
        factor = np.broadcast_to(np.float32(1) if mul is None else mul, (channels,)).astype(
            np.float32
        )
        shift = np.broadcast_to(np.float32(0) if add is None else add, (channels,)).astype(
            np.float32
        )
        if layer is not None and view.sole:
            if layer.kind in ("conv2d", "linear", "layernorm", "batchnorm"):
                self.layers[layer.name] = _scaled(layer, factor, shift)
                return view
            if layer.kind == "scores" and add is None and mul is not None and mul.size == 1:
                scale = float(layer.attrs["scale"]) * float(mul[0])
                self.layers[layer.name] = layer.with_(attrs=layer.attrs | {"scale": scale})
                return view
        params = {
            "gamma": factor,
            "beta": shift,
            "mean": np.zeros_like(shift),
            "variance": np.ones_like(shift),
        }
        name = self.emit(node, "batchnorm", (view.name,), params, {"epsilon": 0.0})
        return replace(view, name=name)


def nchw_axes(shape: Shape) -> tuple[Any, ...]:
    """Of a tensor [B, P, Q, C], read as B, C, P, Q."""
    b, p, q, c = dense(shape)
    return (b, c, p, q)


def _scaled(layer: Layer, factor: Array, shift: Array) -> Layer:
    params = dict(layer.params)
    if layer.kind in ("layernorm", "batchnorm"):
        params["gamma"] = params["gamma"] * factor
        params["beta"] = params["beta"] * factor + shift
        return layer.with_(params=params)
    if (factor != 1).any():
        weight = params["weight"]
        params["weight"] = weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
    if "bias" in params or shift.any():
        params["bias"] = params.get("bias", np.zeros_like(shift)) * factor + shift
    return layer.with_(params=params)


def _check_window(node: Node, layer: Layer, shape: Shape) -> None:
    """What would take for ever to look at is refused before."""
    window = Window.of(layer)
    weight = layer.params.get("weight")
    if weight is not None and weight.ndim != 4:
        return
    pads, (height, width) = window.pads, shape[1:3]
    picture = (height + pads[0] + pads[2]) * (width + pads[1] + pads[3])
    p, q = window.extents(height, width)
    walk = max(p, 0) * max(q, 0) * (prod(window.kernel) if weight is None else 1)
    if picture > LARGEST_PICTURE or walk > LARGEST_PICTURE * 16:
        raise node.fault(
            f"a window of {list(window.kernel)} over {height} x {width} pixels, padded by {list(pads)}",
            f"at most {LARGEST_PICTURE} pixels are read",
        )

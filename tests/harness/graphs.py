"""Small seeded networks with one layer of every kind, float and quantised."""

from typing import Any

import numpy as np

from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.shapes import infer_shape


class Net:
    """Adds layers in order; shapes are inferred."""

    def __init__(self, seed: int = 0, **inputs: tuple[int, ...]) -> None:
        self.rng, self.inputs, self.layers = np.random.default_rng(seed), inputs, list[Layer]()
        self.shapes: dict[str, tuple[int, ...]] = dict(inputs)

    def normal(self, *shape: int, spread: float = 1.0) -> Array:
        return (self.rng.normal(size=shape) * spread).astype(np.float32)

    def add(self, name: str, kind: str, *inputs: str, params: dict[str, Array] | None = None, pattern: Any = (1, 1), **attrs: Any) -> str:
        layer = Layer(name, kind, inputs, (), params or {}, attrs, pattern)
        layer = layer.with_(shape=infer_shape(layer, [self.shapes[x] for x in inputs]))
        self.layers.append(layer)
        self.shapes[name] = layer.shape
        return name

    def graph(self, *outputs: str, scales: dict[str, float] | None = None) -> Graph:
        return Graph("net", self.inputs, tuple(self.layers), outputs or (self.layers[-1].name,), scales or {})


def convolutional(seed: int = 0) -> Graph:
    net = Net(seed, x=(2, 9, 9, 3))
    net.add("c1", "conv2d", "x", params={"weight": net.normal(8, 3, 3, 3), "bias": net.normal(8)}, act="relu", padding=1)
    net.add("pool", "maxpool", "c1", kernel=3, stride=2, padding=1)
    net.add("c2", "conv2d", "pool", "pool", params={"weight": net.normal(8, 4, 3, 3)}, padding=1, groups=2, residual=True)
    net.add("dw", "conv2d", "c2", params={"weight": net.normal(8, 1, 3, 3), "bias": net.normal(8)}, padding=1, groups=8, act="relu6")
    names = ("gamma", "beta", "mean")
    net.add("bn", "batchnorm", "dw", params={n: net.normal(8) for n in names} | {"variance": abs(net.normal(8)) + 0.5}, epsilon=1e-5)
    net.add("silu", "silu", "bn")
    net.add("avg", "avgpool", "silu", kernel=2, stride=2, padding=1)
    net.add("flat", "reshape", "avg", shape=(2, 72))
    net.add("fc", "linear", "flat", params={"weight": net.normal(10, 72, spread=0.1), "bias": net.normal(10)}, act="gelu")
    return net.graph()


def attention(seed: int = 0) -> Graph:
    net = Net(seed, ids=(12,))
    net.add("e", "embedding", "ids", params={"table": net.normal(20, 16)})
    net.add("norm", "layernorm", "e", params={"gamma": 1 + net.normal(16) / 4, "beta": net.normal(16)}, epsilon=1e-5)
    for name in "qkv":
        net.add(name, "linear", "norm", params={"weight": net.normal(16, 16, spread=0.3), "bias": net.normal(16)})
    net.add("s", "scores", "q", "k", heads=4, batch=2, scale=0.5)
    mask = np.zeros((2, 6), np.float32)
    mask[1, 4:] = -10000
    net.add("p", "softmax", "s", params={"mask": mask})
    net.add("c", "context", "p", "v", heads=4, batch=2)
    net.add("sum", "add", "c", "norm", act="relu")
    net.add("r6", "relu6", "sum")
    net.add("cube", "reshape", "r6", shape=(2, 6, 16))
    net.add("tall", "reshape", "sum", shape=(2, 16, 6))
    net.add("mm", "matmul", "cube", "tall")
    net.add("act", "gelu", "mm")
    net.add("last", "relu", "act")
    return net.graph()


def quantised(graph: Graph, tensors: dict[str, Array]) -> Graph:
    """By the largest value of a float run: a plain quantiser, good enough to run every layer. No batchnorm."""
    scales = {name: max(float(np.abs(x).max()), 1e-3) / 127 for name, x in tensors.items()}
    layers = []
    for layer in graph.layers:
        if layer.kind == "softmax":
            scales[layer.name] = 1 / 127
        if layer.kind in ("maxpool", "reshape"):
            scales[layer.name] = scales[layer.inputs[0]]
        act = layer.attrs.get("act", layer.kind)
        if act == "relu6":
            scales[layer.name] = min(scales[layer.name], 6 / 127)
        if layer.attrs.get("act") in ("gelu", "silu"):
            layer = layer.with_(attrs={**layer.attrs, "pre_scale": 2 * scales[layer.name]})
        weight = layer.params.get("weight")
        if weight is not None:
            step = np.abs(weight.reshape(len(weight), -1)).max(axis=1) / 127
            whole = np.rint(weight / step.reshape(-1, *(1,) * (weight.ndim - 1))).astype(np.int8)
            params: dict[str, Array] = {"weight": whole, "weight_scale": step.astype(np.float64)}
            if "bias" in layer.params:
                unit = step * scales[layer.inputs[0]]
                params["bias"] = np.rint(layer.params["bias"] / unit).astype(np.int32)
            layer = layer.with_(params=params)
        layers.append(layer)
    return graph.with_(layers=tuple(layers), scales=scales)


def without(graph: Graph, kind: str) -> Graph:
    """Layers of the kind left out, their input taken instead."""
    swap = {x.name: x.inputs[0] for x in graph.layers if x.kind == kind}
    kept = [x.with_(inputs=tuple(swap.get(n, n) for n in x.inputs)) for x in graph.layers if x.kind != kind]
    return graph.with_(layers=tuple(kept))

"""Writes a Graph layer by layer, with seeded weights; what the networks of the zoo have in common."""

import zlib
from typing import Any

import numpy as np

from mapper.graph.ir import Array, Graph, Layer


class Builder:
    """Every layer method returns the tensor it makes. Weights depend on seed and layer name alone.

    Spread of the weights: 2/K (He et al. 2015, arXiv:1502.01852) in front of a ReLU, 1/K elsewhere.
    """

    def __init__(self, name: str, seed: int, inputs: dict[str, tuple[int, ...]]) -> None:
        self.name, self.seed = name, seed
        self.inputs, self.layers = dict(inputs), list[Layer]()
        self._shapes = dict(inputs)

    def graph(self) -> Graph:
        return Graph(self.name, self.inputs, tuple(self.layers), (self.layers[-1].name,))

    def shape(self, x: str) -> tuple[int, ...]:
        return self._shapes[x]

    def random(self, layer: str) -> np.random.Generator:
        return np.random.Generator(np.random.SFC64([self.seed, zlib.crc32(layer.encode())]))

    def emit(
        self,
        name: str,
        kind: str,
        inputs: tuple[str, ...],
        shape: tuple[int, ...],
        params: dict[str, Array] | None = None,
        attrs: dict[str, Any] | None = None,
    ) -> str:
        self.layers.append(Layer(name, kind, inputs, shape, params or {}, attrs or {}))
        self._shapes[name] = shape
        return name

    def conv(
        self,
        name: str,
        x: str,
        channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        bias: bool = False,
    ) -> str:
        batch, height, width, depth = self.shape(x)
        out = [(n + 2 * padding - kernel) // stride + 1 for n in (height, width)]
        shape = (channels, depth // groups, kernel, kernel)
        random = self.random(name)
        params = {"weight": normal(random, shape, 2 / (shape[1] * kernel * kernel))}
        if bias:
            params["bias"] = normal(random, (channels,), 1e-4)
        attrs = {"stride": stride, "padding": padding, "dilation": 1, "groups": groups}
        return self.emit(name, "conv2d", (x,), (batch, *out, channels), params, attrs)

    def batchnorm(self, name: str, x: str, gain: float = 1.0) -> str:
        """As after training: spread of a few per cent about mean 0, variance 1 and `gain`."""
        shape = self.shape(x)
        random = self.random(name)

        def near(middle: float) -> Array:
            return np.float32(middle) * (0.9 + 0.2 * random.random(shape[-1:], np.float32))

        params = {
            "gamma": near(gain),
            "beta": normal(random, shape[-1:], 0.01),
            "mean": normal(random, shape[-1:], 0.01),
            "variance": near(1.0),
        }
        return self.emit(name, "batchnorm", (x,), shape, params, {"epsilon": 1e-5})

    def linear(self, name: str, x: str, channels: int, gain: float = 1.0) -> str:
        rows, depth = self.shape(x)
        random = self.random(name)
        params = {
            "weight": normal(random, (channels, depth), gain / depth),
            "bias": normal(random, (channels,), 1e-4),
        }
        return self.emit(name, "linear", (x,), (rows, channels), params)

    def layernorm(self, name: str, x: str, epsilon: float) -> str:
        params = self.norm_params(name, x)
        return self.emit(name, "layernorm", (x,), self.shape(x), params, {"epsilon": epsilon})

    def norm_params(self, name: str, x: str) -> dict[str, Array]:
        random, width = self.random(name), self.shape(x)[-1:]
        gamma = 0.9 + 0.2 * random.random(width, np.float32)
        return {"gamma": gamma, "beta": normal(random, width, 1e-4)}

    def same(self, name: str, kind: str, *inputs: str) -> str:
        return self.emit(name, kind, inputs, self.shape(inputs[0]))

    def pool(self, name: str, kind: str, x: str, kernel: int, stride: int, padding: int = 0) -> str:
        batch, height, width, depth = self.shape(x)
        out = [(n + 2 * padding - kernel) // stride + 1 for n in (height, width)]
        attrs = {"kernel": kernel, "stride": stride, "padding": padding}
        return self.emit(name, kind, (x,), (batch, *out, depth), {}, attrs)

    def reshape(self, name: str, x: str, shape: tuple[int, ...]) -> str:
        return self.emit(name, "reshape", (x,), shape, {}, {"shape": shape})


def normal(random: np.random.Generator, shape: tuple[int, ...], variance: float) -> Array:
    """[shape] float32, mean 0."""
    out = random.standard_normal(shape, np.float32)
    out *= np.float32(variance**0.5)
    return out


def parameters(graph: Graph) -> int:
    """Trained numbers, as papers count them: weights, biases and the two vectors of each norm."""
    trained = ("weight", "bias", "gamma", "beta", "table")
    return sum(p.size for x in graph.layers for name, p in x.params.items() if name in trained)


def macs(layer: Layer, graph: Graph) -> int:
    """Dense multiply-accumulates of one layer; 0 where it has none."""
    rows = int(np.prod(layer.shape[:-1]))
    if layer.kind in ("conv2d", "linear"):
        return rows * layer.params["weight"].size
    if layer.kind == "scores":
        width = graph.shape(layer.inputs[0])[-1] // int(layer.attrs["heads"])
        return rows * layer.shape[-1] * width
    if layer.kind == "context":
        return rows * layer.shape[-1] * graph.shape(layer.inputs[0])[-1]
    if layer.kind == "matmul":
        return rows * layer.shape[-1] * graph.shape(layer.inputs[0])[-1]
    return 0

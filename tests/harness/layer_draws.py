"""Hypothesis draws networks of one layer of any kind, or of the few layers that belong together, in odd shapes and any pattern."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from hwsim.spec.errors import GraphError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.patterns import NMPattern
from mapper.graph.ir import Graph
from models.bert import MASKED
from tests.harness.graphs import Net

ACTS = (None, None, "relu", "relu6", "gelu", "silu")
FEW = st.integers(1, 9)
Draw = Callable[[Any], Any]


def patterns(spec: AcceleratorSpec) -> list[tuple[int, int]]:
    """Every kept:block that the PEs hold, dense among them."""
    blocks = [1 << i for i in range(spec.pe.block_max.bit_length())]
    return [(n, m) for m in blocks for n in range(1, min(m, spec.pe.kept_max) + 1)]


@dataclass(frozen=True)
class Fused:
    """What a product may carry."""

    act: str | None
    bias: bool
    residual: bool

    @classmethod
    def of(cls, draw: Draw) -> "Fused":
        return cls(draw(st.sampled_from(ACTS)), draw(st.booleans()), draw(st.booleans()))

    def attrs(self) -> dict[str, Any]:
        return ({"act": self.act} if self.act else {}) | ({"residual": True} if self.residual else {})


def finished(draw: Draw, spec: AcceleratorSpec, net: Net) -> Graph:
    """The network, its weights pruned to one of the machine's patterns."""
    kept, block = draw(st.sampled_from(patterns(spec)))
    layers = []
    for layer in net.layers:
        weight = layer.params.get("weight")
        if weight is not None:
            mask = NMPattern(kept, block).select(weight, axis=1)
            layer = layer.with_(params={**layer.params, "weight": np.where(mask, weight, np.float32(0))}, pattern=(kept, block))
        layers.append(layer)
    read = {name for layer in layers for name in layer.inputs}
    return Graph("net", {n: s for n, s in net.inputs.items() if n in read}, tuple(layers), (layers[-1].name,))


@st.composite
def conv2d(draw: Draw, spec: AcceleratorSpec) -> Graph:
    """Stride, padding on each side, dilation, groups, few and many channels."""
    groups, c = draw(st.sampled_from([1, 1, 1, 2, 3, 5])), draw(FEW | st.sampled_from([16, 24, 33, 64]))
    n = draw(FEW | st.sampled_from([17, 32, 40]))
    assume(groups == 1 or c > 1 or n > 1)  # else depthwise
    return _convolution(draw, spec, groups, c, n, Fused.of(draw))


@st.composite
def depthwise(draw: Draw, spec: AcceleratorSpec) -> Graph:
    fused = Fused.of(draw)
    return _convolution(draw, spec, draw(st.sampled_from([2, 3, 7, 8, 9, 32, 33, 40])), 1, 1, Fused(fused.act, fused.bias, False))


def _convolution(draw: Draw, spec: AcceleratorSpec, groups: int, c: int, n: int, fused: Fused) -> Graph:
    sizes = [draw(st.integers(1, 12)) for _ in "hw"]
    kernel, stride, dilation = ([draw(st.integers(1, top)) for _ in "hw"] for top in (4, 3, 3))
    pads = [draw(st.integers(0, 3)) for _ in "tlbr"]
    out = [(sizes[i] + pads[i] + pads[i + 2] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in (0, 1)]
    assume(min(out) >= 1)
    batch = draw(st.integers(1, 2))
    net = Net(draw(st.integers(0, 99)), x=(batch, *sizes, groups * c), y=(batch, *out, groups * n))
    params = {"weight": net.normal(groups * n, c, *kernel, spread=(c * kernel[0] * kernel[1]) ** -0.5)}
    if fused.bias:
        params["bias"] = net.normal(groups * n)
    window = {"stride": tuple(stride), "padding": tuple(pads), "dilation": tuple(dilation), "groups": groups}
    net.add("c", "conv2d", *("xy" if fused.residual else "x"), params=params, **window, **fused.attrs())
    return finished(draw, spec, net)


@st.composite
def linear(draw: Draw, spec: AcceleratorSpec) -> Graph:
    """One row and many, K that is no multiple of a block or a fold, a softmax or layer norm behind it."""
    rows = draw(st.just(1) | st.integers(1, 40) | st.sampled_from([64, 129]))
    k, n = draw(st.integers(1, 40) | st.sampled_from([64, 100, 300, 512])), draw(st.integers(1, 40) | st.sampled_from([64, 65, 130]))
    net, fused = Net(draw(st.integers(0, 99)), x=(rows, k), y=(rows, n)), Fused.of(draw)
    params = {"weight": net.normal(n, k, spread=k**-0.5)} | ({"bias": net.normal(n)} if fused.bias else {})
    net.add("l", "linear", *("xy" if fused.residual else "x"), params=params, **fused.attrs())
    tail = draw(st.sampled_from([None, None, "softmax", "layernorm"]))
    if tail == "layernorm":
        net.add("t", "layernorm", "l", params={"gamma": 1 + net.normal(n) / 4, "beta": net.normal(n)}, epsilon=1e-5)
    elif tail:
        net.add("t", "softmax", "l")
    return finished(draw, spec, net)


def _mask(draw: Draw, batch: int, seq: int) -> dict[str, Any]:
    if not draw(st.booleans()):
        return {}
    mask = np.zeros((batch, seq), np.float32)
    for row in mask:
        row[draw(st.integers(1, seq)) :] = MASKED
    return {"mask": mask}


@st.composite
def attention(draw: Draw, spec: AcceleratorSpec) -> Graph:
    batch, heads, seq, width = (draw(st.integers(1, top)) for top in (2, 3, 40, 20))
    shape = (batch * seq, heads * width)
    net = Net(draw(st.integers(0, 99)), q=shape, x=shape, v=shape)
    spread = shape[1] ** -0.5
    net.add("k", "linear", "x", params={"weight": net.normal(shape[1], shape[1], spread=spread), "bias": net.normal(shape[1])})
    net.add("s", "scores", "q", "k", heads=heads, batch=batch, scale=width**-0.5)
    net.add("p", "softmax", "s", params=_mask(draw, batch, seq))
    net.add("c", "context", "p", "v", heads=heads, batch=batch)
    return finished(draw, spec, net)


@st.composite
def matmul(draw: Draw, spec: AcceleratorSpec) -> Graph:
    batch, m, k, n = (draw(st.integers(1, top)) for top in (3, 70, 70, 70))
    net = Net(draw(st.integers(0, 99)), x=(batch, m, k), y=(batch, k, n))
    net.add("m", "matmul", "x", "y")
    return net.graph()


@st.composite
def rows(draw: Draw, spec: AcceleratorSpec) -> Graph:
    """What goes element by element or row by row."""
    kind = draw(st.sampled_from(["softmax", "layernorm", "relu", "relu6", "gelu", "silu", "add", "reshape"]))
    tall = st.tuples(st.integers(1, 60), st.integers(1, 200))
    heads = st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 20), st.integers(1, 70))
    shape = draw({"softmax": heads, "layernorm": tall}.get(kind, tall | heads))
    net = Net(draw(st.integers(0, 99)), x=shape, y=shape)
    if kind == "softmax":
        net.add("o", kind, "x", params=_mask(draw, shape[0], shape[-1]))
    elif kind == "layernorm":
        net.add("o", kind, "x", params={"gamma": 1 + net.normal(shape[-1]) / 4, "beta": net.normal(shape[-1])}, epsilon=1e-5)
    elif kind == "add":
        act = draw(st.sampled_from(ACTS))
        net.add("o", kind, "x", "y", **({"act": act} if act else {}))
    elif kind == "reshape":
        net.add("a", "relu", "x")
        net.add("o", "reshape", "a", shape=(int(np.prod(shape)), 1))
        net.add("b", "relu6", "o")
    else:
        net.add("o", kind, "x")
    return finished(draw, spec, net)


@st.composite
def pool(draw: Draw, spec: AcceleratorSpec) -> Graph:
    kind, channels = draw(st.sampled_from(["maxpool", "avgpool"])), draw(FEW | st.sampled_from([31, 32, 33, 64]))
    net = Net(0, x=(draw(st.integers(1, 2)), draw(st.integers(1, 14)), draw(st.integers(1, 14)), channels))
    window = {name: tuple(draw(st.integers(low, top)) for _ in range(n)) for name, n, low, top in
              (("kernel", 2, 1, 4), ("stride", 2, 1, 4), ("padding", 4, 0, 3))}  # fmt: skip
    try:
        net.add("o", kind, "x", **window)
    except GraphError:
        assume(False)  # a window in the padding alone, or none that fits
    return net.graph()


DRAWS = {f.__name__: f for f in (conv2d, depthwise, linear, attention, matmul, rows, pool)}

"""ONNX files as the usual exporter of a training framework writes them: shapes made while the network runs, norms and activations
spelled out, weights behind a MatMul, heads split by Reshape and Transpose."""

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Writer:
    """Nodes and constants as they come; every method returns the name of the tensor made."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def op(self, op: str, *inputs: Any, **attrs: Any) -> str:
        """Arrays and numbers among the inputs become constants."""
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        out = f"/{op}_{len(self.nodes)}_output_0"
        self.nodes.append(helper.make_node(op, names, [out], name=f"/{op}_{len(self.nodes)}", **attrs))
        return out

    def constant(self, value: Any) -> str:
        array = np.asarray(value)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        name = f"onnx::{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def normal(self, *shape: int) -> Any:
        return (self.random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    def model(self, inputs: dict[str, tuple[int, list[Any]]], output: str, shape: list[Any], opset: int) -> Any:
        ins = [helper.make_tensor_value_info(n, kind, s) for n, (kind, s) in inputs.items()]
        outs = [helper.make_tensor_value_info(output, FLOAT, shape)]
        graph = helper.make_graph(self.nodes, "main_graph", ins, outs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def layernorm(w: Writer, x: str, width: int) -> str:
    centred = w.op("Sub", x, w.op("ReduceMean", x, axes=[-1]))
    variance = w.op("ReduceMean", w.op("Pow", centred, 2.0), axes=[-1])
    normed = w.op("Div", centred, w.op("Sqrt", w.op("Add", variance, 1e-12)))
    return w.op("Add", w.op("Mul", normed, 1 + w.normal(width)), w.normal(width))


def gelu(w: Writer, x: str, form: str) -> str:
    if form == "erf":
        gate = w.op("Add", w.op("Erf", w.op("Div", x, np.sqrt(2.0))), 1.0)
        return w.op("Mul", w.op("Mul", x, gate), 0.5)
    cube = w.op("Mul", w.op("Pow", x, 3.0), 0.044715)
    gate = w.op("Tanh", w.op("Mul", w.op("Add", x, cube), np.sqrt(2 / np.pi)))
    return w.op("Mul", w.op("Mul", x, 0.5), w.op("Add", gate, 1.0))


def linear(w: Writer, x: str, k: int, n: int) -> str:
    weight = w.op("Transpose", w.normal(n, k), perm=[1, 0])
    return w.op("Add", w.normal(n), w.op("MatMul", x, weight))


def split_heads(w: Writer, x: str, heads: int, width: int, perm: list[int]) -> str:
    shape = w.op("Shape", x)
    front = [w.op("Unsqueeze", w.op("Gather", shape, np.int64(i)), axes=[0]) for i in range(2)]
    wanted = w.op("Concat", *front, np.array([heads]), np.array([width]), axis=0)
    return w.op("Transpose", w.op("Reshape", x, wanted), perm=perm)


def encoder(hidden: int = 24, heads: int = 3, ffn: int = 40, layers: int = 2, form: str = "erf") -> Any:
    """A BERT encoder, opset 11, open batch and sequence; inputs hidden_states and attention_mask."""
    w, width = Writer(), hidden // heads
    live = w.op("Unsqueeze", w.op("Unsqueeze", "attention_mask", axes=[1]), axes=[2])
    mask = w.op("Mul", w.op("Sub", np.float32(1), w.op("Cast", live, to=FLOAT)), -10000.0)
    x = layernorm(w, "hidden_states", hidden)
    for _ in range(layers):
        q, k, v = (linear(w, x, hidden, hidden) for _ in range(3))
        q = split_heads(w, q, heads, width, [0, 2, 1, 3])
        k = split_heads(w, k, heads, width, [0, 2, 3, 1])
        v = split_heads(w, v, heads, width, [0, 2, 1, 3])
        scores = w.op("Add", w.op("Div", w.op("MatMul", q, k), np.sqrt(width)), mask)
        c = w.op("Transpose", w.op("MatMul", w.op("Softmax", scores, axis=3), v), perm=[0, 2, 1, 3])
        shape = w.op("Shape", c)
        front = [w.op("Unsqueeze", w.op("Gather", shape, np.int64(i)), axes=[0]) for i in range(2)]
        c = w.op("Reshape", c, w.op("Concat", *front, np.array([hidden]), axis=0))
        x = layernorm(w, w.op("Add", linear(w, c, hidden, hidden), x), hidden)
        y = linear(w, gelu(w, linear(w, x, hidden, ffn), form), ffn, hidden)
        x = layernorm(w, w.op("Add", y, x), hidden)
    inputs = {"hidden_states": (FLOAT, ["b", "s", hidden]), "attention_mask": (INT64, ["b", "s"])}
    return w.model(inputs, x, ["b", "s", hidden], 11)


def convolutional() -> Any:
    """A small network of pictures, opset 13: strided, grouped and depthwise convolutions, both pools, clip, SiLU, a residual, and a
    Flatten of more than one pixel, whose order is channel, row, column."""
    w = Writer(1)
    norm = [1 + w.normal(8) / 4, w.normal(8), w.normal(8), 1 + w.random.random(8, np.float32)]
    x = w.op("Conv", "input", w.normal(8, 3, 3, 3), w.normal(8), strides=[2, 2], pads=[1, 1, 1, 1])
    x = w.op("Relu", w.op("BatchNormalization", x, *norm, epsilon=1e-5))
    x = w.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    y = w.op("Clip", w.op("Conv", x, w.normal(8, 1, 3, 3), group=8, pads=[1, 1, 1, 1]), 0.0, 6.0)
    y = w.op("Conv", y, w.normal(8, 4, 1, 1), group=2)
    x = w.op("Add", y, x)
    x = w.op("Mul", x, w.op("Sigmoid", x))
    x = w.op("AveragePool", x, kernel_shape=[2, 3], strides=[2, 1], pads=[0, 1, 0, 1])
    x = w.op("Gemm", w.op("Flatten", x), w.normal(10, 8 * 4 * 8), w.normal(10), transB=1)
    return w.model({"input": (FLOAT, ["batch", 3, 32, 32])}, x, ["batch", 10], 13)

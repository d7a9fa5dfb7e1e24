"""The reference run of single layers against ONNX Runtime on the same operation, built with onnx.helper.

fp32 to rounding; fp16 within the format; int8 sums of products exactly, requantised results within one step.
"""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from mapper.graph.ir import Array, Graph
from mapper.graph.ops_product import products
from mapper.graph.reference import run
from tests.harness.graphs import Net

OPSET = 20
FP16_STEPS = 2.0**-10
onnxruntime.set_default_logger_severity(3)


class Model:
    """A small ONNX model; `node` returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Array) -> str:
        name = f"k{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, *inputs: str, **attrs: Any) -> str:
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], **attrs))
        return out

    def run(self, out: str, **inputs: Array) -> Array:
        def info(name: str, x: Array) -> Any:
            return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)

        result = helper.make_empty_tensor_value_info(out)
        graph = helper.make_graph(self.nodes, "m", [info(n, x) for n, x in inputs.items()], [result], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        model = onnx.shape_inference.infer_shapes(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.x64quantprecision", "1")  # else sums saturate on processors without VNNI
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run([out], inputs)[0]


def nchw(x: Array) -> Array:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def nhwc(x: Array) -> Array:
    return x.transpose(0, 2, 3, 1)


def agree(graph: Graph, inputs: dict[str, Array], want: Array) -> None:
    """fp32 and fp16 runs of the last layer; errors relative to its largest value."""
    assert want.size and np.isfinite(want).all() and np.ptp(want) > 0
    last, largest = graph.layers[-1].name, np.abs(want).max()
    assert np.abs(run(graph, inputs)[last] - want).max() <= 3e-6 * largest + 1e-6
    half = run(graph, inputs, "fp16")[last]
    assert np.abs(half - want).max() <= 4 * FP16_STEPS * largest


CONVOLUTIONS = [
    {"x": (2, 11, 9, 3), "weight": (8, 3, 3, 3), "stride": 1, "padding": 1},
    {"x": (1, 15, 15, 3), "weight": (8, 3, 7, 7), "stride": 2, "padding": 3},
    {"x": (1, 9, 9, 16), "weight": (12, 16, 1, 1), "stride": 2, "padding": 0},
    {"x": (1, 12, 10, 4), "weight": (6, 4, 3, 2), "stride": (2, 1), "padding": (1, 0, 2, 1)},
    {"x": (1, 12, 12, 4), "weight": (6, 4, 3, 3), "padding": 2, "dilation": 2},
    {"x": (1, 8, 8, 6), "weight": (9, 2, 3, 3), "padding": 1, "groups": 3},
    {"x": (2, 8, 8, 6), "weight": (6, 1, 3, 3), "stride": 2, "padding": 1, "groups": 6},
    {"x": (1, 8, 8, 6), "weight": (12, 1, 3, 3), "padding": 1, "groups": 6},
]


def conv_attrs(case: dict[str, Any]) -> dict[str, Any]:
    def two(v: Any) -> list[int]:
        return [v, v] if isinstance(v, int) else list(v)

    pads = case.get("padding", 0)
    return {
        "strides": two(case.get("stride", 1)),
        "dilations": two(case.get("dilation", 1)),
        "pads": [pads] * 4 if isinstance(pads, int) else list(pads),
        "group": case.get("groups", 1),
    }


def ours(case: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in case.items() if k not in ("x", "weight")}


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_conv2d(case: dict[str, Any]) -> None:
    net, model = Net(1, x=case["x"]), Model()
    x, w, bias = net.normal(*case["x"]), net.normal(*case["weight"]), net.normal(case["weight"][0])
    net.add("c", "conv2d", "x", params={"weight": w, "bias": bias}, **ours(case))
    out = model.node("Conv", "x", model.constant(w), model.constant(bias), **conv_attrs(case))
    agree(net.graph(), {"x": x}, nhwc(model.run(out, x=nchw(x))))


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_conv2d_sums_int8_exactly(case: dict[str, Any]) -> None:
    net, model = Net(2, x=case["x"]), Model()
    x, w = (net.rng.integers(-128, 128, case[n]).astype(np.int8) for n in ("x", "weight"))
    net.add("c", "conv2d", "x", params={"weight": w}, **ours(case))
    offset = {"x": (x.astype(np.int16) + 128).astype(np.uint8)}  # ONNX Runtime takes unsigned activations with a zero point
    out = model.node("ConvInteger", "x", model.constant(w), model.constant(np.uint8(128)), **conv_attrs(case))
    got = products(net.layers[0], [x], w)
    assert got.dtype == np.int32
    assert np.array_equal(got, nhwc(model.run(out, x=nchw(offset["x"]))))


@pytest.mark.parametrize("groups", [1, 6])
def test_conv2d_requantised(groups: int) -> None:
    """QLinearConv multiplies by a float: equal but for ties, so within one step, and almost always equal."""
    net, model = Net(3, x=(1, 8, 8, 6)), Model()
    x = net.rng.integers(-128, 128, (1, 8, 8, 6)).astype(np.int8)
    w = net.rng.integers(-127, 128, (6, 6 // groups, 3, 3)).astype(np.int8)
    bias, step = net.rng.integers(-3000, 3000, 6).astype(np.int32), np.abs(net.normal(6)) / 100 + 0.001
    params = {"weight": w, "bias": bias, "weight_scale": step.astype(np.float64)}
    net.add("c", "conv2d", "x", params=params, padding=1, groups=groups)
    scales = {"x": 0.03, "c": 0.15 if groups == 1 else 0.05}

    def f32(v: Any) -> str:
        return model.constant(np.float32(v))

    zero = model.constant(np.uint8(128))
    signed = (model.constant(w), f32(step), model.constant(np.zeros(6, np.int8)))
    args = ("x", f32(0.03), zero, *signed, f32(scales["c"]), zero, model.constant(bias))
    out = model.node("QLinearConv", *args, pads=[1] * 4, group=groups)
    want = nhwc(model.run(out, x=nchw((x.astype(np.int16) + 128).astype(np.uint8)))).astype(int) - 128
    got = run(net.graph(scales=scales), {"x": x}, "int8")["c"]
    assert np.abs(got - want).max() <= 1 and (got == want).mean() > 0.99 and np.ptp(want) > 100


@pytest.mark.parametrize("rows, k, n", [(5, 16, 7), (64, 384, 96), (3, 2100, 8)])
def test_linear(rows: int, k: int, n: int) -> None:
    net, model = Net(4, x=(rows, k)), Model()
    x, w, bias = net.normal(rows, k), net.normal(n, k), net.normal(n)
    net.add("f", "linear", "x", params={"weight": w, "bias": bias})
    out = model.node("Gemm", "x", model.constant(w), model.constant(bias), transB=1)
    agree(net.graph(), {"x": x}, model.run(out, x=x))
    x8, w8 = (net.rng.integers(-128, 128, s).astype(np.int8) for s in ((rows, k), (n, k)))
    whole = Model()
    out = whole.node("MatMulInteger", "x", whole.constant(w8.T), whole.constant(np.uint8(128)))
    exact = whole.run(out, x=(x8.astype(np.int16) + 128).astype(np.uint8))
    assert np.array_equal(products(net.layers[0], [x8], w8), exact)


def test_residual_and_act() -> None:
    net, model = Net(5, x=(4, 12), r=(4, 8)), Model()
    x, r, w = net.normal(4, 12), net.normal(4, 8), net.normal(8, 12)
    net.add("f", "linear", "x", "r", params={"weight": w}, residual=True, act="relu")
    total = model.node("Add", model.node("Gemm", "x", model.constant(w), transB=1), "r")
    agree(net.graph(), {"x": x, "r": r}, model.run(model.node("Relu", total), x=x, r=r))


def split(model: Model, x: str, batch: int, seq: int, heads: int, width: int) -> str:
    shape = model.constant(np.array([batch, seq, heads, width]))
    return model.node("Transpose", model.node("Reshape", x, shape), perm=[0, 2, 1, 3])


def test_attention_step_by_step() -> None:
    batch, rows, cols, heads, width = 2, 7, 5, 3, 8
    net, model = Net(6, q=(14, 24), k=(10, 24), v=(10, 24)), Model()
    inputs = {n: net.normal(*net.inputs[n]) for n in "qkv"}
    mask = np.where(net.rng.random((batch, cols)) < 0.3, np.float32(-10000), np.float32(0))
    mask[:, 0] = 0
    net.add("s", "scores", "q", "k", heads=heads, batch=batch, scale=0.35)
    q, k, v = (split(model, n, batch, s, heads, width) for n, s in (("q", rows), ("k", cols), ("v", cols)))
    scores = model.node("Mul", model.node("MatMul", q, model.node("Transpose", k, perm=[0, 1, 3, 2])), model.constant(np.float32(0.35)))
    agree(net.graph(), inputs, model.run(scores, **inputs))
    net.add("p", "softmax", "s", params={"mask": mask})
    soft = model.node("Softmax", model.node("Add", scores, model.constant(mask[:, None, None, :])), axis=-1)
    agree(net.graph(), inputs, model.run(soft, **inputs))
    net.add("c", "context", "p", "v", heads=heads, batch=batch)
    back = model.node("Transpose", model.node("MatMul", soft, v), perm=[0, 2, 1, 3])
    out = model.node("Reshape", back, model.constant(np.array([batch * rows, heads * width])))
    agree(net.graph(), inputs, model.run(out, **inputs))


def test_matmul() -> None:
    net, model = Net(7, a=(3, 6, 10), b=(3, 10, 4)), Model()
    inputs = {n: net.normal(*s) for n, s in net.inputs.items()}
    net.add("m", "matmul", "a", "b")
    agree(net.graph(), inputs, model.run(model.node("MatMul", "a", "b"), **inputs))


def test_add() -> None:
    net, model = Net(8, a=(3, 6), b=(3, 6)), Model()
    inputs = {n: net.normal(*s) for n, s in net.inputs.items()}
    net.add("sum", "add", "a", "b", act="relu")
    agree(net.graph(), inputs, model.run(model.node("Relu", model.node("Add", "a", "b")), **inputs))


def act_model(model: Model, kind: str) -> str:
    if kind == "relu6":
        return model.node("Clip", "x", model.constant(np.float32(0)), model.constant(np.float32(6)))
    if kind == "silu":
        return model.node("Mul", "x", model.node("Sigmoid", "x"))
    return model.node({"relu": "Relu", "gelu": "Gelu"}[kind], "x")


@pytest.mark.parametrize("kind", ["relu", "relu6", "gelu", "silu"])
def test_activations(kind: str) -> None:
    net, model = Net(9, x=(50, 40)), Model()
    x = net.normal(50, 40, spread=4)
    net.add("y", kind, "x")
    want = model.run(act_model(model, kind), x=x)
    agree(net.graph(), {"x": x}, want)
    out_scale = 6 / 127 if kind == "relu6" else 16 / 127
    whole = np.clip(np.rint(x / (16 / 127)), -128, 127).astype(np.int8)
    real = (whole * (16 / 127)).astype(np.float32)
    got = run(net.graph(scales={"x": 16 / 127, "y": out_scale}), {"x": whole}, "int8")["y"]
    assert np.abs(got * out_scale - model.run("t0" if kind != "silu" else "t1", x=real)).max() <= 0.501 * out_scale


def test_softmax() -> None:
    net, model = Net(10, x=(6, 33)), Model()
    x = net.normal(6, 33, spread=3)
    net.add("y", "softmax", "x")
    out = model.node("Softmax", "x", axis=-1)
    agree(net.graph(), {"x": x}, model.run(out, x=x))
    whole = np.clip(np.rint(x / 0.08), -128, 127).astype(np.int8)
    got = run(net.graph(scales={"x": 0.08, "y": 1 / 127}), {"x": whole}, "int8")["y"]
    assert np.abs(got / 127 - model.run(out, x=(whole * 0.08).astype(np.float32))).max() <= 0.51 / 127


def test_layernorm() -> None:
    net, model = Net(11, x=(6, 48)), Model()
    x, gamma, beta = 2 + net.normal(6, 48), 1 + net.normal(48) / 4, net.normal(48)
    net.add("y", "layernorm", "x", params={"gamma": gamma, "beta": beta}, epsilon=1e-3)
    out = model.node("LayerNormalization", "x", model.constant(gamma), model.constant(beta), axis=-1, epsilon=1e-3)
    agree(net.graph(), {"x": x}, model.run(out, x=x))
    whole = np.clip(np.rint(x / 0.04), -128, 127).astype(np.int8)
    got = run(net.graph(scales={"x": 0.04, "y": 0.05}), {"x": whole}, "int8")["y"]
    assert np.abs(got * 0.05 - model.run(out, x=(whole * 0.04).astype(np.float32))).max() <= 0.51 * 0.05


def test_batchnorm() -> None:
    net, model = Net(12, x=(1, 5, 4, 6)), Model()
    x, gamma, beta, mean, variance = net.normal(1, 5, 4, 6), *(net.normal(6) for _ in range(3)), np.abs(net.normal(6)) + 0.1
    params = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance}
    net.add("y", "batchnorm", "x", params=params, epsilon=1e-5)
    out = model.node("BatchNormalization", "x", *(model.constant(v) for v in params.values()), epsilon=1e-5)
    agree(net.graph(), {"x": x}, nhwc(model.run(out, x=nchw(x))))


POOLS = [
    {"kernel": 3, "stride": 2, "padding": 1},
    {"kernel": 2, "stride": 2},
    {"kernel": (3, 2), "stride": (1, 2), "padding": (1, 0, 0, 1)},
    {"kernel": 7},
]


@pytest.mark.parametrize("kind, op", [("maxpool", "MaxPool"), ("avgpool", "AveragePool")])
@pytest.mark.parametrize("case", POOLS)
def test_pools(kind: str, op: str, case: dict[str, Any]) -> None:
    net, model = Net(13, x=(2, 9, 7, 5)), Model()
    x = net.normal(2, 9, 7, 5)
    net.add("y", kind, "x", **case)
    shared = conv_attrs(case)
    kernel = [case["kernel"]] * 2 if isinstance(case["kernel"], int) else list(case["kernel"])
    out = model.node(op, "x", kernel_shape=kernel, strides=shared["strides"], pads=shared["pads"])
    agree(net.graph(), {"x": x}, nhwc(model.run(out, x=nchw(x))))
    whole = np.clip(np.rint(x / 0.03), -128, 127).astype(np.int8)
    got = run(net.graph(scales={"x": 0.03, "y": 0.03}), {"x": whole}, "int8")["y"]
    want = nhwc(model.run(out, x=nchw(whole.astype(np.float32))))
    assert np.abs(got - want).max() <= (0.5001 if kind == "avgpool" else 0)


def test_reshape_and_embedding() -> None:
    net, model = Net(14, ids=(6,)), Model()
    table, ids = net.normal(30, 8), net.rng.integers(0, 30, 6)
    net.add("e", "embedding", "ids", params={"table": table})
    net.add("r", "reshape", "e", shape=(2, 3, 8))
    gathered = model.node("Gather", model.constant(table), "ids")
    out = model.node("Reshape", gathered, model.constant(np.array([2, 3, 8])))
    agree(net.graph(), {"ids": ids}, model.run(out, ids=ids))

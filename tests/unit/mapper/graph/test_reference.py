"""Reference run: its three numbers against each other, against scalar loops and against a plain float64 network."""

import numpy as np
import pytest

from hwsim.spec import numerics as nx
from hwsim.spec.errors import GraphError
from mapper.graph.ir import Graph, Layer
from mapper.graph.ops_product import product
from mapper.graph.reference import real, run
from tests.harness.graphs import Net, attention, convolutional, quantised, without


def feed(graph: Graph, seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    name, shape = next(iter(graph.inputs.items()))
    return {name: rng.integers(0, 20, shape) if name == "ids" else rng.normal(size=shape).astype(np.float32)}


@pytest.mark.parametrize("net", [convolutional, attention])
def test_fp16_is_near_fp32(net) -> None:
    graph = net()
    exact, half = run(graph, feed(graph)), run(graph, feed(graph), "fp16")
    assert list(exact) == list(half) == [*graph.inputs, *(x.name for x in graph.layers)]
    for layer in graph.layers:
        want, got = exact[layer.name], half[layer.name]
        assert got.dtype == np.float16 and got.shape == layer.shape
        assert np.abs(want - got).max() < 0.01 * np.abs(want).max() + 1e-3, layer.name


@pytest.mark.parametrize("net", [convolutional, attention])
def test_int8_is_near_fp32_layer_by_layer(net) -> None:
    """Each layer is compared with a float run of itself on the dequantised int8 operands."""
    graph = without(net(), "batchnorm")
    small = quantised(graph, run(graph, feed(graph)))
    whole = run(small, feed(graph), "int8")
    for layer, plain in zip(small.layers, graph.layers, strict=True):
        if layer.kind == "embedding":
            continue
        operands = {n: real(small, n, whole[n]).astype(np.float32) for n in layer.inputs}
        params = dict(plain.params)
        if "weight" in params:
            step = layer.params["weight_scale"].reshape(-1, *(1,) * (params["weight"].ndim - 1))
            params["weight"] = (layer.params["weight"] * step).astype(np.float32)
        alone = Graph("one", {n: x.shape for n, x in operands.items()}, (plain.with_(params=params),), (plain.name,))
        want = run(alone, operands)[layer.name]
        step = small.scales[layer.name]
        want = np.clip(want, -128 * step, 127 * step)
        slack = 1.02 if "pre_scale" not in layer.attrs else 0.6 + 1.2 * layer.attrs["pre_scale"] / step / 2
        assert whole[layer.name].dtype == np.int8
        assert np.abs(real(small, layer.name, whole[layer.name]) - want).max() <= slack * step, layer.name


def test_int8_convolution_in_python_integers() -> None:
    """Scalar loops: stride, padding, dilation, groups, bias, residual, relu."""
    rng = np.random.default_rng(4)
    w, bias = rng.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8), rng.integers(-5000, 5000, 4).astype(np.int32)
    attrs = {"stride": (2, 1), "padding": (1, 2, 0, 1), "dilation": (1, 2), "groups": 2, "residual": True, "act": "relu"}
    params = {"weight": w, "bias": bias, "weight_scale": np.array([1e-2, 3e-3, 5e-3, 7e-3])}
    layer = Layer("c", "conv2d", ("x", "r"), (1, 4, 8, 4), params, attrs)
    scales = {"x": 0.02, "r": 0.015, "c": 0.03}
    graph = Graph("g", {"x": (1, 8, 7, 6), "r": (1, 4, 8, 4)}, (layer,), ("c",), scales)
    x, r = rng.integers(-128, 128, (1, 8, 7, 6)).astype(np.int8), rng.integers(-128, 128, (1, 4, 8, 4)).astype(np.int8)
    got = run(graph, {"x": x, "r": r}, "int8")["c"]
    mult, r_mult, shift = nx.fit_multipliers(0.02 * layer.params["weight_scale"] / 0.03, 0.5)
    for p, q, n in np.ndindex(4, 8, 4):
        total = int(bias[n])
        for c, i, j in np.ndindex(3, 3, 2):
            h, v = 2 * p + i - 1, q + 2 * j - 2
            if 0 <= h < 8 and 0 <= v < 7:
                total += int(w[n, c, i, j]) * int(x[0, h, v, n // 2 * 3 + c])
        value = total * int(mult[n]) + int(r[0, p, q, n]) * r_mult
        want = min(127, max(0, round(value / 2**shift))) if abs(value) < 2**53 else None
        assert got[0, p, q, n] == want


def test_int8_sums_are_exact_beyond_float32() -> None:
    """K of 5000: float32 sums would lose bits."""
    rng = np.random.default_rng(5)
    w, x = rng.integers(100, 128, (3, 5000)).astype(np.int8), rng.integers(100, 128, (2, 5000)).astype(np.int8)
    params = {"weight": w, "weight_scale": np.full(3, 1e-6)}
    graph = Graph("g", {"x": (2, 5000)}, (Layer("f", "linear", ("x",), (2, 3), params),), ("f",), {"x": 1.0, "f": 1.0})
    mult, _, shift = nx.fit_multipliers(np.full(3, 1e-6))
    sums = x.astype(np.int64) @ w.astype(np.int64).T
    want = nx.map_int8(sums, None, mult, shift=shift)
    assert sums.max() > 2**24 and np.array_equal(run(graph, {"x": x}, "int8")["f"], want)
    assert np.array_equal(product(x, w.T), sums)


def test_pruned_equals_dense_with_the_same_zeros() -> None:
    net = Net(6, x=(5, 32))
    w = net.rng.integers(-127, 128, (8, 32)).astype(np.int8)
    w[:, np.arange(32) % 8 > 1] = 0
    net.add("f", "linear", "x", params={"weight": w, "weight_scale": np.full(8, 0.01)}, pattern=(2, 8))
    pruned = net.graph(scales={"x": 0.02, "f": 0.05})
    dense = pruned.with_(layers=(pruned.layers[0].with_(pattern=(1, 1)),))
    x = {"x": net.normal(5, 32)}
    assert np.array_equal(run(pruned, x, "int8")["f"], run(dense, x, "int8")["f"])


def test_masked_columns_weigh_nothing() -> None:
    graph = attention()
    for number in ("fp32", "fp16"):
        p = run(graph, feed(graph), number)["p"]
        assert (p[1, :, :, 4:] == 0).all() and (p[0] > 0).all()
    small = quantised(graph, run(graph, feed(graph)))
    assert (run(small, feed(graph), "int8")["p"][1, :, :, 4:] == 0).all()


def test_inputs_are_converted() -> None:
    net = Net(7, x=(1, 3))
    net.add("r", "relu", "x")
    graph = net.graph(scales={"x": 0.5, "r": 0.5})
    x = np.array([[0.26, -3.0, 99.0]])
    assert run(graph, {"x": x}, "int8")["x"].tolist() == [[1, -6, 127]]
    assert run(graph, {"x": x}, "int8")["r"].tolist() == [[1, 0, 127]]
    assert np.array_equal(run(graph, {"x": np.array([[1, -6, 127]], np.int8)}, "int8")["r"], [[1, 0, 127]])
    assert run(graph, {"x": x}, "fp16")["x"].dtype == np.float16


@pytest.mark.parametrize(
    "inputs, number, message",
    [
        ({}, "fp32", "net: input 'x' is not given; it has shape [2, 4]"),
        ({"x": np.zeros((4, 2))}, "fp32", "net: input 'x' has shape [4, 2]; give [2, 4]"),
        ({"x": np.zeros((2, 4))}, "int4", "net: number 'int4' is unknown; use fp32, fp16, int8"),
        ({"x": np.zeros((2, 4))}, "int8", "net: no scale of 'x'; quantise the network"),
        ({"x": np.zeros((2, 4), np.int8)}, "int8", "net.f: weight is float32 on a machine of int8; quantise the network"),
    ],
)
def test_faults(inputs, number: str, message: str) -> None:
    net = Net(8, x=(2, 4))
    net.add("f", "linear", "x", params={"weight": net.normal(3, 4)})
    with pytest.raises(GraphError) as fault:
        run(net.graph(), inputs, number)
    assert str(fault.value) == message


def test_a_wrong_shape_is_named() -> None:
    net = Net(9, x=(2, 4))
    net.add("f", "linear", "x", params={"weight": net.normal(3, 4)})
    graph = net.graph()
    wrong = graph.with_(layers=(graph.layers[0].with_(shape=(2, 4)),))
    with pytest.raises(GraphError) as fault:
        run(wrong, {"x": np.zeros((2, 4))})
    assert str(fault.value) == "net.f: linear of [2, 4] makes [2, 3], it says [2, 4]; correct the shape"


def test_ids_outside_the_table() -> None:
    graph = attention()
    with pytest.raises(GraphError) as fault:
        run(graph, {"ids": np.arange(12) + 9})
    assert str(fault.value) == "net.e: ids 9..20; the table has rows 0..19"

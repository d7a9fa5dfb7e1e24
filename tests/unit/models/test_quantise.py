import numpy as np
import pytest

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.legal import check
from mapper.graph.reference import real, run
from mapper.passes.pipeline import fuse_network
from models.calibrate import _before_norm, _least_error
from models.quantise import Calibration, calibrate, quantise
from models.zoo import network


def _inputs(graph: Graph, seed: int) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    return {n: random.standard_normal(s, np.float32) for n, s in graph.inputs.items()}


def _noise_db(graph: Graph, quantised: Graph, inputs: dict[str, Array]) -> float:
    """Signal to noise of the output."""
    name = graph.outputs[0]
    wanted, got = (
        run(graph, inputs)[name],
        real(quantised, name, run(quantised, inputs, "int8")[name]),
    )
    return float(10 * np.log10((wanted**2).mean() / ((wanted - got) ** 2).mean()))


@pytest.mark.parametrize(
    ("name", "least_db"),
    [("mlp", 18), ("resnet18", 28), ("mobilenet_v2", 21), ("vit_small", 17), ("bert_base", 18)],
)
def test_int8_stays_near_the_float_network(name: str, least_db: float) -> None:
    graph = fuse_network(network(name, batch=8 if name == "mlp" else 1, seq=8))
    quantised = quantise(graph, calibrate(graph, _inputs(graph, 1)))
    check(quantised)
    assert _noise_db(graph, quantised, _inputs(graph, 2)) > least_db


def test_weights_are_symmetric_and_per_channel() -> None:
    graph = fuse_network(network("mlp"))
    for layer in quantise(graph).layers:
        weight, scale = layer.params["weight"], layer.params["weight_scale"]
        assert weight.dtype == np.int8 and np.abs(weight.astype(int)).max(axis=1).min() == 127
        before = graph.layer(layer.name).params
        error = np.abs(weight * scale[:, None] - before["weight"])
        assert (error <= scale[:, None] / 2 * (1 + 1e-9)).all()
        assert layer.params["bias"].dtype == np.int32


def test_steps_that_are_fixed() -> None:
    graph = fuse_network(network("bert_base", seq=8))
    graph = graph.with_(layers=graph.layers[:14], outputs=(graph.layers[13].name,))
    quantised = quantise(graph)
    assert quantised.scales["layer0.attention.softmax"] == 1 / 127
    pre = {x.name: x.attrs["pre_scale"] for x in quantised.layers if "pre_scale" in x.attrs}
    assert set(pre) == {"layer0.ffn.in"} and pre["layer0.ffn.in"] > 0
    mobile = quantise(fuse_network(network("mobilenet_v2")))
    clipped = [x.name for x in mobile.layers if x.attrs.get("act") == "relu6"]
    assert len(clipped) == 35 and max(mobile.scales[n] for n in clipped) <= 6 / 127
    for layer in mobile.layers:
        if layer.kind in ("reshape", "maxpool"):
            assert mobile.scales[layer.name] == mobile.scales[layer.inputs[0]]


def _one(kind: str, shape: tuple[int, ...], **params: Array) -> Graph:
    attrs = {"epsilon": 1e-5} if kind == "layernorm" else {}
    return Graph("one", {"x": shape}, (Layer("y", kind, ("x",), shape, params, attrs),), ("y",))


def test_clipping_by_percentile_and_by_the_largest() -> None:
    graph, x = _one("relu", (1, 1000)), np.ones((1, 1000), np.float32)
    x[0, 0] = 100
    assert calibrate(graph, {"x": x}, "max").ranges["x"] == 100
    assert calibrate(graph, {"x": x}, 99.0).ranges["x"] == 1
    least = calibrate(graph, {"x": np.linspace(-1, 1, 1000, dtype=np.float32)[None]}).ranges["x"]
    assert 0.7 < least <= 1


def test_least_error_is_the_least_of_its_candidates() -> None:
    x = np.random.default_rng(0).standard_t(3, 20_000).astype(np.float32)
    found, top = _least_error(x), float(np.abs(x).max())

    def error(range_: float) -> float:
        step = range_ / 127
        return float(((np.clip(np.rint(x / step), -127, 127) * step - x) ** 2).mean())

    best = min(error(top * 0.02 ** (i / 23)) for i in range(24))
    assert found < 0.9 * top and error(found) < 1.05 * best


def test_before_a_layer_norm_one_huge_row_does_not_blind_the_others() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((64, 32)).astype(np.float32)
    x[3, 5] = 300
    norm = _one(
        "layernorm", (64, 32), gamma=np.ones(32, np.float32), beta=np.zeros(32, np.float32)
    ).layers[0]
    assert 5 < _before_norm(x, norm) < 60


def test_padding_is_no_measure_of_scores() -> None:
    scores = np.zeros((1, 2, 3, 4), np.float32)
    scores[..., 3] = 50
    scores[..., 0] = 2
    graph = _one("softmax", (1, 2, 3, 4), mask=np.array([[0, 0, 0, -1e4]], np.float32))
    assert calibrate(graph, {"x": scores}, "max").ranges["x"] == 2


def test_a_channel_of_zeros_and_a_tensor_of_zeros() -> None:
    weight = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
    weight[1] = 0
    params = {"weight": weight, "bias": np.array([1e6, 1e6, 0], np.float32)}
    layer = Layer("fc", "linear", ("x",), (2, 3), params)
    graph = Graph("zeros", {"x": (2, 8)}, (layer,), ("fc",))
    for x in (np.zeros((2, 8), np.float32), np.ones((2, 8), np.float32)):
        quantised = quantise(graph, calibrate(graph, {"x": x}))
        got = real(quantised, "fc", run(quantised, {"x": x}, "int8")["fc"])
        assert np.abs(got - run(graph, {"x": x})["fc"]).max() < 1e6 / 64


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda g: calibrate(g, clip="best"), "calibrate: clip is 'best'; use least-error, max, or a percentile 50 to 100"),
        (lambda g: calibrate(g, clip=20.0), "calibrate: clip is 20.0; use least-error, max, or a percentile 50 to 100"),
        (lambda g: calibrate(quantise(g)), "mlp: is quantised already; calibrate the float network"),
        (lambda g: quantise(g, Calibration({"image": 1.0})), "mlp.fc1: the calibration has no range for it; calibrate this graph"),
        (
            lambda g: calibrate(g, {"image": np.full((1, 784), np.inf, np.float32)}),
            "mlp.image: holds values that are not finite; look at the inputs and weights",
        ),
        (
            lambda g: quantise(network("resnet18"), calibrate(network("resnet18"))),
            "resnet18.bn1: a batch norm is not quantised; fold it first",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_quantised(act: object, message: str) -> None:
    assert callable(act)
    with pytest.raises(GraphError) as e, np.errstate(all="ignore"):
        act(fuse_network(network("mlp")))
    assert str(e.value) == message

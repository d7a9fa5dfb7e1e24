from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Graph
from mapper.graph.reference import run
from mapper.graph.text import print_graph
from mapper.passes.pipeline import fuse_network
from models.bert import with_mask
from models.onnx_export import save_onnx, to_onnx
from models.onnx_frontend import from_onnx, load_onnx
from models.zoo import network
from tests.harness.torch_style import FLOAT, INT64, Writer, convolutional, encoder


def oracle(model: Any, feeds: dict[str, Array]) -> Array:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    out: Array = session.run(None, feeds)[0]
    return out


def kinds(graph: Graph) -> dict[str, int]:
    found = [x.kind for x in graph.layers]
    return {k: found.count(k) for k in sorted(set(found))}


@pytest.mark.parametrize("name", ["mlp", "resnet18", "mobilenet_v2", "vit_small", "minilm"])
def test_export_and_import_give_the_same_network(name: str) -> None:
    graph = network(name, seq=16)
    again = from_onnx(to_onnx(graph), name)
    assert (again.inputs, again.outputs) == (graph.inputs, graph.outputs)
    for ours, theirs in zip(graph.layers, again.layers, strict=True):
        for n, value in ours.attrs.items():
            number = isinstance(value, float)  # float32 in the file
            assert theirs.attrs[n] == (pytest.approx(value, rel=1e-6) if number else value), n
        assert theirs.with_(attrs=ours.attrs) == ours
        assert ours.params.keys() == theirs.params.keys(), ours.name
        for n, p in ours.params.items():
            np.testing.assert_allclose(p, theirs.params[n], rtol=1e-6, err_msg=f"{ours.name}.{n}")


def test_a_fused_network_comes_back_through_the_passes() -> None:
    graph = fuse_network(network("resnet18"))
    again = fuse_network(from_onnx(to_onnx(graph), "resnet18"))
    assert print_graph(again) == print_graph(graph)


@pytest.mark.parametrize("form", ["erf", "tanh"])
def test_a_bert_encoder_in_the_style_of_torch(form: str) -> None:
    batch, seq, hidden = 2, 5, 24
    model = encoder(form=form)
    graph = from_onnx(model, "encoder", batch, seq)
    assert kinds(graph) == {
        "add": 4, "context": 2, "gelu": 2, "layernorm": 5, "linear": 12, "scores": 2, "softmax": 2
    }  # fmt: skip
    assert graph.inputs == {"hidden_states": (batch * seq, hidden)}
    scores = next(x for x in graph.layers if x.kind == "scores")
    assert scores.attrs == {"heads": 3, "batch": 2, "scale": pytest.approx(1 / np.sqrt(8))}
    x = np.random.default_rng(3).standard_normal((batch, seq, hidden), np.float32)
    live = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    wanted = oracle(model, {"hidden_states": x, "attention_mask": live})
    graph = with_mask(graph, np.where(live == 1, 0.0, -10000.0))
    got = run(graph, {"hidden_states": x.reshape(-1, hidden)})[graph.outputs[0]]
    tolerance = 1e-5 if form == "erf" else 2e-3  # the Graph's gelu is the exact one
    assert np.abs(got.reshape(wanted.shape) - wanted).max() < tolerance


@pytest.mark.parametrize("batch", [1, 3])
def test_pictures_in_the_style_of_torch(batch: int) -> None:
    model = convolutional()
    graph = from_onnx(model, "pictures", batch)
    x = np.random.default_rng(3).standard_normal((batch, 3, 32, 32), np.float32)
    wanted = oracle(model, {"input": x})
    got = run(graph, {"input": np.ascontiguousarray(x.transpose(0, 2, 3, 1))})[graph.outputs[0]]
    assert graph.inputs == {"input": (batch, 32, 32, 3)}
    assert np.abs(got - wanted).max() < 1e-5
    assert not any("Transpose" in x.name for x in graph.layers)


def _check(
    w: Writer, out: str, shape: list[Any], feeds: dict[str, Array], opset: int = 17
) -> Graph:
    """Reads what was written, and compares its run with the oracle's."""
    kind = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64}
    model = w.model(
        {n: (kind[x.dtype], list(x.shape)) for n, x in feeds.items()}, out, shape, opset
    )
    graph = from_onnx(model, "one")
    ours = {n: feeds[n].reshape(s) for n, s in graph.inputs.items()}
    wanted = oracle(model, feeds)
    got = run(graph, ours)[graph.outputs[0]]
    assert np.abs(got.reshape(wanted.shape) - wanted).max() < 1e-5
    return graph


def _x(*shape: int) -> Array:
    return np.random.default_rng(9).standard_normal(shape, np.float32)


def test_factors_go_into_the_weights_before_them() -> None:
    w = Writer()
    x = w.op("Add", w.op("MatMul", "x", w.normal(6, 4)), w.normal(4))
    x = w.op("Sub", w.op("Div", w.op("Mul", x, w.normal(4)), 3.0), w.normal(4))
    assert kinds(_check(w, x, [5, 4], {"x": _x(5, 6)})) == {"linear": 1}


def test_a_factor_on_a_shared_tensor_is_a_batch_norm() -> None:
    w = Writer()
    x = w.op("MatMul", "x", w.normal(6, 4))
    y = w.op("Add", w.op("Mul", x, w.normal(4)), x)
    graph = _check(w, y, [5, 4], {"x": _x(5, 6)})
    assert kinds(graph) == {"add": 1, "batchnorm": 1, "linear": 1}


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("seq", [1, 4])
def test_scaled_dot_product_attention_with_split_factors(heads: int, seq: int) -> None:
    """Each of q and k times the fourth root; batch and heads in one rank."""
    w, width, batch = Writer(), 3, 2
    parts = []
    for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
        x = w.op("MatMul", "x", w.normal(6, heads * width))
        x = w.op("Reshape", x, np.array([batch, seq, heads, width]))
        x = w.op("Transpose", x, perm=perm)
        shape = [batch * heads, *((seq, width) if perm[-1] == 3 else (width, seq))]
        parts.append(w.op("Reshape", x, np.array(shape)))
    q, k, v = parts
    p = w.op("Softmax", w.op("MatMul", w.op("Mul", q, 0.7), w.op("Mul", k, 0.7)), axis=-1)
    c = w.op("Reshape", w.op("MatMul", p, v), np.array([batch, heads, seq, width]))
    c = w.op("Reshape", w.op("Transpose", c, perm=[0, 2, 1, 3]), np.array([batch, seq, -1]))
    out = w.op("MatMul", c, w.normal(heads * width, 6))
    graph = _check(w, out, [batch, seq, 6], {"x": _x(batch, seq, 6)})
    assert kinds(graph)["scores"] == kinds(graph)["context"] == 1
    assert next(x for x in graph.layers if x.kind == "scores").attrs["scale"] == pytest.approx(0.49)


def test_plain_matrices_and_embeddings() -> None:
    w = Writer()
    x = w.op("Gather", w.normal(11, 4), "ids", axis=0)
    y = w.op("MatMul", w.op("MatMul", x, w.normal(4, 5)), w.op("Relu", "b"))
    ids = np.random.default_rng(1).integers(0, 11, (2, 3))
    graph = _check(w, y, [2, 3, 6], {"ids": ids, "b": _x(2, 5, 6)})
    assert kinds(graph) == {"embedding": 1, "linear": 1, "matmul": 1, "relu": 1, "reshape": 2}


@pytest.mark.parametrize("first", ["places", "kinds"])
def test_sums_of_embeddings_and_places_are_the_hosts(first: str) -> None:
    w, ids = Writer(), np.random.default_rng(1).integers(0, 2, (2, 3))
    words, table, places = w.normal(11, 4), w.normal(2, 4), w.normal(1, 3, 4)
    x, kinds_ = w.op("Gather", words, "ids"), w.op("Gather", table, "ids")
    for part in (places, kinds_) if first == "places" else (kinds_, places):
        x = w.op("Add", x, part)
    out = w.op("MatMul", x, w.normal(4, 5))
    model = w.model({"ids": (INT64, [2, 3])}, out, [2, 3, 5], 17)
    graph = from_onnx(model, "net")
    host = {n: (words[ids] + table[ids] + places).reshape(6, 4) for n in graph.inputs}
    assert kinds(graph) == {"linear": 1} and set(graph.inputs.values()) == {(6, 4)}
    got = run(graph, host)[graph.outputs[0]]
    assert np.abs(got.reshape(2, 3, 5) - oracle(model, {"ids": ids})).max() < 1e-6


@pytest.mark.parametrize("side", ["SAME_UPPER", "SAME_LOWER"])
def test_mean_over_pixels_and_padding_in_words(side: str) -> None:
    w = Writer()
    x = w.op("Conv", "x", w.normal(4, 3, 3, 3), auto_pad=side, strides=[2, 2])
    x = w.op("ReduceMean", w.op("MaxPool", x, kernel_shape=[2, 2], auto_pad="VALID"), axes=[2, 3])
    model = w.model({"x": (FLOAT, [1, 3, 8, 9])}, x, [1, 4, 1, 1], 13)
    value = _x(1, 3, 8, 9)
    graph = from_onnx(model, "mean")
    got = run(graph, {"x": np.ascontiguousarray(value.transpose(0, 2, 3, 1))})[graph.outputs[0]]
    assert np.abs(got.reshape(-1) - oracle(model, {"x": value}).reshape(-1)).max() < 1e-5


def test_channels_last_inputs_stay_as_they_are() -> None:
    w = Writer()
    x = w.op("Transpose", "x", perm=[0, 3, 1, 2])
    out = w.op("Conv", x, w.normal(4, 3, 3, 3))
    model = w.model({"x": (FLOAT, [1, 8, 6, 3])}, out, [1, 4, 6, 4], 13)
    graph, value = from_onnx(model, "nhwc"), _x(1, 8, 6, 3)
    assert graph.inputs == {"x": (1, 8, 6, 3)}
    got = run(graph, {"x": value})[graph.outputs[0]]
    assert np.abs(got.transpose(0, 3, 1, 2) - oracle(model, {"x": value})).max() < 1e-5


def test_a_constant_mask_becomes_the_softmax_mask() -> None:
    w = Writer()
    q, k = ("MatMul", "x", w.normal(6, 6)), ("MatMul", "x", w.normal(6, 6))
    s = w.op("MatMul", w.op(*q), w.op("Transpose", w.op(*k), perm=[0, 2, 1]))
    mask = np.array([0, 0, -np.inf, 0], np.float32).reshape(1, 1, 4)
    p = w.op("Softmax", w.op("Add", s, mask), axis=-1)
    v = w.op("MatMul", "x", w.normal(6, 6))
    graph = _check(w, w.op("MatMul", p, v), [2, 4, 6], {"x": _x(2, 4, 6)})
    softmax = next(x for x in graph.layers if x.kind == "softmax")
    np.testing.assert_array_equal(softmax.params["mask"], [[0, 0, -10000, 0]] * 2)


def test_files(tmp_path: Any) -> None:
    graph = network("mlp")
    save_onnx(graph, tmp_path / "mlp.onnx")
    assert load_onnx(tmp_path / "mlp.onnx") == graph
    assert network(tmp_path / "mlp.onnx") == graph
    with pytest.raises(GraphError, match="cannot be written"):
        save_onnx(graph, tmp_path / "none" / "mlp.onnx")


def test_a_quantised_network_is_not_exported() -> None:
    graph = network("mlp")
    scaled = graph.with_(
        scales=dict.fromkeys([*graph.inputs, *(x.name for x in graph.layers)], 0.1)
    )
    with pytest.raises(GraphError, match=r"^mlp: is quantised; export the float network$"):
        to_onnx(scaled)


def test_the_writer_makes_what_the_oracle_runs() -> None:
    """The oracle itself must see the layers: a planted change of one weight moves its output."""
    model = convolutional()
    x = {"input": _x(1, 3, 32, 32)}
    before = oracle(model, x)
    other = helper.make_model(model.graph, opset_imports=model.opset_import, ir_version=8)
    raw = bytearray(other.graph.initializer[0].raw_data)
    raw[2] ^= 64
    other.graph.initializer[0].raw_data = bytes(raw)
    assert np.abs(oracle(other, x) - before).max() > 1e-4

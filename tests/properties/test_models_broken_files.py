"""Broken network files: a GraphError of one line or a legal Graph, never anything else, never for long."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Graph
from mapper.graph.legal import check
from models.bert import load_bert
from models.onnx_fold import FOLDS
from models.onnx_frontend import HANDLERS, from_onnx, load_onnx
from tests.harness.bert_folder import CONFIG, bert_folder
from tests.harness.torch_style import convolutional, encoder

MODELS = {"encoder": encoder(layers=1), "pictures": convolutional()}
BYTES = {name: model.SerializeToString() for name, model in MODELS.items()}
NUMBERS = st.sampled_from([-(2**63), -1000, -2, -1, 0, 1, 2, 3, 5, 8, 24, 97, 10**4, 2**31, 2**62])
FEW = settings(
    max_examples=150,
    deadline=20_000,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
edits = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "drop", "double"]),
        st.integers(0, 2**32),
        st.integers(1, 255),
    ),
    min_size=1,
    max_size=4,
)


def broken(data: bytes, edits: list[tuple[str, int, int]]) -> bytes:
    out = bytearray(data)
    for what, place, value in edits:
        at = place % max(1, len(out))
        if what == "flip" and out:
            out[at] ^= value
        elif what == "cut":
            del out[at:]
        elif what == "drop":
            del out[at : at + value]
        else:
            out[at:at] = out[at : at + value]
    return bytes(out)


def one_line_or_legal(read: Callable[[], Graph]) -> bool:
    """Whether it was refused."""
    try:
        graph = read()
    except GraphError as e:
        assert str(e) and "\n" not in str(e)
        return True
    check(graph)
    return False


@pytest.mark.parametrize("name", MODELS)
def test_onnx_bytes(name: str, tmp_path: Path) -> None:
    refused = []

    @FEW
    @given(edits)
    def run(edits: list[tuple[str, int, int]]) -> None:
        (tmp_path / "net.onnx").write_bytes(broken(BYTES[name], edits))
        refused.append(one_line_or_legal(lambda: load_onnx(tmp_path / "net.onnx", 2, 5)))

    run()
    assert sum(refused) > 0.3 * len(refused)


@pytest.mark.parametrize("name", MODELS)
def test_onnx_fields(name: str) -> None:
    """Whole files with other numbers, operators and wires in them: what a byte edit seldom reaches."""
    refused = []

    @FEW
    @given(st.data())
    def run(data: Any) -> None:
        model = type(MODELS[name])()
        model.ParseFromString(BYTES[name])
        for _ in range(data.draw(st.integers(1, 3))):
            _edit(model.graph, data.draw)
        refused.append(one_line_or_legal(lambda: from_onnx(model, "net", 2, 5)))

    run()
    assert 0.3 * len(refused) < sum(refused) < len(refused)


def _edit(body: Any, draw: Any) -> None:
    node = draw(st.sampled_from(list(body.node)))
    what = draw(st.sampled_from(["attribute", "constant", "operator", "wire", "lose", "extent"]))
    if what == "attribute" and node.attribute:
        a = draw(st.sampled_from(list(node.attribute)))
        if a.ints:
            a.ints[draw(st.integers(0, len(a.ints) - 1))] = draw(NUMBERS)
        else:
            a.i = draw(NUMBERS)
    elif what == "constant":
        whole = [x for x in body.initializer if x.data_type == 7]
        x = draw(st.sampled_from(whole or list(body.initializer)))
        array = numpy_helper.to_array(x).copy()
        array.reshape(-1)[:1] = draw(NUMBERS)
        x.CopyFrom(numpy_helper.from_array(array, x.name))
    elif what == "operator":
        node.op_type = draw(st.sampled_from(sorted({*HANDLERS, *FOLDS})))
    elif what == "wire" and node.input:
        other = draw(st.sampled_from(list(body.node)))
        node.input[draw(st.integers(0, len(node.input) - 1))] = draw(
            st.sampled_from(list(other.input) or [""])
        )
    elif what == "lose" and node.input:
        node.input.pop()
    elif what == "extent":
        dims = body.input[0].type.tensor_type.shape.dim
        draw(st.sampled_from(list(dims))).dim_value = draw(NUMBERS)


def test_safetensors_bytes(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    path, refused = tmp_path / "model.safetensors", []
    whole = path.read_bytes()
    head = 8 + int.from_bytes(whole[:8], "little")

    @FEW
    @given(edits, st.booleans())
    def run(edits: list[tuple[str, int, int]], in_header: bool) -> None:
        data = broken(whole[:head], edits) + whole[head:] if in_header else broken(whole, edits)
        path.write_bytes(data)
        refused.append(one_line_or_legal(lambda: load_bert(tmp_path, 1, 4)))

    with np.errstate(all="ignore"):
        run()
    assert 0.3 * len(refused) < sum(refused) < len(refused)


def test_config_fields(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    odd = st.one_of(
        NUMBERS, st.none(), st.text(max_size=5), st.floats(), st.lists(st.integers(), max_size=2)
    )

    @FEW
    @given(
        st.dictionaries(
            st.sampled_from([*CONFIG, "position_embedding_type"]), odd, min_size=1, max_size=3
        )
    )
    def run(change: dict[str, Any]) -> None:
        (tmp_path / "config.json").write_text(json.dumps(CONFIG | change))
        one_line_or_legal(lambda: load_bert(tmp_path, 1, 4))

    run()


def test_config_bytes(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    whole = (tmp_path / "config.json").read_bytes()

    @FEW
    @given(edits)
    def run(edits: list[tuple[str, int, int]]) -> None:
        (tmp_path / "config.json").write_bytes(broken(whole, edits))
        one_line_or_legal(lambda: load_bert(tmp_path, 1, 4))

    run()


def test_deeply_nested_config(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    (tmp_path / "config.json").write_text("[" * 100_000)
    assert one_line_or_legal(lambda: load_bert(tmp_path, 1, 4))

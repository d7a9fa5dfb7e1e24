"""The BERT reader on a small folder made here, and all-MiniLM-L6-v2 itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsim.spec.errors import GraphError
from mapper.graph.legal import check
from mapper.graph.reference import run
from models.bert import MASKED, load_bert, load_minilm, with_mask
from models.sentences import SENTENCES
from models.tensors import TensorFile
from models.text_host import compare_embeddings, load_host, pool
from models.zoo import network
from models.zoo.build import parameters
from tests.harness.bert_folder import CONFIG, bert_folder, write_tensors


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


def _norm(x: Any, t: dict[str, Any], at: str) -> Any:
    d = x - x.mean(-1, keepdims=True)
    return (
        d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-12) * t[f"{at}.weight"] + t[f"{at}.bias"]
    )


def _by_the_book(t: dict[str, Any], x: Any, live: Any) -> Any:
    """[batch, seq, hidden] through the encoder of Devlin et al. 2018, written out in float64, head by head."""
    t = {k: v.astype(np.float64) for k, v in t.items()}
    dense = lambda x, at: x @ t[f"{at}.weight"].T + t[f"{at}.bias"]  # noqa: E731
    x = _norm(x.astype(np.float64), t, "embeddings.LayerNorm")
    for i in range(CONFIG["num_hidden_layers"]):
        at, parts = f"encoder.layer.{i}.", []
        q, k, v = (dense(x, f"{at}attention.self.{n}") for n in ("query", "key", "value"))
        width = CONFIG["hidden_size"] // CONFIG["num_attention_heads"]
        for h in range(CONFIG["num_attention_heads"]):
            cut = slice(h * width, (h + 1) * width)
            s = q[..., cut] @ k[..., cut].swapaxes(1, 2) / np.sqrt(width)
            p = np.exp(s) * live[:, None, :]
            parts.append(p / p.sum(-1, keepdims=True) @ v[..., cut])
        y = dense(np.concatenate(parts, -1), f"{at}attention.output.dense")
        x = _norm(x + y, t, f"{at}attention.output.LayerNorm")
        y = dense(x, f"{at}intermediate.dense")
        y = dense(y * (1 + _erf(y / np.sqrt(2))) / 2, f"{at}output.dense")
        x = _norm(x + y, t, f"{at}output.LayerNorm")
    return x


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_a_folder_against_the_paper(tmp_path: Path, prefix: str) -> None:
    tensors = bert_folder(tmp_path, prefix=prefix)
    graph = load_bert(tmp_path, batch=2, seq=5)
    check(graph)
    random = np.random.default_rng(1)
    x, live = random.standard_normal((2, 5, 12)).astype(np.float32), np.ones((2, 5))
    live[1, 3:] = 0
    graph = with_mask(graph, np.where(live == 1, 0, MASKED))
    got = run(graph, {"embeddings": x.reshape(10, 12)})[graph.outputs[0]]
    np.testing.assert_allclose(got.reshape(2, 5, 12), _by_the_book(tensors, x, live), atol=2e-5)


def test_layer_names_and_network_by_path(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    graph = network(tmp_path, batch=1, seq=4)
    assert graph == load_bert(tmp_path, 1, 4) and graph.inputs == {"embeddings": (4, 12)}
    assert [x.name for x in graph.layers[:13]] == [
        "embeddings.norm", "layer0.attention.query", "layer0.attention.key", "layer0.attention.value",
        "layer0.attention.scores", "layer0.attention.softmax", "layer0.attention.context", "layer0.attention.output",
        "layer0.attention.add", "layer0.attention.norm", "layer0.ffn.in", "layer0.ffn.gelu", "layer0.ffn.out",
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["F16", "BF16", "F64"])
def test_other_numbers_of_the_file(tmp_path: Path, number: str) -> None:
    wanted = np.array([[1.5, -2.0], [0.0078125, 3.0]])
    write_tensors(tmp_path / "t", {"first": (np.arange(3.0), "F32"), "x": (wanted, number)})
    with TensorFile(tmp_path / "t") as file:
        got = file.take("x", (2, 2))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, wanted)


def test_old_names_of_norms(tmp_path: Path) -> None:
    bert_folder(tmp_path / "new")
    bert_folder(
        tmp_path / "old",
        rename=lambda n: n.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"),
    )
    new, old = (load_bert(tmp_path / n, 1, 4) for n in ("new", "old"))
    np.testing.assert_array_equal(new.layers[0].params["gamma"], old.layers[0].params["gamma"])


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    with pytest.raises(GraphError, match=r"mask has shape \[1, 3\], \[1, 4\] is wanted"):
        with_mask(load_bert(tmp_path, 1, 4), np.zeros((1, 3)))


def test_a_config_of_swish_says_silu(tmp_path: Path) -> None:
    bert_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"hidden_act": "swish"}))
    assert "layer1.ffn.silu" in {x.name for x in load_bert(tmp_path, 1, 4).layers}


def test_minilm_has_its_published_parameters() -> None:
    graph, host = load_minilm(), load_host()
    pooler = 384 * 385
    tables = host.words.size + host.places.size + 2 * host.kind.size
    assert parameters(graph) + tables + pooler == 22_713_216


def test_paraphrases_are_nearest_in_minilm() -> None:
    """The first six pairs of sentences say the same; a network read wrongly would not know."""
    host = load_host()
    x, mask = host.embed(SENTENCES, 24)
    graph = with_mask(load_minilm(batch=len(SENTENCES), seq=24), mask)
    vectors = pool(run(graph, {"embeddings": x})[graph.outputs[0]], mask)
    near = vectors @ vectors.T - 2 * np.eye(len(vectors))
    assert [int(near[i].argmax()) for i in range(12)] == [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]
    assert near[range(0, 12, 2), range(1, 12, 2)].min() > 0.5 > near[12:].max()


def test_padding_changes_nothing_in_minilm() -> None:
    host, some = load_host(), SENTENCES[:2]
    vectors = []
    for seq in (20, 32):
        x, mask = host.embed(some, seq)
        graph = with_mask(load_minilm(batch=2, seq=seq), mask)
        vectors.append(pool(run(graph, {"embeddings": x})[graph.outputs[0]], mask))
    np.testing.assert_allclose(*vectors, atol=1e-5)


def test_tokens_are_cut_and_padded() -> None:
    host = load_host()
    ids, present = host.tokenise(["the cat", "word " * 50], 8)
    assert ids.tolist()[0] == [101, 1996, 4937, 102, 0, 0, 0, 0] and ids[1, -1] == 102
    assert present.sum(1).tolist() == [4, 8]


def test_embeddings_compared() -> None:
    a = np.eye(4)[[0, 0, 1, 1]] + 0.01 * np.arange(16).reshape(4, 4)
    same = compare_embeddings(a, 3 * a)
    assert (same.cosine, same.neighbours_changed, same.neighbour_rank) == (pytest.approx(1), 0, 1)
    other = compare_embeddings(a, a[[2, 0, 1, 3]])
    assert other.cosine < 0.9 and other.neighbours_changed > 0 and other.neighbour_rank > 1
    assert compare_embeddings(a, -a).cosine_min == pytest.approx(-1)

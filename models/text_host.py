"""What the host does for a sentence encoder: tokens, embedding gather, pooling. Reports list it as host work."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array
from models.bert import MASKED, check_batch, minilm_folder, prefix_of, read_config
from models.tensors import TensorFile


@dataclass(frozen=True)
class TextHost:
    """`words` [vocabulary, hidden], `places` [positions, hidden], `kind` [hidden] float32; `tokenizer` from the package tokenizers."""

    where: str
    words: Array
    places: Array
    kind: Array
    tokenizer: Any

    def tokenise(self, sentences: Sequence[str], seq: int = 128) -> tuple[Array, Array]:
        """ids [batch, seq] int64 and present [batch, seq] bool; longer sentences are cut at `seq`."""
        check_batch(self.where, len(sentences), seq, len(self.places))
        self.tokenizer.enable_truncation(seq)
        self.tokenizer.enable_padding(length=seq)
        found = self.tokenizer.encode_batch(list(sentences))
        ids = np.array([x.ids for x in found], np.int64)
        if ids.max() >= len(self.words):
            raise GraphError(
                f"{self.where}: tokenizer.json gives id {ids.max()}, the table has {len(self.words)} words; "
                "give files that belong together"
            )
        return ids, np.array([x.attention_mask for x in found], bool)

    def embed(self, sentences: Sequence[str], seq: int = 128) -> tuple[Array, Array]:
        """The graph's input [batch*seq, hidden] float32, and its mask [batch, seq] float32 (see `bert.with_mask`)."""
        ids, present = self.tokenise(sentences, seq)
        rows = self.words[ids] + self.places[:seq] + self.kind
        mask = np.where(present, 0.0, MASKED).astype(np.float32)
        return rows.reshape(-1, rows.shape[-1]), mask


def load_host(folder: Path | str | None = None) -> TextHost:
    """Tables and tokeniser of a BERT folder; of the installed MiniLM without a folder."""
    folder = minilm_folder(folder)
    config = read_config(folder)
    with TensorFile(folder / "model.safetensors") as file:
        at = prefix_of(file) + "embeddings."
        words = file.take(at + "word_embeddings.weight", (config.vocabulary, config.hidden))
        places = file.take(at + "position_embeddings.weight", (config.positions, config.hidden))
        kinds = file.take(at + "token_type_embeddings.weight", (config.types, config.hidden))
    return TextHost(str(folder), words, places, kinds[0], _tokenizer(folder / "tokenizer.json"))


def _tokenizer(path: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as e:
        raise GraphError(
            "minilm: sentences need the package tokenizers; run pip install tokenizers (extra networks)"
        ) from e
    try:
        return Tokenizer.from_str(path.read_text("utf-8"))
    except OSError as e:
        raise GraphError(f"{path}: cannot be read ({e.strerror}); give a folder that has it") from e
    except Exception as e:  # the package raises plain Exception for a broken file
        raise GraphError(
            f"{path}: not a tokenizer ({' '.join(str(e).split())[:120]}); fetch it again"
        ) from e


def pool(output: Array, mask: Array) -> Array:
    """Mean over the tokens that are there, length 1: output [batch*seq, hidden], mask [batch, seq] -> [batch, hidden] float32."""
    batch, seq = mask.shape
    rows = np.asarray(output, np.float64).reshape(batch, seq, -1)
    weight = (mask == 0).astype(np.float64)[..., None]
    mean = (rows * weight).sum(1) / np.maximum(weight.sum(1), 1)
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    return np.asarray(mean / np.maximum(length, 1e-12), np.float32)


@dataclass(frozen=True)
class EmbeddingChange:
    """`cosine`: mean over sentences of the cosine between the two embeddings, `cosine_min` the lowest.

    `neighbours_changed`: sentences whose nearest other sentence differs. `neighbour_rank`: mean place, from 1, of
    the first network's nearest sentence in the second's order.
    """

    sentences: int
    cosine: float
    cosine_min: float
    neighbours_changed: int
    neighbour_rank: float


def compare_embeddings(a: Array, b: Array) -> EmbeddingChange:
    """a, b: [sentences, hidden], the same sentences in two networks; at least two sentences."""
    if a.shape != b.shape or a.ndim != 2 or len(a) < 2:
        raise GraphError(
            f"embeddings: shapes {list(a.shape)} and {list(b.shape)}; give the same two or more sentences to both"
        )
    a, b = _unit(a), _unit(b)
    cosine = (a * b).sum(1)
    near_a, near_b = _neighbours(a), _neighbours(b)
    first = near_a[:, 0]
    rank = 1 + np.array([list(row).index(n) for row, n in zip(near_b, first, strict=True)])
    changed = int((near_b[:, 0] != first).sum())
    return EmbeddingChange(
        len(a), float(cosine.mean()), float(cosine.min()), changed, float(rank.mean())
    )


def _unit(x: Array) -> Array:
    x = np.asarray(x, np.float64)
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12))


def _neighbours(x: Array) -> Array:
    """[sentences, sentences - 1]: the others, nearest first."""
    near = x @ x.T
    np.fill_diagonal(near, -np.inf)
    return np.asarray(np.argsort(-near, axis=1, kind="stable")[:, :-1])

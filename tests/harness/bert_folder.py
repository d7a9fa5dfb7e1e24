"""A small BERT folder with seeded weights, and safetensors files byte by byte."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CONFIG: dict[str, Any] = {
    "model_type": "bert", "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 20,
    "vocab_size": 30, "max_position_embeddings": 16, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
}  # fmt: skip


def shapes() -> dict[str, tuple[int, ...]]:
    hidden, ffn = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    out: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (CONFIG["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": (CONFIG["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": (CONFIG["type_vocab_size"], hidden),
    }
    norms, dense = ["embeddings.LayerNorm"], {}
    for i in range(CONFIG["num_hidden_layers"]):
        at = f"encoder.layer.{i}."
        norms += [f"{at}attention.output.LayerNorm", f"{at}output.LayerNorm"]
        names = [f"attention.self.{n}" for n in ("query", "key", "value")]
        dense |= {f"{at}{n}": (hidden, hidden) for n in [*names, "attention.output.dense"]}
        dense |= {f"{at}intermediate.dense": (ffn, hidden), f"{at}output.dense": (hidden, ffn)}
    for name in norms:
        out |= {f"{name}.weight": (hidden,), f"{name}.bias": (hidden,)}
    for name, shape in dense.items():
        out |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return out


def bert_folder(
    folder: Path, prefix: str = "", rename: Callable[[str], str] = str, seed: int = 0
) -> dict[str, Any]:
    """Writes config.json and model.safetensors; gives the tensors by their plain names."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    tensors = {n: random.standard_normal(s).astype(np.float32) / 2 for n, s in shapes().items()}
    (folder / "config.json").write_text(json.dumps(CONFIG))
    write_tensors(
        folder / "model.safetensors", {prefix + rename(n): (x, "F32") for n, x in tensors.items()}
    )
    return tensors


def raw(x: Any, number: str) -> bytes:
    x = np.asarray(x)
    if number == "BF16":  # the upper half of a float32
        return bytes((x.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes())
    return bytes(
        x.astype({"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8"}[number]).tobytes()
    )


def write_tensors(path: Path, tensors: dict[str, tuple[Any, str]]) -> None:
    """Length, JSON header, data; values of BF16 must be exact in it."""
    header, data = {}, b""
    for name, (x, number) in tensors.items():
        piece = raw(x, number)
        ends = [len(data), len(data) + len(piece)]
        header[name] = {"dtype": number, "shape": list(np.shape(x)), "data_offsets": ends}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)

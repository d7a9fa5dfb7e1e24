"""Networks by name: published shapes with seeded weights, the trained MiniLM, or a file."""

import os
from pathlib import Path

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Graph
from models.bert import load_bert, load_minilm
from models.zoo.plain import mlp, mobilenet_v2, vgg19
from models.zoo.resnet import resnet18, resnet50
from models.zoo.transformer import bert_base, vit_small

BUILDERS = {
    "mlp": mlp,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "vgg19": vgg19,
    "mobilenet_v2": mobilenet_v2,
    "vit_small": vit_small,
    "bert_base": bert_base,
}


def network_names() -> tuple[str, ...]:
    return ("minilm", *BUILDERS)


def network(name_or_path: str | Path, batch: int = 1, seq: int = 128, seed: int = 0) -> Graph:
    """`seq` counts for text networks only, `seed` for networks of the zoo; a path is an .onnx file or a folder
    with model.safetensors and config.json."""
    name = str(name_or_path)
    if batch < 1 or seq < 1:
        raise GraphError(f"{name}: batch is {batch}, seq is {seq}; give 1 or more")
    if name == "minilm":
        return load_minilm(None, batch, seq)
    if name in BUILDERS:
        return BUILDERS[name](batch, seq, seed)
    path = Path(name)
    if path.suffix == ".onnx":
        from models.onnx_frontend import load_onnx

        return load_onnx(path, batch, seq)
    if name and os.path.isdir(path):
        return load_bert(path, batch, seq)
    raise GraphError(
        f"network: {name[:80]!r} is unknown; use {', '.join(network_names())}, a file ending in .onnx, "
        "or a folder with model.safetensors and config.json"
    )

"""The reference run of every network against ONNX Runtime, layer by layer, in float32."""

from typing import Any

import numpy as np
import onnxruntime
import pytest

from mapper.graph.ir import Array, Graph
from mapper.graph.reference import run
from mapper.passes.pipeline import fuse_network
from models.onnx_export import to_nchw, to_onnx
from models.zoo import network


def onnxruntime_run(graph: Graph, inputs: dict[str, Array], model: Any = None) -> dict[str, Array]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    model = model if model is not None else to_onnx(graph, all_tensors=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    feeds = {name: to_nchw(graph, name, x) for name, x in inputs.items()}
    names = [x.name for x in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


def normal_inputs(graph: Graph, seed: int = 1) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    return {n: random.standard_normal(s, np.float32) for n, s in graph.inputs.items()}


def worst(graph: Graph, ours: dict[str, Array], theirs: dict[str, Array]) -> tuple[float, str]:
    """The largest error of a layer, as a fraction of the layer's largest value."""
    errors = []
    for layer in graph.layers:
        mine = to_nchw(graph, layer.name, ours[layer.name])
        assert mine.shape == theirs[layer.name].shape, layer.name
        top = np.abs(theirs[layer.name]).max()
        errors.append((float(np.abs(mine - theirs[layer.name]).max() / top), layer.name))
    return max(errors)


@pytest.mark.parametrize(
    "name", ["mlp", "resnet18", "resnet50", "mobilenet_v2", "vit_small", "minilm"]
)
def test_every_layer_of_the_zoo(name: str) -> None:
    graph = network(name, batch=2 if name in ("mlp", "vit_small") else 1, seq=16)
    inputs = normal_inputs(graph)
    error, where = worst(graph, run(graph, inputs), onnxruntime_run(graph, inputs))
    assert error < 1e-4, where


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "minilm"])
def test_fused_networks(name: str) -> None:
    graph = fuse_network(network(name, seq=16))
    inputs = normal_inputs(graph)
    error, where = worst(graph, run(graph, inputs), onnxruntime_run(graph, inputs))
    assert error < 1e-4, where

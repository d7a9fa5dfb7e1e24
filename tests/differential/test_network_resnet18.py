"""ResNet-18 at 224 x 224, written as ONNX and read again: ONNX Runtime, reference, functional, engine, layer by layer.

Weights are seeded (published shapes); the picture is seeded noise. Tolerances as in test_network_minilm.py; errors carried on
through 18 layers: root mean square within 1 step of fp16, no element further off than 2 steps of the tensor's largest magnitude.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from hwsim.spec.load import load_machine
from hwsim.spec.patterns import NMPattern
from mapper.graph.ir import Array, Graph
from mapper.graph.reference import run as run_reference
from mapper.passes.pipeline import fuse_network
from models.onnx_export import save_onnx
from models.onnx_frontend import load_onnx
from models.prune import prune
from models.zoo import network
from tests.harness.networks import (
    STEP,
    all_tensors,
    assert_each_layer,
    assert_laws,
    assert_same_bits,
    assert_traffic,
    lowered,
    onnx_tensors,
    relative_errors,
    run_everywhere,
    seeded,
)


@cache
def imported(pattern: str) -> tuple[Graph, dict[str, Array]]:
    """Fused, every layer's tensor an output; and its picture."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "resnet18.onnx"
        save_onnx(network("resnet18"), file)
        graph = load_onnx(file)
    assert sum(x.kind == "conv2d" for x in graph.layers) == 20
    graph = fuse_network(prune(graph, NMPattern.parse(pattern)))
    return all_tensors(graph), seeded(graph)


def fp16_agrees(pattern: str) -> None:
    graph, inputs = imported(pattern)
    spec = load_machine("sat")
    runs = run_everywhere(spec, graph, inputs)
    assert_same_bits(runs.functional, runs.engine, "functional and engine")
    assert_laws(spec, runs.result)
    assert_traffic(runs.result)
    wanted = onnx_tensors(graph, inputs)
    assert wanted.keys() == runs.functional.keys()
    for name, got in runs.functional.items():
        largest, mean = relative_errors(wanted[name], got)
        assert mean <= STEP, f"{name}: root mean square error {mean:.2g}"
        assert largest <= 2 * STEP, f"{name}: largest error {largest:.2g}"
    assert_each_layer(graph, {n: x.astype(np.float16) for n, x in inputs.items()} | runs.functional, STEP)


def int8_agrees(machine: str, graph: Graph, inputs: dict[str, Array]) -> dict[str, Array]:
    spec = load_machine(machine)
    runs = run_everywhere(spec, graph, inputs)
    assert_same_bits(runs.functional, runs.engine, "functional and engine")
    wanted = run_reference(graph, inputs, "int8")
    assert_same_bits({n: wanted[n] for n in runs.functional}, runs.functional, "reference and functional")
    assert_laws(spec, runs.result)
    assert_traffic(runs.result)
    assert all(x.any() for x in runs.functional.values())
    return runs.functional


def test_every_tensor_in_fp16() -> None:
    fp16_agrees("dense")


def test_int8_2_8_is_dense_with_the_same_zeros() -> None:
    graph, inputs = imported("2:8")
    graph = lowered(graph, load_machine("sat_int8"), inputs)
    assert sum(x.pattern == (2, 8) for x in graph.layers) == 20
    dense = graph.with_(layers=tuple(x.with_(pattern=(1, 1)) for x in graph.layers))
    assert_same_bits(int8_agrees("sat_int8", graph, inputs), int8_agrees("sat_int8", dense, inputs), "2:8 and dense")


@pytest.mark.nightly
@pytest.mark.parametrize("pattern", ["2:8", "1:16"])
def test_every_tensor_of_the_pruned_network_in_fp16(pattern: str) -> None:
    fp16_agrees(pattern)


@pytest.mark.nightly
def test_every_tensor_in_int8_on_a_dense_machine() -> None:
    graph, inputs = imported("dense")
    int8_agrees("dense32", lowered(graph, load_machine("dense32"), inputs), inputs)

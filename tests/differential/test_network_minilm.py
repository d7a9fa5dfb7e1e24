"""all-MiniLM-L6-v2 with its trained weights on real sentences, dense and 2:8: ONNX Runtime, reference, functional, engine.

fp16 (`sat`), against ONNX Runtime in FP32, of every tensor:
- each layer by itself, given the machine's own inputs: within one step of fp16 (2**-10) of the tensor's largest magnitude;
- the whole network, errors carried on through six blocks: root mean square within 2 steps, no element further off than 5 steps
  of the largest magnitude.
int8 (`sat_int8`): every tensor bit by bit.
"""

from functools import cache

import numpy as np
import pytest

from hwsim.spec.load import load_machine
from hwsim.spec.patterns import NMPattern
from hwsim.trip import Network, prune
from hwsim.trip.stages import with_sentences
from mapper.graph.ir import Array, Graph
from mapper.graph.reference import run as run_reference
from mapper.passes.pipeline import fuse_network
from models.bert import minilm_folder
from tests.harness.networks import (
    STEP,
    Runs,
    all_tensors,
    assert_each_layer,
    assert_laws,
    assert_same_bits,
    assert_traffic,
    lowered,
    onnx_tensors,
    relative_errors,
    run_everywhere,
)

BATCH, SEQ = 2, 32


@cache
def sentences(pattern: str, batch: int = BATCH, seq: int = SEQ) -> Network:
    network = with_sentences("minilm", minilm_folder(), batch, seq)
    assert network.mask is not None
    assert 0 < np.count_nonzero(network.mask) < network.mask.size, "some tokens are padding"
    return prune(network, NMPattern.parse(pattern))


def hold_laws(spec_name: str, runs: Runs) -> None:
    assert_same_bits(runs.functional, runs.engine, "functional and engine")
    assert_laws(load_machine(spec_name), runs.result)
    assert_traffic(runs.result)


def fp16_agrees(pattern: str, batch: int, seq: int) -> dict[str, Array]:
    network = sentences(pattern, batch, seq)
    graph = all_tensors(fuse_network(network.graph))
    runs = run_everywhere(load_machine("sat"), graph, network.inputs)
    hold_laws("sat", runs)
    wanted = onnx_tensors(graph, network.inputs)
    for name, got in runs.functional.items():
        largest, mean = relative_errors(wanted[name], got)
        assert mean <= 2 * STEP, f"{name}: root mean square error {mean:.2g}"
        assert largest <= 5 * STEP, f"{name}: largest error {largest:.2g}"
    inputs = {n: x.astype(np.float16) for n, x in network.inputs.items()}
    assert_each_layer(graph, inputs | runs.functional, STEP)
    return runs.functional


@pytest.mark.parametrize("pattern", ["dense", "2:8"])
def test_every_tensor_in_fp16(pattern: str) -> None:
    network, every = sentences(pattern), fp16_agrees(pattern, BATCH, SEQ)
    plain = run_everywhere(load_machine("sat"), fuse_network(network.graph), network.inputs)
    hold_laws("sat", plain)
    (name,) = plain.functional
    largest, mean = relative_errors(every[name], plain.functional[name])  # fused further: other tiles, another order
    assert largest <= 3 * STEP and mean <= STEP


@pytest.mark.nightly
@pytest.mark.parametrize("pattern", ["dense", "2:4", "2:8", "1:16"])
def test_every_tensor_in_fp16_at_sequence_128(pattern: str) -> None:
    fp16_agrees(pattern, 1, 128)


def int8_agrees(graph: Graph, inputs: dict[str, Array]) -> dict[str, Array]:
    """All tensors; and the Program that gives the last one alone gives the same bits."""
    spec = load_machine("sat_int8")
    runs = run_everywhere(spec, all_tensors(graph), inputs)
    hold_laws("sat_int8", runs)
    wanted = run_reference(graph, inputs, "int8")
    assert_same_bits({n: wanted[n] for n in runs.functional}, runs.functional, "reference and functional")
    plain = run_everywhere(spec, graph, inputs)
    hold_laws("sat_int8", plain)
    assert_same_bits({n: wanted[n] for n in plain.functional}, plain.functional, "reference and fused")
    return runs.functional


def test_every_tensor_in_int8() -> None:
    network = sentences("dense")
    graph = lowered(network.graph, load_machine("sat_int8"), network.inputs)
    tensors = int8_agrees(graph, network.inputs)
    assert len(tensors) == len(graph.layers) > 60
    assert all(x.any() for x in tensors.values())


def test_int8_2_8_is_dense_with_the_same_zeros() -> None:
    network = sentences("2:8")
    graph = lowered(network.graph, load_machine("sat_int8"), network.inputs)
    pruned = [x for x in graph.layers if x.pattern == (2, 8)]
    assert len(pruned) == 36
    dense = graph.with_(layers=tuple(x.with_(pattern=(1, 1)) for x in graph.layers))
    assert_same_bits(int8_agrees(graph, network.inputs), int8_agrees(dense, network.inputs), "2:8 and dense")

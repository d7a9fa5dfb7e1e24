"""Layers of every kind in odd shapes: reference = functional = engine, legal Programs, bounds, laws."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.spec.errors import MappingError
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from mapper.graph.ir import Graph
from tests.harness import networks
from tests.harness.graphs import Net
from tests.harness.layer_draws import DRAWS
from tests.harness.networks import (
    assert_laws,
    assert_reference,
    assert_same_bits,
    assert_traffic,
    lowered,
    run_everywhere,
    seeded,
)

MACHINES = ("tiny4", "tiny8", "dense32", "sat", "sat_int8")
CASES = [(machine, kind) for kind in DRAWS for machine in MACHINES]
COMMON = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


def holds(spec: AcceleratorSpec, graph: Graph, seed: int, dataflow: str | None) -> None:
    """`run_everywhere` has verified the Program. An estimate is a bound for a step that runs alone."""
    inputs = seeded(graph, seed)
    ready = lowered(graph, spec, inputs)
    try:
        runs = run_everywhere(spec, ready, inputs, dataflow=dataflow)
    except MappingError as fault:
        assert "needs" in str(fault), fault
        return
    assert_same_bits(runs.functional, runs.engine, "functional and engine")
    assert_reference(spec, ready, inputs, runs.functional)
    assert_laws(spec, runs.result)
    assert_traffic(runs.result)
    assert runs.result.layers[0].estimate_cycles <= runs.result.cycles
    if len(runs.result.layers) == 1:
        assert runs.program.layers[0].estimate_cycles <= runs.result.cycles


def hunt(machine: str, kind: str, examples: int) -> None:
    spec = load_machine(machine)
    flows = st.sampled_from([None, *spec.array.dataflows])

    @settings(max_examples=examples, **COMMON)
    @given(graph=DRAWS[kind](spec), seed=st.integers(0, 9), dataflow=flows)
    def try_one(graph: Graph, seed: int, dataflow: Any) -> None:
        holds(spec, graph, seed, dataflow)

    try_one()


@pytest.mark.parametrize("machine, kind", CASES)
def test_layers_of_every_kind(machine: str, kind: str) -> None:
    hunt(machine, kind, 12)


@pytest.mark.nightly
@pytest.mark.parametrize("machine, kind", CASES)
def test_many_layers_of_every_kind(machine: str, kind: str) -> None:
    hunt(machine, kind, 400)


def test_a_wrong_weight_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: one byte of the image, the first weight, differs."""
    real = networks.compile_network

    def spoilt(graph: Graph, spec: AcceleratorSpec, **how: Any) -> Program:
        program = real(graph, spec, **how)
        image = program.image.copy()
        image[program.commands()[0]["mem"]] ^= 0x40
        return replace(program, image=image)

    net = Net(0, x=(3, 16))
    net.add("l", "linear", "x", params={"weight": net.normal(5, 16)})
    holds(load_machine("tiny4"), net.graph(), 0, None)
    monkeypatch.setattr(networks, "compile_network", spoilt)
    with pytest.raises(AssertionError, match="reference and functional differ at l"):
        holds(load_machine("tiny4"), net.graph(), 0, None)


def test_an_error_of_two_steps_is_noticed() -> None:
    """Planted: the tolerance of fp16 tensors is tight enough to see one element off by two steps."""
    net = Net(0, x=(3, 16))
    net.add("l", "linear", "x", params={"weight": net.normal(5, 16)})
    graph, inputs = net.graph(), {"x": np.float16(np.random.default_rng(0).normal(size=(3, 16)))}
    tensors = inputs | networks.run_everywhere(load_machine("sat"), graph, inputs).functional
    networks.assert_each_layer(graph, tensors, networks.STEP)
    top = np.unravel_index(np.abs(tensors["l"]).argmax(), (3, 5))
    tensors["l"][top] *= 1 + 2 * networks.STEP
    with pytest.raises(AssertionError, match=r"^l: 0\.00\d+ of its largest magnitude"):
        networks.assert_each_layer(graph, tensors, networks.STEP)
    with pytest.raises(AssertionError, match=r"^l: .* times the tolerance"):
        networks.assert_reference(load_machine("sat"), graph, inputs, {"l": tensors["l"]})

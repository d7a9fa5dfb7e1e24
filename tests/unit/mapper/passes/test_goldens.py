"""What each pass makes of one network: tests/goldens/<pass>/*.txt, `--update-golden` rewrites them."""

from pathlib import Path

import numpy as np
import pytest

from hwsim.spec.load import load_machine
from mapper.graph import reference
from mapper.graph.ir import Graph
from mapper.graph.text import check, print_graph
from mapper.passes.drop_reshape import DropReshape
from mapper.passes.fold_batchnorm import FoldBatchnorm
from mapper.passes.fuse import Fuse
from mapper.passes.lower_batchnorm import LowerBatchnorm
from mapper.passes.pipeline import Pass, fuse_network, standard
from tests.harness.graphs import Net, attention, convolutional

GOLDENS = Path(__file__).parents[3] / "goldens"


def batch_norms() -> Graph:
    """One that folds; one whose producer is read twice; one whose producer's own tensor is an output."""
    net = Net(x=(1, 6, 6, 4))

    def norm(name: str, source: str) -> str:
        params = {n: net.normal(4) for n in ("gamma", "beta", "mean")} | {"variance": abs(net.normal(4)) + 0.5}
        return net.add(name, "batchnorm", source, params=params, epsilon=1e-3)

    def conv(name: str, source: str) -> str:
        return net.add(name, "conv2d", source, params={"weight": net.normal(4, 4, 1, 1), "bias": net.normal(4)})

    first = norm("bn1", conv("c1", "x"))
    second = norm("bn2", conv("c2", net.add("r1", "relu", first)))
    third = norm("bn3", conv("c3", second))
    net.add("sum", "add", net.add("both", "add", "c2", third), "c3")
    return net.graph("sum", "bn3")


def chains() -> Graph:
    """Residuals and activations that may move, and some that may not."""
    net = Net(x=(1, 6, 6, 4))

    def conv(name: str, source: str, groups: int = 1) -> str:
        return net.add(name, "conv2d", source, params={"weight": net.normal(4, 4 // groups, 1, 1)}, groups=groups)

    net.add("r1", "relu", conv("c1", "x"))
    net.add("a1", "add", conv("c2", "r1"), conv("side", "x"))
    net.add("r2", "relu6", "a1")
    net.add("a2", "add", conv("dw", "r2", groups=4), "r2")
    net.add("r3", "silu", "a2")
    net.add("a3", "add", "r3", "r3")
    net.add("a4", "add", conv("read_twice", "a3"), "read_twice")
    net.add("last", "gelu", net.add("a5", "add", conv("c3", "a4"), "a4"))
    return net.graph("last", "side")


def reshapes() -> Graph:
    net = Net(x=(2, 3, 4, 5))
    net.add("same", "reshape", "x", shape=(2, 3, 4, 5))
    net.add("flat", "reshape", net.add("rows", "reshape", "same", shape=(6, 20)), shape=(2, 60))
    net.add("fc", "linear", "flat", params={"weight": net.normal(3, 60, spread=0.1)})
    net.add("kept", "reshape", "fc", shape=(3, 2))
    return net.graph("kept")


CASES: dict[str, tuple[Pass, Graph]] = {
    "fold-batchnorm/batch_norms": (FoldBatchnorm(), batch_norms()),
    "lower-batchnorm/convolutional": (LowerBatchnorm(), convolutional()),
    "fuse/chains": (Fuse(), chains()),
    "fuse/attention": (Fuse(), attention()),
    "drop-reshape/reshapes": (DropReshape(), reshapes()),
}


def inputs_of(graph: Graph) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {n: rng.integers(0, 20, s) if n == "ids" else rng.normal(size=s).astype(np.float32) for n, s in graph.inputs.items()}


@pytest.mark.parametrize("case", CASES)
def test_text_is_the_golden(case: str, request: pytest.FixtureRequest) -> None:
    step, graph = CASES[case]
    text = f"in\n{print_graph(graph)}\nout\n{print_graph(step.run(graph))}"
    path = GOLDENS / f"{case}.txt"
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


@pytest.mark.parametrize("case", CASES)
def test_values_stay_and_a_second_run_changes_nothing(case: str) -> None:
    step, graph = CASES[case]
    once = step.run(graph)
    check(once)
    assert print_graph(step.run(once)) == print_graph(once)
    assert once.outputs == graph.outputs
    before, after = reference.run(graph, inputs_of(graph)), reference.run(once, inputs_of(graph))
    for name in graph.outputs:
        assert np.allclose(before[name], after[name], rtol=1e-4, atol=1e-4), name


@pytest.mark.parametrize("case", CASES)
def test_a_pass_does_not_touch_what_it_is_given(case: str) -> None:
    step, graph = CASES[case]
    before = print_graph(graph), [{k: v.copy() for k, v in x.params.items()} for x in graph.layers]
    step.run(graph)
    assert print_graph(graph) == before[0]
    assert all((x.params[k] == v).all() for x, p in zip(graph.layers, before[1], strict=True) for k, v in p.items())


def test_scaled_networks_pass_unchanged() -> None:
    graph = chains()
    scaled = graph.with_(scales=dict.fromkeys((*graph.inputs, *(x.name for x in graph.layers)), 1.0))
    assert fuse_network(scaled) == scaled


def test_names_are_the_words_of_the_goldens() -> None:
    assert [step.name for step in standard(load_machine("sat"))] == ["fold-batchnorm", "lower-batchnorm", "fuse", "drop-reshape"]
    assert {case.split("/")[0] for case in CASES} == {step.name for step in standard(load_machine("sat"))}

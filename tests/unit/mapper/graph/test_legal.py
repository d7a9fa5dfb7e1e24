"""Legality of a whole graph: the message of every rule, whole."""

import numpy as np
import pytest

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Graph, Layer
from mapper.graph.legal import check
from mapper.graph.reference import run
from tests.harness.graphs import Net, attention, convolutional, quantised, without


def test_sound_graphs_pass() -> None:
    for net in (convolutional, attention):
        check(net())
    graph = without(attention(), "batchnorm")
    check(quantised(graph, run(graph, {"ids": np.arange(12)})))


def linear(**changes) -> Graph:
    net = Net(0, x=(4, 16))
    net.add("f", "linear", "x", params={"weight": net.normal(8, 16)})
    graph = net.graph()
    return graph.with_(layers=(graph.layers[0].with_(**changes),))


RULES = [
    (linear(shape=(4, 9)), "net.f: its inputs make [4, 8], it says [4, 9]; correct the shape"),
    (linear(attrs={"stride": 2}), "net.f: linear has no attribute 'stride'; it has act, pre_scale, residual"),
    (linear(attrs={"act": "tanh"}), "net.f: act is 'tanh'; use relu, relu6, gelu, silu"),
    (linear(pattern=(2, 6)), "net.f: pattern 2:6 is unknown; keep 1 to block of a block of 1, 2, 4, 8, 16 or 32"),
    (linear(pattern=(2, 8)), "net.f: a block keeps 8 weights, the pattern is 2:8; prune it or change the pattern"),
    (linear().with_(scales={"y": 0.1}), "net: scale 0.1 of 'y'; give a positive number for an input or a layer"),
    (linear().with_(scales={"x": -0.1}), "net: scale -0.1 of 'x'; give a positive number for an input or a layer"),
    (linear().with_(scales={"x": 0.1}), "net.f: a quantised network has no scale for it; calibrate again"),
]


@pytest.mark.parametrize("graph, message", RULES)
def test_rules(graph: Graph, message: str) -> None:
    with pytest.raises(GraphError) as fault:
        check(graph)
    assert str(fault.value) == message


def test_words_of_other_kinds() -> None:
    relu = Layer("r", "relu", ("x",), (4,), {"bias": np.zeros(4)})
    with pytest.raises(GraphError, match=r"^net.r: relu has no parameter 'bias'; it has none$"):
        check(Graph("net", {"x": (4,)}, (relu,), ("r",)))
    pruned = Layer("r", "relu", ("x",), (4,), pattern=(1, 2))
    with pytest.raises(GraphError, match=r"^net.r: relu has no weight to keep 1:2 of; use 1:1$"):
        check(Graph("net", {"x": (4,)}, (pruned,), ("r",)))
    both = Layer("a", "add", ("x", "x", "x"), (4,), {}, {"residual": True})
    with pytest.raises(GraphError, match=r"^net.a: add has no attribute 'residual'; it has act, pre_scale$"):
        check(Graph("net", {"x": (4,)}, (both,), ("a",)))


def test_blocks_of_a_convolution_lie_along_the_channel() -> None:
    """2:4 along c holds in each (r, s), though neighbours across r and s are full; the short last block counts too."""
    weight = np.zeros((2, 6, 2, 2), np.float32)
    weight[:, [0, 3, 4, 5]] = 1
    net = Net(0, x=(1, 4, 4, 6))
    net.add("c", "conv2d", "x", params={"weight": weight}, pattern=(2, 4))
    check(net.graph())
    weight[1, 1, 0, 1] = 1
    with pytest.raises(GraphError, match="a block keeps 3 weights"):
        check(net.graph())


def test_a_depthwise_convolution_adds_no_residual() -> None:
    """The vector unit's window function has no second operand; it was dropped without a word."""
    net = Net(0, x=(1, 4, 4, 2))
    net.add("c", "conv2d", "x", "x", params={"weight": net.normal(2, 1, 1, 1)}, groups=2, residual=True)
    with pytest.raises(GraphError, match=r"^net.c: a depthwise convolution adds no residual; put an add layer behind it$"):
        check(net.graph())

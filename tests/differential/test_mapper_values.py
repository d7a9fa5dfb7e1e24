"""Functional run of the Program = reference run of the Graph: int8 bit by bit, fp16 within tolerance.

Every kind of layer, on every machine.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from hwsim.spec.load import load_machine
from mapper.graph.ir import Graph
from tests.harness.graphs import Net, attention, convolutional
from tests.harness.mapped import assert_equal_values, both, pruned

CASES: dict[str, Callable[[], Graph]] = {}
MACHINES = ("tiny4", "tiny8", "sat", "sat_int8", "dense32", "dense32_fp16")


def case(build: Callable[[], Graph]) -> Callable[[], Graph]:
    CASES[build.__name__] = build
    return build


def linear(net: Net, name: str, source: str, n: int, k: int, pattern: tuple[int, int] = (1, 1), **attrs: object) -> str:
    weight = pruned(net.normal(n, k, spread=k**-0.5), *pattern)
    return net.add(name, "linear", source, params={"weight": weight, "bias": net.normal(n)}, pattern=pattern, **attrs)


def conv(net: Net, name: str, source: str, n: int, c: int, taps: int, pattern: tuple[int, int] = (1, 1), **attrs: object) -> str:
    weight = pruned(net.normal(n, c, taps, taps, spread=(c * taps * taps) ** -0.5), *pattern)
    return net.add(name, "conv2d", source, params={"weight": weight, "bias": net.normal(n)}, pattern=pattern, **attrs)


def norm(net: Net, name: str, source: str, n: int) -> str:
    return net.add(name, "layernorm", source, params={"gamma": 1 + net.normal(n) / 4, "beta": net.normal(n)}, epsilon=1e-5)


@case
def ragged_linear() -> Graph:
    net = Net(x=(17, 40))
    linear(net, "fc", "x", 21, 40)
    return net.graph()


@case
def sparse_linear_with_a_ragged_block() -> Graph:
    net = Net(x=(9, 44))
    net.add("act", "gelu", linear(net, "fc", "x", 10, 44, (2, 8)))
    return net.graph()


@case
def two_of_four() -> Graph:
    net = Net(x=(70, 24))
    linear(net, "f2", linear(net, "f1", "x", 100, 24, (2, 4)), 30, 100, (1, 4))
    return net.graph()


@case
def long_reduction() -> Graph:
    net = Net(x=(5, 3000))
    linear(net, "fc", "x", 9, 3000, (2, 8))
    return net.graph()


@case
def residual_block() -> Graph:
    net = Net(x=(1, 6, 6, 16))
    net.add("r1", "relu", conv(net, "c1", "x", 16, 16, 3, padding=1))
    net.add("sum", "add", conv(net, "c2", "r1", 16, 16, 3, padding=1), "x")
    net.add("out", "relu", "sum")
    return net.graph("out", "c1")


@case
def picture_with_three_channels() -> Graph:
    net = Net(x=(1, 20, 20, 3))
    conv(net, "c", "x", 8, 3, 7, stride=2, padding=3)
    return net.graph()


@case
def uneven_padding_and_dilation() -> Graph:
    net = Net(x=(2, 9, 12, 8))
    conv(net, "c", "x", 6, 8, 3, (2, 8), dilation=(2, 1), padding=(0, 1, 2, 1), stride=(1, 2))
    return net.graph()


@case
def strided_one_tap() -> Graph:
    net = Net(x=(2, 8, 7, 16))
    conv(net, "c", "x", 12, 16, 1, (1, 2), stride=2)
    return net.graph()


@case
def grouped() -> Graph:
    net = Net(x=(1, 6, 6, 32))
    weight = pruned(net.normal(24, 8, 3, 3), 2, 8)
    net.add("c", "conv2d", "x", params={"weight": weight}, groups=4, padding=1, pattern=(2, 8))
    return net.graph()


@case
def wide_picture() -> Graph:
    net = Net(x=(1, 3, 150, 8))
    conv(net, "c", "x", 5, 8, 3, padding=1)
    return net.graph()


@case
def many_channels() -> Graph:
    net = Net(x=(1, 5, 5, 160))
    conv(net, "c", "x", 9, 160, 3, padding=1)
    return net.graph()


@case
def pools() -> Graph:
    net = Net(x=(2, 9, 9, 12))
    net.add("max", "maxpool", "x", kernel=3, stride=2, padding=1)
    net.add("avg", "avgpool", "max", kernel=3, stride=1, padding=1)
    net.add("all", "avgpool", "avg", kernel=5)
    linear(net, "fc", net.add("flat", "reshape", "all", shape=(2, 12)), 7, 12)
    return net.graph("fc", "max", "avg")


@case
def depthwise_and_lonely_batch_norm() -> Graph:
    net = Net(x=(2, 7, 7, 20))
    params = {n: net.normal(20) for n in ("gamma", "beta", "mean")} | {"variance": abs(net.normal(20)) + 0.5}
    net.add("bn", "batchnorm", "x", params=params, epsilon=1e-5)
    net.add("dw", "conv2d", "bn", params={"weight": net.normal(20, 1, 3, 3), "bias": net.normal(20)}, groups=20, padding=1, stride=2)
    net.add("r6", "relu6", "dw")
    return net.graph()


@case
def add_of_two_inputs() -> Graph:
    net = Net(x=(1, 6, 6, 5), y=(1, 6, 6, 5))
    net.add("act", "silu", net.add("sum", "add", "x", "y"))
    net.add("last", "relu", net.add("more", "add", "act", "act"))
    return net.graph()


def block(net: Net, batch: int, seq: int, heads: int, masked: bool) -> None:
    n = net.shapes["x"][1]
    for name in "qkv":
        linear(net, name, "x", n, n)
    mask = np.where(np.arange(seq) < np.arange(seq, seq - batch, -1)[:, None], 0, -1e4).astype(np.float32)
    net.add("s", "scores", "q", "k", heads=heads, batch=batch, scale=(n // heads) ** -0.5)
    net.add("p", "softmax", "s", params={"mask": mask} if masked else {})
    net.add("c", "context", "p", "v", heads=heads, batch=batch)
    net.add("sum", "add", linear(net, "o", "c", n, n), "x")
    norm(net, "n", "sum", n)


@case
def masked_attention_block() -> Graph:
    net = Net(x=(3 * 10, 16))
    block(net, 3, 10, 2, masked=True)
    return net.graph()


@case
def keys_read_both_ways() -> Graph:
    net = Net(x=(33, 64))
    block(net, 1, 33, 4, masked=False)
    return net.graph("n", "k")


@case
def keys_that_no_linear_makes() -> Graph:
    net = Net(x=(26, 12), y=(34, 12))
    net.add("s", "scores", norm(net, "nx", "x", 12), "y", heads=3, batch=2, scale=0.5)
    net.add("p", "softmax", "s")
    return net.graph("p", "s")


@case
def normed_before() -> Graph:
    net = Net(x=(14, 24))
    net.add("a1", "add", linear(net, "f1", norm(net, "n1", "x", 24), 24, 24), "x")
    net.add("act", "gelu", linear(net, "f2", norm(net, "n2", "a1", 24), 48, 24))
    net.add("a2", "add", linear(net, "f3", "act", 24, 48), "a1")
    return net.graph()


@case
def batched_matmul() -> Graph:
    net = Net(x=(3, 6, 10), y=(3, 10, 7))
    net.add("m", "matmul", "x", "y")
    return net.graph()


@case
def long_softmax_and_norm() -> Graph:
    net = Net(x=(6, 300))
    norm(net, "n", net.add("p", "softmax", "x"), 300)
    return net.graph("n", "p")


CASES |= {"convolutional": convolutional, "attention": attention}


@cache
def built(name: str) -> Graph:
    return CASES[name]()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("machine", MACHINES)
def test_functional_run_equals_reference(machine: str, name: str) -> None:
    spec, graph = load_machine(machine), built(name)
    if spec.pe.block_max == 1:
        graph = graph.with_(layers=tuple(x.with_(pattern=(1, 1)) for x in graph.layers))
    _, ready, outputs, tensors = both(graph, spec)
    assert_equal_values(ready, outputs, tensors)


@pytest.mark.parametrize("name", ["two_of_four", "residual_block", "picture_with_three_channels", "masked_attention_block"])
@pytest.mark.parametrize("dataflow", ["ws", "os"])
def test_both_dataflows_give_the_values(name: str, dataflow: str) -> None:
    program, ready, outputs, tensors = both(built(name), load_machine("tiny8"), dataflow=dataflow)
    assert {x.dataflow for x in program.layers if x.kept_macs} == {dataflow}
    assert_equal_values(ready, outputs, tensors)


def test_sparse_equals_dense_with_the_same_zeros() -> None:
    spec, graph = load_machine("tiny8"), built("two_of_four")
    _, _, sparse, _ = both(graph, spec)
    program, _, dense, _ = both(graph.with_(layers=tuple(x.with_(pattern=(1, 1)) for x in graph.layers)), spec)
    assert {x.pattern for x in program.layers} == {"dense"}
    assert all((sparse[name] == dense[name]).all() for name in dense) and sparse

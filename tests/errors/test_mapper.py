"""Every message of the mapper, whole."""

from typing import Any

import numpy as np
import pytest

from hwsim.spec.errors import GraphError, MappingError
from hwsim.spec.load import load_machine
from mapper.compile import compile_network
from mapper.graph.ir import Graph
from tests.harness.graphs import Net
from tests.harness.mapped import pruned, ready

TINY = load_machine("tiny4")


def fails(graph: Graph, kind: type[Exception], text: str, spec: Any = TINY, **options: Any) -> None:
    with pytest.raises(kind) as caught:
        compile_network(graph, spec, **options)
    assert str(caught.value) == text


def linear(rows: int = 4, n: int = 8, k: int = 16, pattern: tuple[int, int] = (1, 1), spec: Any = TINY) -> Graph:
    net = Net(x=(rows, k))
    net.add("fc1", "linear", "x", params={"weight": pruned(net.normal(n, k), *pattern)}, pattern=pattern)
    return ready(net.graph(), spec)[0]


def test_number_of_another_machine() -> None:
    text = "net: a float network on tiny4, a machine of int8; quantise it (models.quantise) or take a machine of fp16"
    fails(Net(x=(4, 4)).graph("x"), GraphError, text)
    text = "net: a quantised network on sat, a machine of fp16; give the float network or take a machine of int8"
    fails(linear(), GraphError, text, load_machine("sat"))


def test_a_weight_beyond_fp16() -> None:
    net = Net(x=(1, 4))
    net.add("fc1", "linear", "x", params={"weight": np.full((4, 4), 1e30, np.float32)})
    text = "fc1.weight: 1e+30 is beyond fp16, which ends at 65504.0; scale the weights down, or take an int8 machine"
    fails(net.graph(), GraphError, text, load_machine("sat"))


def test_depthwise_window_without_room() -> None:
    net = Net(x=(1, 12, 12, 4))
    net.add("dw", "conv2d", "x", params={"weight": net.normal(4, 1, 9, 9)}, groups=4, padding=4)
    text = "dw at vec: a 9 x 9 window has 81 weights a channel, 64 there may be; use a smaller kernel"
    fails(ready(net.graph(), TINY)[0], MappingError, text)


def test_unknown_dataflow() -> None:
    text = "fc1 at array: dataflow 'is' is not in array.dataflows ['ws', 'os']; use one of them"
    fails(linear(), MappingError, text, dataflow="is")


def test_pattern_that_no_pe_holds() -> None:
    text = (
        "fc1 at array: needs PEs that hold 1:16, pe.kept_max is 4 and pe.block_max 8; "
        "take another pattern or machine, or raise them"
    )
    fails(linear(k=32, pattern=(1, 16)), MappingError, text)


def test_illegal_graph_is_named_first() -> None:
    graph = linear()
    fails(
        graph.with_(layers=(graph.layers[0].with_(shape=(4, 9)),)), GraphError,
        "net.fc1: its inputs make [4, 8], it says [4, 9]; correct the shape",
    )  # fmt: skip


def test_address_space() -> None:
    spec = TINY.with_(memory__address_bits=16)
    text = (
        "net at memory: needs {} bits ({} bytes), memory.address_bits 16 reaches 524288; "
        "raise memory.address_bits (40 at most), lower --batch, or prune to a sparser pattern"
    )
    with pytest.raises(MappingError) as caught:
        compile_network(linear(n=300, k=300, spec=spec), spec)
    needed = int(str(caught.value).split("(")[1].split()[0])
    assert needed > 300 * 300 and str(caught.value) == text.format(8 * needed, needed)


def test_weights_that_do_not_fit() -> None:
    spec = TINY.with_(levels__weight__capacity_bits=128)
    text = (
        "fc1 at weight: needs 256 bits, 128 there are; "
        "lower kept:block or raise levels.weight.capacity_bits (and levels.meta)"
    )
    fails(linear(pattern=(4, 8), spec=spec), MappingError, text, spec)


def test_activations_that_do_not_fit() -> None:
    spec = TINY.with_(levels__act__capacity_bits=64)
    net = Net(x=(1, 5, 5, 2))
    net.add("c", "conv2d", "x", params={"weight": net.normal(4, 1, 3, 3)}, groups=2, padding=1)
    graph, _ = ready(net.graph(), spec)
    fails(graph, MappingError, "c at act: needs 288 bits, 64 there are; raise levels.act.capacity_bits", spec)


def test_parameters_that_do_not_fit() -> None:
    spec = TINY.with_(levels__vec__capacity_bits=512)
    text = (
        "fc1 at vec: needs 320 bits of parameters in one bank, 256 there are; "
        "raise levels.vec.capacity_bits or lower levels.vec.banks"
    )
    fails(linear(spec=spec), MappingError, text, spec)


def test_rows_that_do_not_fit() -> None:
    spec = TINY.with_(levels__vec__capacity_bits=4096)
    net = Net(x=(2, 600))
    net.add("p", "softmax", "x")
    graph, _ = ready(net.graph(), load_machine("tiny8"))
    with pytest.raises(MappingError) as caught:
        compile_network(graph, spec)
    assert str(caught.value) == (
        "p at vec: needs 8192 bits of parameters in one bank, 2048 there are; "
        "raise levels.vec.capacity_bits or lower levels.vec.banks"
    )
    net = Net(x=(2, 3100))
    net.add("p", "softmax", "x")
    text = (
        "p at vec: needs 24800 bits for one row of 3100 elements, 24576 there are; "
        "raise levels.vec.capacity_bits or lower levels.vec.banks"
    )
    fails(ready(net.graph(), TINY)[0], MappingError, text)


def test_window_that_does_not_fit() -> None:
    spec = TINY.with_(levels__vec__capacity_bits=1024)
    net = Net(x=(1, 9, 9, 4))
    net.add("pool", "maxpool", "x", kernel=9)
    graph, _ = ready(net.graph(), spec)
    with pytest.raises(MappingError) as caught:
        compile_network(graph, spec)
    assert str(caught.value) == (
        "pool at vec: needs 2592 bits for one window and 32 for its result, 384 and 512 there are; "
        "raise levels.vec.capacity_bits or lower levels.vec.banks"
    )


def test_a_function_that_the_machine_lacks() -> None:
    spec = TINY.with_(vector__functions=("map", "gelu"))
    net = Net(x=(2, 8))
    net.add("p", "softmax", "x")
    graph, _ = ready(net.graph(), TINY)
    text = "p at vector: softmax is not in vector.functions ['map', 'gelu']; add it or take another machine"
    fails(graph, MappingError, text, spec)


def test_a_block_with_more_than_the_pattern_keeps() -> None:
    from mapper.emit.lower import Wants, lower
    from mapper.emit.weights import arrange

    graph = linear(k=16, pattern=(2, 8))
    product = lower(graph, graph.layers[0], TINY, Wants(True, False))
    weight = np.ones((8, 16), np.int8)
    with pytest.raises(MappingError) as caught:
        arrange(weight, product, ((0, 1, 0, 16),), 4)
    assert str(caught.value) == (
        "fc1 at weight: a block of 8 holds 8 non-zeros, the pattern 2:8 keeps 2; "
        "prune the layer again or give it the pattern that it has"
    )


def test_a_batch_norm_over_rows() -> None:
    net = Net(x=(3, 4))
    params = {n: net.normal(4) for n in ("gamma", "beta", "mean")} | {"variance": abs(net.normal(4)) + 0.5}
    net.add("bn", "batchnorm", "x", params=params, epsilon=1e-5)
    fails(net.graph(), GraphError, "net.bn: no vector command makes a batchnorm; fold it first", load_machine("sat"))

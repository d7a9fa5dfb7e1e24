"""Parameters of vector commands: against the real numbers they stand for, and the scale rules of int8 layers."""

import numpy as np
import pytest

from hwsim.spec import numerics as nx
from hwsim.spec.commands import ACT, BODIES
from hwsim.spec.errors import GraphError
from mapper.graph.ir import Graph
from mapper.graph.quant_params import is_depthwise, layer_params
from mapper.graph.reference import run
from tests.harness.graphs import Net, attention, convolutional, quantised, without

FIELDS = {f.name: f for f in BODIES["vector"]}


def small(net) -> Graph:
    graph = without(net(), "batchnorm")
    name, shape = next(iter(graph.inputs.items()))
    x = np.arange(12) if name == "ids" else np.random.default_rng(0).normal(size=shape)
    return quantised(graph, run(graph, {name: x}))


@pytest.mark.parametrize("number", ["int8", "fp16"])
@pytest.mark.parametrize("net", [convolutional, attention])
def test_everything_fits_the_command(net, number: str) -> None:
    graph = small(net) if number == "int8" else without(net(), "batchnorm")
    for layer in graph.layers:
        if layer.kind in ("reshape", "embedding"):
            continue
        p = layer_params(graph, layer, number)
        word = np.int32 if number == "int8" else np.float32
        for array in (p.bias, p.scale):
            assert array is None or (array.dtype == word and array.shape == layer.shape[-1:])
        assert (p.fn == "depthwise") == (p.depthwise is not None) == is_depthwise(layer)
        for imm, shift in [(p.imm, p.shift), *p.averages.values()]:
            assert 0 <= imm <= FIELDS["imm"].high and 0 <= shift <= min(62, FIELDS["shift"].high)


def test_multipliers_stand_for_the_scales() -> None:
    graph = small(convolutional)
    c2 = graph.layer("c2")
    p = layer_params(graph, c2, "int8")
    real = graph.scales["pool"] * c2.params["weight_scale"] / graph.scales["c2"]
    assert np.allclose(p.scale / 2.0**p.shift, real, rtol=1e-6)
    assert np.isclose(nx.signed32(p.imm) / 2.0**p.shift, graph.scales["pool"] / graph.scales["c2"], rtol=1e-6)
    assert p.act == 0 and p.bias is None


def test_scores_and_add() -> None:
    graph = small(attention)
    s = layer_params(graph, graph.layer("s"), "int8")
    want = graph.scales["q"] * graph.scales["k"] * 0.5 / graph.scales["s"]
    assert s.scale.shape == (6,) and np.allclose(s.scale / 2.0**s.shift, want, rtol=1e-6)
    a = layer_params(graph, graph.layer("sum"), "int8")
    assert np.allclose(a.scale / 2.0**a.shift, graph.scales["c"] / graph.scales["sum"], rtol=1e-6)
    assert np.isclose(a.imm / 2.0**a.shift, graph.scales["norm"] / graph.scales["sum"], rtol=1e-6)
    assert a.act == ACT.index("relu")


def test_tables_and_masks() -> None:
    graph = small(attention)
    p = layer_params(graph, graph.layer("p"), "int8")
    assert np.array_equal(p.table, nx.exp_table(graph.scales["s"])) and p.mask.dtype == np.int8
    assert p.mask.tolist() == [[0] * 6, [0] * 4 + [1] * 2]
    act = layer_params(graph, graph.layer("act"), "int8")
    assert np.array_equal(act.table, nx.act_table("gelu", graph.scales["mm"], graph.scales["act"])) and act.scale is None
    half = layer_params(attention(), attention().layer("p"), "fp16")
    assert half.mask.dtype == np.float16 and half.mask[1, 5] == -10000


def test_averages_by_the_elements_inside() -> None:
    graph = small(convolutional)
    p = layer_params(graph, graph.layer("avg"), "int8")
    assert sorted(p.averages) == [1, 2, 4]
    for count, (imm, shift) in p.averages.items():
        assert np.isclose(imm / 2.0**shift, graph.scales["silu"] / graph.scales["avg"] / count, rtol=1e-6)
    half = layer_params(convolutional(), graph.layer("avg"), "fp16")
    assert {n: nx.fp32_of(imm) for n, (imm, _) in half.averages.items()} == {1: 1.0, 2: 0.5, 4: 0.25}


def test_fp16_epilogues() -> None:
    graph = convolutional()
    dw = layer_params(graph, graph.layer("dw"), "fp16")
    assert dw.act == ACT.index("clip") and nx.fp32_of(dw.imm) == 6.0
    planes = graph.layer("dw").params["weight"].reshape(8, 9).T
    assert np.array_equal(dw.depthwise, planes.astype(np.float16).astype(np.float32))
    scores = layer_params(attention(), attention().layer("s"), "fp16")
    assert (scores.scale == np.float32(0.5)).all()


def broken(name: str, net=attention, scales=None, **changes) -> tuple[Graph, str]:
    graph = small(net)
    layers = tuple(x.with_(**changes) if x.name == name else x for x in graph.layers)
    return graph.with_(layers=layers, scales={**graph.scales, **(scales or {})}), name


FAULTS = [
    (broken("p", scales={"p": 0.01}), "net.p: scale is 0.01; an int8 softmax gives steps of 1/127, set it so"),
    (broken("pool", convolutional, {"c1": 0.5, "pool": 0.25}), "net.pool: scale is 0.25, that of its input 0.5; maxpool cannot change it, "
     "make them equal"),
    (broken("r6", scales={"r6": 0.1}), "net.r6: scale is 0.1; relu6 saturates at 6, use 6/127 = 0.0472441 at most"),
    (broken("fc", convolutional, attrs={"act": "gelu"}), "net.fc: pre_scale is missing; "
     "gelu behind a linear needs the step of its argument, calibrate again"),
    (broken("cube"), "net.cube: no vector command makes a reshape; it moves data only"),
]  # fmt: skip


@pytest.mark.parametrize("case, message", FAULTS)
def test_faults(case: tuple[Graph, str], message: str) -> None:
    graph, name = case
    with pytest.raises(GraphError) as fault:
        layer_params(graph, graph.layer(name), "int8")
    assert str(fault.value) == message


def test_a_network_of_the_other_number() -> None:
    graph = small(attention)
    with pytest.raises(GraphError, match=r"^net.q: weight is int8 on a machine of fp16; give the float network$"):
        layer_params(graph, graph.layer("q"), "fp16")
    bare = graph.layer("q").with_(params={"weight": graph.layer("q").params["weight"]})
    with pytest.raises(GraphError, match=r"^net.q: weight_scale is missing; quantise the network$"):
        layer_params(graph, bare, "int8")
    net = Net(0, x=(2, 2))
    net.add("b", "linear", "x", params={"weight": np.ones((1, 2), np.int8), "weight_scale": np.ones(1), "bias": np.ones(1)})
    with pytest.raises(GraphError, match=r"^net.b: bias is float64; quantise it to int32"):
        layer_params(net.graph(scales={"x": 1.0, "b": 1.0}), net.layers[0], "int8")

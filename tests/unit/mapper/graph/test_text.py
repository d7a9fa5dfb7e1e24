"""Text form: prints, parses back equal, and names line and column of what it cannot read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Graph, Layer
from mapper.graph.reference import run
from mapper.graph.text import check, parse_graph, print_graph
from tests.harness.graphs import Net, attention, convolutional, quantised

SMALL = """\
graph net
input x : [1, 8, 8, 8] @ 0.02
c1 = conv2d(x) {bias i32[16], weight i8[16, 8, 3, 3], weight_scale f64[16]} act=relu padding=1 pattern=2:8 : [1, 8, 8, 16] @ 0.05
"odd name:0" = maxpool(c1) kernel=(2, 2) stride=2 : [1, 4, 4, 16] @ 0.05
output "odd name:0"
output c1
"""


def test_the_text_itself() -> None:
    net = Net(0, x=(1, 8, 8, 8))
    weight = np.zeros((16, 8, 3, 3), np.int8)
    params = {"weight": weight, "weight_scale": np.ones(16), "bias": np.zeros(16, np.int32)}
    net.add("c1", "conv2d", "x", params=params, padding=1, act="relu", pattern=(2, 8))
    net.add("odd name:0", "maxpool", "c1", kernel=(2, 2), stride=2)
    graph = net.graph("odd name:0", "c1", scales={"x": 0.02, "c1": 0.05, "odd name:0": 0.05})
    assert print_graph(graph) == SMALL
    parsed = parse_graph(SMALL)
    assert parsed == graph
    assert {n: (p.dtype, p.shape) for n, p in parsed.layers[0].params.items()} == {n: (p.dtype, p.shape) for n, p in params.items()}


@pytest.mark.parametrize("net", [convolutional, attention])
def test_round_trip_of_networks(net) -> None:
    graph = net()
    parsed = parse_graph(print_graph(graph))
    assert parsed == graph
    assert print_graph(parsed) == print_graph(graph)
    check(parsed)


def test_round_trip_keeps_scales_exactly() -> None:
    graph = quantised(attention(), run(attention(), {"ids": np.arange(12)}))
    assert parse_graph(print_graph(graph)).scales == graph.scales


NAMES = st.text(min_size=1, max_size=12)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**15), 10**15), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple)),
    max_leaves=6,
)


@settings(max_examples=200)
@given(NAMES, NAMES, st.dictionaries(NAMES.filter(lambda n: n != "pattern"), VALUES, max_size=4), st.floats(1e-9, 1e9))
def test_round_trip_of_any_words(name: str, source: str, attrs: dict, scale: float) -> None:
    if name == source:
        source += "'"
    graph = Graph("g", {source: (3,)}, (Layer(name, "relu", (source,), (3,), {}, attrs),), (name,), {name: scale})
    parsed = parse_graph(print_graph(graph))
    assert parsed == graph
    assert repr(parsed.layers[0].attrs) == repr({k: attrs[k] for k in sorted(attrs)})


@settings(max_examples=300)
@given(st.integers(0, len(SMALL) - 1), st.integers(0, 12), st.text(alphabet='graph=(){}[]:@," \n09.-e1x"', max_size=6))
def test_broken_text_is_a_graph_error(at: int, cut: int, put: str) -> None:
    try:
        parse_graph(SMALL[:at] + put + SMALL[at + cut :])
    except GraphError as fault:
        assert "\n" not in str(fault)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "line 1: there is no line 'graph NAME'; begin with it"),
        ("graph g\nnonsense", "line 2, column 9: found 'the end of the line'; wanted '=' behind the name of a layer"),
        ("graph g\ninput x [2]", "line 2, column 9: found '[2]'; wanted ':'"),
        ("graph g\ninput x : [2.5]", "line 2, column 12: found '2.5]'; wanted a whole number"),
        ("graph g\ninput x : [2] @ soon", "line 2, column 17: found 'soon'; wanted a number"),
        ("graph g\ninput x : [2] 7", "line 2, column 15: found '7'; wanted the end of the line"),
        ("graph g\nr = relu(x) a : [2]", "line 2, column 15: found ': [2]'; wanted '='"),
        ("graph g\ninput x : [2]\nr = relu(y) : [2]", "g.r: input 'y' is not made before; order the layers topologically"),
        (
            "graph g\nf = linear(x) {w int8[2]} : [2]",
            "line 2, column 22: found '[2]} : [2]'; wanted a shape behind one of f16, f32, f64, i8, i16, i32, i64",
        ),
    ],
)
def test_faults(text: str, message: str) -> None:
    with pytest.raises(GraphError) as fault:
        parse_graph(text)
    assert str(fault.value) == message


def test_what_text_cannot_hold() -> None:
    layer = Layer("r", "relu", ("x",), (2,), {}, {"act": np.zeros(2)})
    with pytest.raises(GraphError, match=r"^r.act is ndarray; attributes are numbers, words or tuples$"):
        print_graph(Graph("g", {"x": (2,)}, (layer,), ("r",)))
    layer = Layer("r", "relu", ("x",), (2,), {"bias": np.zeros(2, complex)})
    with pytest.raises(GraphError, match=r"^r.bias: has type complex128; use f16, f32, f64, i8, i16, i32, i64$"):
        print_graph(Graph("g", {"x": (2,)}, (layer,), ("r",)))

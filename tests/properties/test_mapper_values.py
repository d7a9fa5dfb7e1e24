"""Random layers on random small machines: legal Programs, the reference's values, and never fewer cycles than estimated."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.engine.simulate import simulate
from hwsim.spec.errors import MappingError
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from mapper.graph.ir import Graph
from tests.harness.graphs import Net
from tests.harness.mapped import assert_equal_values, both, pruned

SETTINGS = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def machines(draw: Any) -> AcceleratorSpec:
    spec = load_machine(draw(st.sampled_from(["tiny4", "tiny8"])))
    scale = draw(st.sampled_from([1, 2, 4]))
    changes: dict[str, Any] = {
        "levels__act__capacity_bits": spec.levels.act.capacity_bits // scale,
        "levels__weight__capacity_bits": spec.levels.weight.capacity_bits // draw(st.sampled_from([1, 2, 8])),
        "levels__acc__capacity_bits": spec.levels.acc.capacity_bits // draw(st.sampled_from([1, 4, 8])),
        "levels__vec__banks": draw(st.sampled_from([1, 2, 4])),
        "sequencer__queue_depth": draw(st.sampled_from([2, 8])),
        "sequencer__token_depth": draw(st.sampled_from([1, 4, 15])),
        "memory__width_bits": draw(st.sampled_from([64, 256])),
        "link_depth": draw(st.sampled_from([1, 2])),
    }
    return spec.with_(**changes)


patterns = st.sampled_from([(1, 1), (1, 2), (2, 4), (2, 8), (1, 8), (4, 8)])


@st.composite
def linears(draw: Any) -> Graph:
    rows, n, k = draw(st.integers(1, 70)), draw(st.integers(1, 40)), draw(st.integers(1, 200))
    pattern, act = draw(patterns), draw(st.sampled_from([None, "relu", "gelu"]))
    net = Net(draw(st.integers(0, 9)), x=(rows, k))
    weight = pruned(net.normal(n, k, spread=k**-0.5), *pattern)
    attrs: dict[str, Any] = {"act": act} if act else {}
    if draw(st.booleans()) and n == k:
        net.add("fc", "linear", "x", "x", params={"weight": weight}, pattern=pattern, residual=True, **attrs)
    else:
        net.add("fc", "linear", "x", params={"weight": weight, "bias": net.normal(n)}, pattern=pattern, **attrs)
    if draw(st.booleans()):
        net.add("norm", "layernorm", "fc", params={"gamma": net.normal(n), "beta": net.normal(n)}, epsilon=1e-5)
    return net.graph()


@st.composite
def convolutions(draw: Any) -> Graph:
    taps, stride, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    padding = draw(st.integers(0, taps))
    least = max(1, (taps - 1) * dilation + 1 - 2 * padding)
    height, width = (draw(st.integers(least, least + 12)) for _ in range(2))
    groups, c, n = draw(st.sampled_from([1, 1, 2])), draw(st.integers(1, 20)), draw(st.integers(1, 12))
    pattern = draw(patterns)
    net = Net(draw(st.integers(0, 9)), x=(draw(st.integers(1, 3)), height, width, c * groups))
    weight = pruned(net.normal(n * groups, c, taps, taps), *pattern)
    net.add(
        "c", "conv2d", "x", params={"weight": weight, "bias": net.normal(n * groups)},
        pattern=pattern, stride=stride, dilation=dilation, padding=padding, groups=groups,
    )  # fmt: skip
    return net.graph()


@st.composite
def windows(draw: Any) -> Graph:
    kind = draw(st.sampled_from(["maxpool", "avgpool", "depthwise"]))
    taps, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    padding = draw(st.integers(0, taps - 1))
    height, width = (draw(st.integers(max(1, taps - padding), 16)) for _ in range(2))
    c = draw(st.integers(2, 24))
    net = Net(draw(st.integers(0, 9)), x=(draw(st.integers(1, 2)), height, width, c))
    if kind == "depthwise":
        net.add("d", "conv2d", "x", params={"weight": net.normal(c, 1, taps, taps)}, stride=stride, padding=padding, groups=c)
    else:
        net.add("d", kind, "x", kernel=taps, stride=stride, padding=padding)
    return net.graph()


@st.composite
def attentions(draw: Any) -> Graph:
    heads, width, seq, batch = (draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(2, 24)), draw(st.integers(1, 2)))
    n = heads * width
    net = Net(draw(st.integers(0, 9)), x=(batch * seq, n))
    for name in "qkv":
        net.add(name, "linear", "x", params={"weight": net.normal(n, n, spread=n**-0.5)})
    net.add("s", "scores", "q", "k", heads=heads, batch=batch, scale=0.5)
    net.add("p", "softmax", "s")
    net.add("c", "context", "p", "v", heads=heads, batch=batch)
    return net.graph("c", *(["k"] if draw(st.booleans()) else []))


def stores_cover_outputs_once(program: Program) -> None:
    """Every byte of an output is stored, and none twice."""
    for region in program.outputs:
        count = [0] * region.bytes
        for c in program.commands():
            if c.op != "store":
                continue
            for i1 in range(c["count1"]):
                for i0 in range(c["count0"]):
                    at = c["mem"] + i0 * c["mem_stride0"] + i1 * c["mem_stride1"] - region.address
                    for byte in range(max(0, at), min(region.bytes, at + c["run"])):
                        count[byte] += 1
        assert set(count) == {1}, f"{region.name}: stored {sorted(set(count))} times"


def holds(graph: Graph, spec: AcceleratorSpec) -> None:
    try:
        program, ready, outputs, tensors = both(graph, spec)
    except MappingError as fault:
        assert "needs" in str(fault) and "raise" in str(fault)
        return
    assert_equal_values(ready, outputs, tensors)
    result, _ = simulate(spec, program, values=False)
    assert sum(x.estimate_cycles for x in result.layers[:1]) <= result.cycles
    for layer, info in zip(result.layers, program.layers, strict=True):
        assert layer.mapped_macs == info.mapped_macs


@SETTINGS
@given(linears(), machines())
def test_linear(graph: Graph, spec: AcceleratorSpec) -> None:
    holds(graph, spec)


@SETTINGS
@given(convolutions(), machines())
def test_convolution(graph: Graph, spec: AcceleratorSpec) -> None:
    holds(graph, spec)


@SETTINGS
@given(windows(), machines())
def test_window(graph: Graph, spec: AcceleratorSpec) -> None:
    holds(graph, spec)


@SETTINGS
@given(attentions(), machines())
def test_attention(graph: Graph, spec: AcceleratorSpec) -> None:
    holds(graph, spec)


@settings(SETTINGS, max_examples=10)
@given(st.one_of(convolutions(), linears(), windows()), machines())
def test_every_output_byte_is_stored_once(graph: Graph, spec: AcceleratorSpec) -> None:
    try:
        program, *_ = both(graph, spec)
    except MappingError:
        return
    stores_cover_outputs_once(program)

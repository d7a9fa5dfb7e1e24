"""Whole small networks, mapped, in compiled gates beside the engine: every port at every clock edge, every storage at the end; and the
reference's values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hwsim.spec.commands import ACT, FN
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.twin.compare import compare
from mapper.graph.ir import Graph
from tests.harness.graphs import Net, convolutional
from tests.harness.mapped import assert_equal_values, both, fed, pruned


def transformer(net: Net, rows: int, width: int) -> None:
    """One encoder layer with a mask: projections and the feed-forward part pruned 2:8."""

    def linear(name: str, source: str, n: int, **attrs: Any) -> str:
        weight, k = net.normal(n, net.shapes[source][-1], spread=0.3), (2, 8)
        return net.add(name, "linear", source, params={"weight": pruned(weight, *k), "bias": net.normal(n)}, pattern=k, **attrs)

    def norm(name: str, source: str) -> str:
        return net.add(name, "layernorm", source, params={"gamma": 1 + net.normal(width) / 4, "beta": net.normal(width)}, epsilon=1e-5)

    q, k, v = (linear(name, "x", width) for name in "qkv")
    net.add("s", "scores", q, k, heads=2, batch=1, scale=(width // 2) ** -0.5)
    mask = np.zeros((1, rows), np.float32)
    mask[0, rows - 2 :] = -10000
    net.add("p", "softmax", "s", params={"mask": mask})
    linear("o", net.add("c", "context", "p", v, heads=2, batch=1), width)
    norm("n1", net.add("sum", "add", "o", "x"))
    linear("f2", linear("f1", "n1", 2 * width, act="gelu"), width)
    norm("n2", net.add("sum2", "add", "f2", "n1"))


def encoder(rows: int, width: int) -> Graph:
    net = Net(3, x=(rows, width))
    transformer(net, rows, width)
    return net.graph()


def without_batchnorm() -> Graph:
    """Convolutions, grouped and depthwise, both pools, residual, silu, and a classifier with gelu."""
    graph = convolutional()
    swap = {x.name: x.inputs[0] for x in graph.layers if x.kind == "batchnorm"}
    kept = tuple(x.with_(inputs=tuple(swap.get(n, n) for n in x.inputs)) for x in graph.layers if x.name not in swap)
    return graph.with_(layers=kept)


def functions(program: Program) -> set[str]:
    vectors = [c for c in program.commands() if c.op == "vector"]
    return {FN[c["fn"]] for c in vectors} | {ACT[c["act"]] for c in vectors} - {"none"}


CASES: dict[str, tuple[str, Callable[[], Graph], set[str]]] = {
    "encoder": ("tiny4", lambda: encoder(6, 16), {"map", "softmax", "layernorm", "gelu"}),
    "convnet": ("tiny4", without_batchnorm, {"map", "depthwise", "maxpool", "avgpool", "silu", "gelu"}),
    "fp16 encoder": ("tiny4_fp16", lambda: encoder(6, 16), {"map", "softmax", "layernorm", "gelu"}),
    "fp16 convnet": ("tiny4_fp16", without_batchnorm, {"map", "depthwise", "maxpool", "avgpool", "silu", "gelu"}),
    "wide encoder": ("tiny8", lambda: encoder(12, 32), {"map", "softmax", "layernorm", "gelu"}),
}


@pytest.mark.parametrize("name", CASES)
def test_network_in_gates(name: str) -> None:
    machine, build, wanted = CASES[name]
    spec: AcceleratorSpec = load_machine(machine)
    program, graph, outputs, tensors = both(build(), spec)
    assert_equal_values(graph, outputs, tensors)
    assert wanted <= functions(program)
    found = compare(spec, program, fed(program, graph, tensors, spec.pe.number))
    assert found.difference is None, str(found.difference)
    assert found.cycles > 2500 and found.events["vector.o_done"] == sum(c.op == "vector" for c in program.commands())

"""Every mapping that may be proposed, not only the best: legal Programs, the same values, and an estimate that holds."""

from collections.abc import Callable
from dataclasses import replace

import pytest

import mapper.emit.plan
import mapper.tile
from hwsim.engine.simulate import simulate
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from mapper.estimate import LayerBound, product_bound
from mapper.graph.ir import Graph
from mapper.nest import Mapping, Product
from tests.harness.graphs import Net
from tests.harness.mapped import assert_equal_values, both, pruned

SPEC = load_machine("tiny8").with_(levels__act__capacity_bits=1 << 15, levels__acc__capacity_bits=1 << 14)
Choose = Callable[..., tuple[Mapping, LayerBound]]


def linear() -> Graph:
    net = Net(x=(37, 200))
    net.add("fc", "linear", "x", params={"weight": pruned(net.normal(21, 200), 2, 8), "bias": net.normal(21)}, pattern=(2, 8))
    return net.graph()


def normed() -> Graph:
    net = Net(x=(26, 144), y=(26, 40))
    net.add("sum", "add", net.add("fc", "linear", "x", params={"weight": net.normal(40, 144), "bias": net.normal(40)}), "y")
    net.add("norm", "layernorm", "sum", params={"gamma": net.normal(40), "beta": net.normal(40)}, epsilon=1e-5)
    return net.graph()


def convolution() -> Graph:
    net = Net(x=(2, 7, 9, 24))
    weight = pruned(net.normal(20, 24, 3, 2), 2, 4)
    net.add("c", "conv2d", "x", params={"weight": weight}, padding=1, stride=(2, 1), pattern=(2, 4), act="relu")
    return net.graph()


def grouped() -> Graph:
    net = Net(x=(1, 6, 5, 16))
    net.add("c", "conv2d", "x", params={"weight": net.normal(18, 8, 3, 3), "bias": net.normal(18)}, padding=1, groups=2)
    return net.graph()


def attention() -> Graph:
    net = Net(x=(2 * 13, 18))
    for name in "qkv":
        net.add(name, "linear", "x", params={"weight": net.normal(18, 18)})
    net.add("p", "softmax", net.add("s", "scores", "q", "k", heads=2, batch=2, scale=0.3))
    net.add("c", "context", "p", "v", heads=2, batch=2)
    return net.graph("c", "k")


def every(spec: AcceleratorSpec, x: Product) -> list[Mapping]:
    return [replace(m, dataflow=flow) for m in mapper.tile.candidates(spec, x) for flow in spec.array.dataflows]


def taking(pick: int, of: list[int], taken: list[Mapping]) -> Choose:
    """A choice that takes candidate `pick` of every product, counted around."""

    def choose(spec: AcceleratorSpec, x: Product, dataflow: str | None, before: str = "") -> tuple[Mapping, LayerBound]:
        found = every(spec, x)
        of.append(len(found))
        taken.append(found[pick % len(found)])
        return taken[-1], product_bound(spec, x, taken[-1])

    return choose


WANTED = {
    linear: {"pn", "np", "kn"},
    normed: {"pn", "kn"},  # whole rows of n, so one group
    convolution: {"pn", "np", "kn"},
    grouped: {"pn", "np"},
    attention: {"pn", "np", "kn"},
}


@pytest.mark.parametrize("build", WANTED)
def test_every_candidate(build: Callable[[], Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapper.tile, "LONG_BEATS", 4)
    graph, of, taken = build(), list[int](), list[Mapping]()
    pick = 0
    while pick < max(of, default=1):
        monkeypatch.setattr(mapper.emit.plan, "choose", taking(pick, of, taken))
        program, ready, outputs, tensors = both(graph, SPEC)
        assert_equal_values(ready, outputs, tensors)
        result, _ = simulate(SPEC, program, values=False)
        assert program.layers[0].estimate_cycles <= result.cycles, taken[-1]
        pick += max(1, max(of) // 30)
    orders = {m.order for m in taken}
    assert orders == WANTED[build], orders

"""The engine is never faster than the estimate, and where the array sets the pace it is hardly slower."""

import pytest

from hwsim.engine.simulate import simulate
from hwsim.spec.load import load_machine
from hwsim.spec.patterns import NMPattern
from mapper.compile import compile_network
from mapper.graph.ir import Graph
from models.prune import prune
from models.zoo import network
from tests.harness.alone import different_steps, run_alone, with_scales
from tests.harness.graphs import Net

QUICK = [("resnet18", "dense32", None), ("resnet18", "sat", (2, 8)), ("vit_small", "sat", (2, 8)), ("mobilenet_v2", "sat_int8", None)]
LONG = [
    (name, machine, pattern)
    for name in ("resnet18", "resnet50", "vgg19", "mobilenet_v2", "vit_small", "bert_base", "mlp")
    for machine, pattern in (
        ("dense32", None), ("dense32_fp16", None), ("sat", None), ("sat", (2, 4)), ("sat", (1, 16)), ("sat_int8", (2, 8)),
    )  # fmt: skip
]


def estimates_bound(name: str, machine: str, pattern: tuple[int, int] | None) -> None:
    spec, graph = load_machine(machine), network(name)
    graph = with_scales(prune(graph, NMPattern(*pattern)) if pattern else graph, spec)
    ran = 0
    for step in different_steps(graph, spec):
        layer = run_alone(graph, spec, step)
        ran += 1
        assert layer.estimate_cycles <= layer.cycles, (layer.name, layer.estimate_cycles, layer.cycles)
        if step.bound and step.bound.array >= 0.8 * layer.estimate_cycles >= 1.3 * max(step.bound.memory, step.bound.vector):
            assert layer.cycles <= 1.06 * layer.estimate_cycles + 200, (layer.name, layer.estimate_cycles, layer.cycles)
    assert ran > 2


@pytest.mark.parametrize("name, machine, pattern", QUICK)
def test_estimates_of_a_network(name: str, machine: str, pattern: tuple[int, int] | None) -> None:
    estimates_bound(name, machine, pattern)


@pytest.mark.nightly
@pytest.mark.parametrize("name, machine, pattern", LONG)
def test_estimates_of_every_network(name: str, machine: str, pattern: tuple[int, int] | None) -> None:
    estimates_bound(name, machine, pattern)


def test_all_convolutions_of_resnet50() -> None:
    """Ideal on 32 x 32: 3,991,344 cycles."""
    spec = load_machine("dense32")
    graph = with_scales(network("resnet50"), spec)
    result, _ = simulate(spec, compile_network(graph, spec), values=False)
    convolutions = [x for x in result.layers if x.kind == "conv2d"]
    assert len(convolutions) == 53
    assert 3_991_344 <= sum(x.cycles for x in convolutions) <= 4_400_000
    assert next(x for x in convolutions if x.name == "layer3.1.conv2").cycles <= 1.03 * 112_896


def gemm(rows: int, n: int, k: int) -> Graph:
    net = Net(x=(rows, k))
    net.add("ffn", "linear", "x", params={"weight": net.normal(n, k, spread=0.05), "bias": net.normal(n)})
    return net.graph()


def test_ffn_gemm_of_bert_base() -> None:
    spec = load_machine("dense32")
    result, _ = simulate(spec, compile_network(with_scales(gemm(384, 3072, 768), spec), spec), values=False)
    assert 884_736 <= result.cycles <= 1.03 * 884_736

"""Each distinct layer of a network alone, from cold: laws, estimate <= engine, and N:M pays where the array sets the pace.

A layer's estimate is compute-bound when, dense and pruned, the array's own steps exceed its memory and its vector cycles and make
up nine tenths of the estimate: what comes before the first step and after the last, and padding, is little.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from hwsim.engine import simulate
from hwsim.result import Result
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.patterns import NMPattern
from mapper.compile import compile_network
from mapper.emit.image import Image
from mapper.emit.plan import Step, plan_network
from mapper.graph.ir import Graph
from models.prune import prune
from models.zoo import network
from tests.harness.alone import different_steps, part, with_scales
from tests.harness.networks import assert_laws, assert_traffic

ZOO = ("resnet18", "resnet50", "vgg19", "mobilenet_v2", "vit_small", "bert_base", "mlp")
PATTERNS = ("1:16", "2:16", "1:8", "2:8", "4:8", "2:4")
SHARE = 0.9  # of the estimate, in steps of the array


@dataclass(frozen=True)
class Alone:
    """One step of the mapper's plan, run by itself."""

    step: Step
    result: Result

    @property
    def name(self) -> str:
        return self.step.layer.name

    @property
    def estimate(self) -> int:
        return self.result.layers[0].estimate_cycles

    @property
    def compute_bound(self) -> bool:
        b = self.step.bound
        return b is not None and b.array >= max(b.memory, b.vector) and b.array >= SHARE * self.estimate


@cache
def whole(name: str, blocks: int | None) -> Graph:
    """`blocks`: only so many of a transformer's."""
    graph = network(name)
    if blocks is None:
        return graph
    names = [x.name for x in graph.layers]
    last = names.index(f"layer{blocks - 1}.ffn.norm")
    return graph.with_(layers=graph.layers[: last + 1], outputs=(names[last],))


def ready(name: str, spec: AcceleratorSpec, pattern: str, blocks: int | None) -> Graph:
    graph = whole(name, blocks)
    p = NMPattern.parse(pattern)
    return with_scales(graph if p.is_dense else prune(graph, p), spec)


def layers_alone(name: str, machine: str, pattern: str, blocks: int | None = None) -> Iterator[Alone]:
    spec = load_machine(machine)
    graph = ready(name, spec, pattern, blocks)
    for step in different_steps(graph, spec):
        own = part(graph, (step.layer, *step.tail))
        (planned,) = plan_network(own, spec, Image(), None).steps
        result, _ = simulate(spec, compile_network(own, spec), values=False, network=name)
        assert_laws(spec, result)
        assert_traffic(result)
        found = Alone(planned, result)
        assert found.estimate <= result.cycles, f"{name}.{found.name}: estimate {found.estimate}, engine {result.cycles}"
        yield found


def pruning_pays(name: str, patterns: tuple[str, ...], blocks: int | None = None) -> int:
    """How many layers were compute-bound, dense and pruned."""
    dense = {x.name: x for x in layers_alone(name, "sat", "dense", blocks)}
    held = 0
    for pattern in patterns:
        for x in layers_alone(name, "sat", pattern, blocks):
            before = dense.get(x.name)
            if before is None or x.step.layer.pattern == (1, 1) or not (before.compute_bound and x.compute_bound):
                continue
            engine, estimate = before.result.cycles / x.result.cycles, before.estimate / x.estimate
            assert engine >= 0.95 * estimate, f"{name}.{x.name} {pattern}: speedup {engine:.3f}, the estimate's {estimate:.3f}"
            held += 1
    return held


def test_pruning_pays_on_resnet18() -> None:
    assert pruning_pays("resnet18", ("2:8",)) >= 8


def test_pruning_pays_on_a_block_of_bert_base_and_on_mlp() -> None:
    assert pruning_pays("bert_base", ("2:8", "2:4"), blocks=1) >= 3
    assert pruning_pays("mlp", ("2:8", "2:4")) >= 2


def test_layers_of_resnet18_on_a_dense_machine() -> None:
    assert sum(1 for _ in layers_alone("resnet18", "dense32", "dense")) >= 10


@pytest.mark.parametrize(("layer", "pattern"), [("layer4.0.conv2", "2:16"), ("layer3.0.downsample.0", "4:8")])
def test_folds_of_unequal_length_are_foreseen(layer: str, pattern: str) -> None:
    """Their shadow registers, and a feed that is slower than some folds and faster than others, set the pace."""
    spec, cycles = load_machine("sat"), {}
    for p in ("dense", pattern):
        own = part(g := ready("resnet50", spec, p, None), (g.layer(layer),))
        (planned,) = plan_network(own, spec, Image(), None).steps
        result, _ = simulate(spec, compile_network(own, spec), values=False)
        found = Alone(planned, result)
        assert found.compute_bound and found.estimate <= found.result.cycles
        cycles[p] = found
    engine = cycles["dense"].result.cycles / cycles[pattern].result.cycles
    assert engine >= 0.97 * cycles["dense"].estimate / cycles[pattern].estimate


@pytest.mark.nightly
@pytest.mark.parametrize("name", ZOO)
def test_pruning_pays(name: str) -> None:
    assert pruning_pays(name, PATTERNS) >= (0 if name == "mobilenet_v2" else 2)


@pytest.mark.nightly
@pytest.mark.parametrize("machine", ["dense32", "sat_int8"])
@pytest.mark.parametrize("name", ZOO)
def test_layers_of_every_network(name: str, machine: str) -> None:
    assert sum(1 for _ in layers_alone(name, machine, "dense")) >= 3


def test_ffn_of_bert_base_at_sequence_128() -> None:
    """Asked: 3.5 at 2:8 and 1.85 at 2:4. The layer norm behind the second product belongs to it; blocks are all alike."""
    spec, cycles = load_machine("sat"), {}
    for pattern in ("dense", "2:8", "2:4"):
        result, _ = simulate(spec, compile_network(ready("bert_base", spec, pattern, 1), spec), values=False)
        ffn = [x for x in result.layers if ".ffn." in x.name]
        assert len(ffn) == 2
        cycles[pattern] = sum(x.cycles for x in ffn)
    assert cycles["dense"] / cycles["2:8"] >= 3.5
    assert cycles["dense"] / cycles["2:4"] >= 1.85


def test_a_convolution_of_resnet50_alone_from_cold() -> None:
    """With 256 bytes of memory a cycle; ideal 112,896 cycles."""
    spec = load_machine("dense32")
    assert spec.memory.width_bits == 2048
    graph = ready("resnet50", spec, "dense", None)
    result, _ = simulate(spec, compile_network(part(graph, (graph.layer("layer3.1.conv2"),)), spec), values=False)
    assert 112_896 <= result.cycles <= 1.03 * 112_896

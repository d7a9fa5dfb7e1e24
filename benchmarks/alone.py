"""Does N:M pay where the array is what bounds a layer? Every distinct layer with weights, alone and from cold.

The estimate is a closed form that no run of the layer alone can beat. A layer counts as bound by the array where, dense and pruned, the
estimate's array cycles (steps with padding, activation reads or weight rows, the largest) exceed its memory and its vector cycles.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.layers import alone, shape_of
from hwsim import trip
from hwsim.spec.machine import AcceleratorSpec
from hwsim.trip.stages import lower
from mapper.emit.image import Image
from mapper.emit.plan import plan_network
from mapper.estimate import LayerBound
from mapper.passes.pipeline import standard


@dataclass(frozen=True)
class Pays:
    """One layer with one pattern. `gain`: the engine's speedup over dense / the estimate's."""

    layer: str
    pattern: str
    by_array: bool
    engine: float
    estimate: float

    @property
    def gain(self) -> float:
        return self.engine / self.estimate


def bound(network: trip.Network, machine: AcceleratorSpec) -> LayerBound:
    graph = lower(network, machine)
    for step in standard(machine):
        graph = step.run(graph)
    (step_of_layer,) = plan_network(graph, machine, Image(), None).steps
    assert step_of_layer.bound is not None
    return step_of_layer.bound


def cycles(network: trip.Network, machine: AcceleratorSpec) -> int:
    return trip.simulate(network, trip.compile(network, machine), machine, values=False)[0].cycles


def distinct(network: trip.Network) -> list[str]:
    """One layer of every shape, except depthwise convolutions, whose place is the vector unit."""
    names: dict[object, str] = {}
    for layer in network.graph.layers:
        if layer.kind in ("conv2d", "linear") and layer.attrs.get("groups", 1) == 1:
            names.setdefault(shape_of(network, layer), layer.name)
    return list(names.values())


def limited_by_array(b: LayerBound) -> bool:
    return b.array >= max(b.memory, b.vector)


def pays(network: trip.Network, machine: AcceleratorSpec, patterns: Iterable[str]) -> Iterator[Pays]:
    """Layers that the pattern leaves dense are left out."""
    names = distinct(network)
    before = {name: (bound(x, machine), cycles(x, machine)) for name in names for x in [alone(network, name)]}
    for pattern in patterns:
        pruned = trip.prune(network, pattern)
        for name in names:
            layer = alone(pruned, name)
            if layer.graph.layers[0].pattern == (1, 1):
                continue
            (dense, dense_cycles), sparse = before[name], bound(layer, machine)
            by_array = limited_by_array(dense) and limited_by_array(sparse)
            yield Pays(name, pattern, by_array, dense_cycles / cycles(layer, machine), dense.cycles / sparse.cycles)

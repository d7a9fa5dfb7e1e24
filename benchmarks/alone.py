"""Does N:M pay where the array is what bounds a layer? Every distinct layer with weights, alone and from cold.

The estimate is a closed form that no run of the layer alone can beat. `bound_by`: which of its sums is the largest: the array's
steps (padding included), reads of activations, weight rows, memory beats or vector cycles; where the steps are the largest and less
than 9/10 of the estimate, `start and end` are what counts: first loads, fill, drain, last stores.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmarks.layers import alone, shape_of
from hwsim import trip
from hwsim.spec.machine import AcceleratorSpec
from hwsim.trip.stages import lower
from mapper.emit.image import Image
from mapper.emit.plan import plan_network
from mapper.estimate import Sums
from mapper.passes.pipeline import standard

SHARE = 0.9
ARRAY = "array"


@dataclass(frozen=True)
class Estimate:
    cycles: int
    bound_by: str


@dataclass(frozen=True)
class Pays:
    """One layer with one pattern: speedups over dense, of the engine and of the estimate."""

    layer: str
    pattern: str
    dense_by: str
    pruned_by: str
    engine: float
    estimate: float

    @property
    def by_array(self) -> bool:
        return self.dense_by == self.pruned_by == ARRAY

    @property
    def gain(self) -> float:
        return self.engine / self.estimate


def estimate(network: trip.Network, machine: AcceleratorSpec) -> Estimate:
    graph = lower(network, machine)
    for step in standard(machine):
        graph = step.run(graph)
    (found,) = plan_network(graph, machine, Image(), None).steps
    assert found.product is not None and found.mapping is not None
    sums = Sums(machine, found.product, found.mapping)
    parts = {
        ARRAY: sums.array,
        "activation port": sums.feed,
        "weight rows": sums.weight_rows,
        "memory": sums.memory,
        "vector": sums.vector,
    }
    largest = max(parts, key=lambda k: parts[k])
    short = largest == ARRAY and parts[ARRAY] < SHARE * found.estimate
    return Estimate(found.estimate, "start and end" if short else largest)


def cycles(network: trip.Network, machine: AcceleratorSpec) -> int:
    return trip.simulate(network, trip.compile(network, machine), machine, values=False)[0].cycles


def distinct(network: trip.Network) -> list[str]:
    """One layer of every shape, except depthwise convolutions, whose place is the vector unit."""
    names: dict[object, str] = {}
    for layer in network.graph.layers:
        if layer.kind in ("conv2d", "linear") and layer.attrs.get("groups", 1) == 1:
            names.setdefault(shape_of(network, layer), layer.name)
    return list(names.values())


def pays(network: trip.Network, machine: AcceleratorSpec, patterns: Iterable[str]) -> Iterator[Pays]:
    """Layers that the pattern leaves dense are left out."""
    names = distinct(network)
    before = {name: (estimate(x, machine), cycles(x, machine)) for name in names for x in [alone(network, name)]}
    for pattern in patterns:
        pruned = trip.prune(network, pattern)
        for name in names:
            layer = alone(pruned, name)
            if layer.graph.layers[0].pattern == (1, 1):
                continue
            (dense, dense_cycles), sparse = before[name], estimate(layer, machine)
            speedup = dense_cycles / cycles(layer, machine)
            yield Pays(name, pattern, dense.bound_by, sparse.bound_by, speedup, dense.cycles / sparse.cycles)

"""Single layers and single products, as networks of their own."""

import numpy as np

from hwsim import trip
from mapper.graph.ir import Graph, Layer
from models.zoo.build import Builder

SEED = 0


def alone(network: trip.Network, name: str) -> trip.Network:
    """One layer of a network without what follows it; seeded normal inputs."""
    graph = network.graph
    return as_network(Graph(name, {n: graph.shape(n) for n in graph.layer(name).inputs}, (graph.layer(name),), (name,)))


def gemm(name: str, rows: int, depth: int, cols: int) -> trip.Network:
    """[rows, depth] x [depth, cols], the second being weights."""
    b = Builder(name, SEED, {"x": (rows, depth)})
    b.linear(name, "x", cols)
    return as_network(b.graph())


def as_network(graph: Graph) -> trip.Network:
    rng = np.random.default_rng(SEED)
    return trip.Network(graph, {n: rng.standard_normal(s, np.float32) for n, s in graph.inputs.items()}, 1)


def shape_of(network: trip.Network, layer: Layer) -> tuple[object, ...]:
    """Equal for layers whose mapping is equal: what they read, how, and how much."""
    inputs = tuple(network.graph.shape(n) for n in layer.inputs)
    return (layer.kind, inputs, layer.params["weight"].shape, tuple(sorted((k, str(v)) for k, v in layer.attrs.items())))

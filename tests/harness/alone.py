"""Steps of a network, each alone from cold."""

from collections.abc import Iterator

from hwsim.engine.simulate import simulate
from hwsim.result import LayerResult
from hwsim.spec.machine import AcceleratorSpec
from mapper.compile import compile_network
from mapper.emit.image import Image
from mapper.emit.plan import Step, plan_network
from mapper.graph.ir import Graph, Layer
from mapper.passes.pipeline import fuse_network
from models.calibrate import Calibration
from models.quantise import quantise


def with_scales(graph: Graph, spec: AcceleratorSpec) -> Graph:
    """Fused, and on an int8 machine quantised with steps of 1: good enough where only time is asked for."""
    graph = fuse_network(graph)
    if spec.pe.number != "int8":
        return graph
    ranges = dict.fromkeys(graph.inputs, 127.0)
    for layer in graph.layers:
        ranges[layer.name] = 1.0 if layer.kind == "softmax" else 5.0 if layer.attrs.get("act") == "relu6" else 127.0
    return quantise(graph, Calibration(ranges, {x.name: 127.0 for x in graph.layers if x.attrs.get("act") in ("gelu", "silu")}))


def part(graph: Graph, layers: tuple[Layer, ...]) -> Graph:
    """These layers as a network of their own; what they read from others is its input."""
    made = {x.name for x in layers}
    inputs = {i: graph.shape(i) for x in layers for i in x.inputs if i not in made}
    return Graph(graph.name, inputs, layers, (layers[-1].name,), {k: v for k, v in graph.scales.items() if k in made or k in inputs})


def different_steps(graph: Graph, spec: AcceleratorSpec) -> Iterator[Step]:
    """One of each kind and shape, as the mapper plans the whole network."""
    seen = set()
    for step in plan_network(graph, spec, Image(), None).steps:
        parts = (step.layer, *step.tail)
        key = str([(x.kind, x.shape, [graph.shape(i) for i in x.inputs], sorted(x.attrs.items()), x.pattern) for x in parts])
        if key not in seen:
            seen.add(key)
            yield step


def run_alone(graph: Graph, spec: AcceleratorSpec, step: Step) -> LayerResult:
    program = compile_network(part(graph, (step.layer, *step.tail)), spec)
    result, _ = simulate(spec, program, values=False)
    assert len(result.layers) == 1, [x.name for x in result.layers]
    return result.layers[0]

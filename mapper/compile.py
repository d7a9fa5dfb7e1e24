"""Graph -> Program: plan every step, lay out the image, then emit command by command."""

from collections.abc import Callable

from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from mapper.allocate import check_address_space
from mapper.emit.image import Image
from mapper.emit.plan import plan_network
from mapper.emit.port import Port
from mapper.emit.run import Emitter
from mapper.emit.stream import Stream
from mapper.graph.ir import Graph
from mapper.graph.legal import check
from mapper.passes.pipeline import standard

Progress = Callable[[str, int, int], None]


def compile_network(
    graph: Graph, spec: AcceleratorSpec, *, dataflow: str | None = None, progress: Progress | None = None
) -> Program:
    """`dataflow`: ws or os for all layers; by default each layer takes the one with the lower
    estimate. `progress(layer, done, of)`.

    GraphError: a network that is not legal. MappingError: a layer that the machine cannot hold.
    """
    check(graph)
    for step in standard(spec):
        graph = step.run(graph)
    image = Image()
    plan = plan_network(graph, spec, image, dataflow)
    stream = Stream(spec)
    emitter = Emitter(graph, spec, plan, image, stream, Port(spec, stream))
    layers = emitter.run(progress)
    table = stream.table()
    top = emitter.memory.top
    check_address_space(graph.name, top, spec.memory.address_bits)
    return Program.of_table(
        table, machine=spec.name, digest=spec.digest, image=image.bytes(), image_base=0, memory_bytes=top,
        inputs=emitter.inputs, outputs=emitter.outputs(), layers=layers,
    )  # fmt: skip

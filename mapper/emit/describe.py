"""LayerInfo: what a layer needs and what the array is asked for. Definitions: docs/mapper.md."""

from math import ceil, prod

from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import LayerInfo
from mapper.emit.plan import Step
from mapper.graph.ir import Graph
from mapper.graph.windows import Window
from mapper.nest import Mapping, Product, pixel_tiles

WINDOWED = ("conv2d", "maxpool", "avgpool")


def describe(graph: Graph, spec: AcceleratorSpec, step: Step, first: int, last: int) -> LayerInfo:
    """A fused step is one layer of the report; its kind and its name join those of its parts with
    `+`.
    """
    x, layers = step.product, (step.layer, *step.tail)
    dense = kept = mapped = 0
    pattern, dataflow = "dense", ""
    if x is not None and step.mapping is not None:
        dense = x.instances * x.pixels * x.n * x.r * x.s * x.group_c
        kept = x.instances * x.pixels * x.n * x.r * x.s * kept_channels(x)
        mapped = mapped_macs(spec, x, step.mapping)
        pattern = f"{x.kept}:{x.block}" if x.block > 1 else "dense"
        dataflow = step.mapping.dataflow
    return LayerInfo(
        name="+".join(t.name for t in layers), kind="+".join(t.kind for t in layers), shape=_shape_text(graph, step),
        first=first, last=last,
        dense_macs=dense, kept_macs=kept, mapped_macs=mapped, needed_bits=needed_bits(graph, spec, step),
        pattern=pattern, dataflow=dataflow,
        estimate_cycles=step.estimate,
    )  # fmt: skip


def kept_channels(x: Product) -> int:
    """Weights of one output, kernel place and group that the pattern can keep; a last block that is
    not whole keeps at most what it has.
    """
    whole, rest = divmod(x.group_c, x.block)
    return whole * x.kept + min(rest, x.kept)


def mapped_macs(spec: AcceleratorSpec, x: Product, m: Mapping) -> int:
    """Multiplications that the array's busy cycles stand for, in dense places: cycles x R x C x
    block / kept.
    """
    rows, lat = spec.array.rows, spec.pe.adder_latency_cycles
    cycles = 0
    for tile in pixel_tiles(x, m.tile):
        for chunk in m.chunks:
            blocks = x.s * chunk.nr * chunk.nc // x.block
            if m.dataflow == "ws":
                cycles += ceil(blocks / rows) * ceil(tile.pixels / lat) * x.kept * lat
            else:
                cycles += ceil(tile.pixels / (rows * lat)) * blocks * x.kept * lat
    return x.instances * x.n_tiles(spec.array.cols) * cycles * rows * spec.array.cols * x.block // x.kept


def needed_bits(graph: Graph, spec: AcceleratorSpec, step: Step) -> int:
    """Off-chip bits that no mapping can avoid: weights (payload and offsets of real outputs),
    inputs as far as they are read, and outputs, once each.
    """
    bits = spec.pe.element_bits
    inputs = {i for t in (step.layer, *step.tail) for i in t.inputs} - {t.name for t in (step.layer, *step.tail)}
    total = sum(prod(graph.shape(i)) * bits for i in inputs)
    if step.layer.kind in WINDOWED:
        batch, height, width, channels = graph.shape(step.layer.inputs[0])
        rows, columns = Window.of(step.layer).taken(height, width)
        total -= batch * (height * width - rows * columns) * channels * bits
    x = step.product
    total += prod(step.out.shape) * bits
    if x is not None and x.rows_out and step.tail:
        total += prod(step.layer.shape) * bits
    if x is not None and not x.dynamic:
        slots = x.n * x.r * x.s * kept_channels(x)
        total += slots * (bits + (x.block.bit_length() - 1))
    return total


def _shape_text(graph: Graph, step: Step) -> str:
    sizes = [graph.shape(i) for i in step.layer.inputs[:1]]
    return "x".join(map(str, sizes[0])) + " -> " + "x".join(map(str, step.out.shape))

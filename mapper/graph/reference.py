"""Reference run: the values of a Graph, tensor by tensor, without any mapping or machine."""

import numpy as np

from hwsim.spec import numerics as nx
from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.ops_fp32 import batchnorm, layer_fp32
from mapper.graph.ops_vector import layer_vector
from mapper.graph.quant_params import layer_params, same_scale
from mapper.graph.shapes import infer_shape

NUMBERS = {"fp32": np.float32, "fp16": np.float16, "int8": np.int8}
LANES = 32


def run(
    graph: Graph, inputs: dict[str, Array], number: str = "fp32", lanes: int = LANES
) -> dict[str, Array]:
    """Every tensor by name, inputs included. int8: float inputs are quantised by the graph's scales; results are int8, bit-exact.

    fp16: products are summed by BLAS in float32, in its own order; `lanes` is the vector unit's width.
    """
    if number not in NUMBERS:
        raise GraphError(f"{graph.name}: number {number!r} is unknown; use {', '.join(NUMBERS)}")
    tensors = {name: _input(graph, name, inputs, number) for name in graph.inputs}
    for layer in graph.layers:
        operands = [tensors[name] for name in layer.inputs]
        shape = infer_shape(layer, [x.shape for x in operands])
        if shape != layer.shape:
            shown = ", ".join(str(list(x.shape)) for x in operands)
            raise GraphError(
                f"{graph.name}.{layer.name}: {layer.kind} of {shown} makes {list(shape)}, "
                f"it says {list(layer.shape)}; correct the shape"
            )
        tensors[layer.name] = _layer(graph, layer, operands, number, lanes)
    return tensors


def _input(graph: Graph, name: str, inputs: dict[str, Array], number: str) -> Array:
    if name not in inputs:
        raise GraphError(
            f"{graph.name}: input {name!r} is not given; it has shape {list(graph.inputs[name])}"
        )
    x, shape = np.asarray(inputs[name]), graph.inputs[name]
    if x.shape != shape:
        raise GraphError(
            f"{graph.name}: input {name!r} has shape {list(x.shape)}; give {list(shape)}"
        )
    users = graph.users(name)
    if users and all(user.kind == "embedding" for user in users):
        return x.astype(np.int64)
    return convert(graph, name, x, number)


def convert(graph: Graph, name: str, x: Array, number: str) -> Array:
    """A real tensor in the numbers of a machine; int8 arrays of an int8 network pass unchanged."""
    if number == "fp16":
        return nx.to_fp16(x)
    if number == "fp32":
        return x.astype(np.float32)
    if x.dtype == np.int8:
        return x
    if name not in graph.scales:
        raise GraphError(f"{graph.name}: no scale of {name!r}; quantise the network")
    return nx.to_int8(x, graph.scales[name])


def real(graph: Graph, name: str, x: Array) -> Array:
    """A tensor of a run as float64, int8 ones times their scale."""
    return x.astype(np.float64) * (graph.scales[name] if x.dtype == np.int8 else 1.0)


def _layer(graph: Graph, layer: Layer, operands: list[Array], number: str, lanes: int) -> Array:
    if layer.kind == "reshape":
        if number == "int8":
            _keep_scale(graph, layer)
        return operands[0].reshape(layer.shape)
    if layer.kind == "embedding":
        return _embedding(graph, layer, operands[0], number)
    if number == "fp32":
        return layer_fp32(layer, operands)
    if layer.kind == "batchnorm" and number == "fp16":
        return nx.to_fp16(batchnorm(layer, operands[0].astype(np.float32)))
    return layer_vector(layer, operands, layer_params(graph, layer, number), lanes)


def _keep_scale(graph: Graph, layer: Layer) -> None:
    try:
        same_scale(graph, layer)
    except GraphError as fault:
        raise GraphError(f"{graph.name}.{layer.name}: {fault}") from None


def _embedding(graph: Graph, layer: Layer, ids: Array, number: str) -> Array:
    table = layer.params["table"]
    if ids.min() < 0 or ids.max() >= len(table):
        raise GraphError(
            f"{graph.name}.{layer.name}: ids {ids.min()}..{ids.max()}; the table has rows 0..{len(table) - 1}"
        )
    return convert(graph, layer.name, table[ids], number)

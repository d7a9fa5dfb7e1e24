"""Compiles a network for a machine, runs it, and holds its values against the reference."""

from typing import Any

import numpy as np

from hwsim.functional import run_functional
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.spec.verify import verify
from mapper.compile import compile_network
from mapper.graph import reference
from mapper.graph.ir import Array, Graph
from mapper.passes.pipeline import fuse_network
from tests.harness.graphs import quantised

FP16_TOLERANCE = 0.01  # of the largest value: another order of FP32 sums, then one rounding to fp16


def pruned(weight: Array, kept: int, block: int) -> Array:
    """Keeps the `kept` largest of each block along K ([n, k]) or along C ([n, c, r, s])."""
    planes = weight if weight.ndim == 2 else weight.transpose(0, 2, 3, 1)
    flat = planes.reshape(-1, planes.shape[-1])
    padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % block))).reshape(len(flat), -1, block)
    order = np.argsort(-np.abs(padded), axis=-1, kind="stable")
    mask = np.zeros(padded.shape, bool)
    np.put_along_axis(mask, order[..., :kept], True, -1)
    out = (padded * mask).reshape(len(flat), -1)[:, : flat.shape[1]].reshape(planes.shape)
    return np.ascontiguousarray(out if weight.ndim == 2 else out.transpose(0, 3, 1, 2)).astype(weight.dtype)


def ready(graph: Graph, spec: AcceleratorSpec, seed: int = 0) -> tuple[Graph, dict[str, Array]]:
    """Fused, quantised where the machine wants it, with random inputs."""
    rng = np.random.default_rng(seed)
    ids = {layer.inputs[0] for layer in graph.layers if layer.kind == "embedding"}
    inputs = {n: rng.integers(0, 8, s) if n in ids else rng.normal(size=s).astype(np.float32) for n, s in graph.inputs.items()}
    fused = fuse_network(graph)
    if spec.pe.number == "int8":
        fused = quantised(fused, reference.run(fused, inputs))
    return fused, inputs


def fed(program: Program, graph: Graph, values: dict[str, Array], number: str) -> dict[str, Array]:
    """What the host puts into the input regions; results of embeddings come from the reference."""
    return {r.name: reference.convert(graph, r.name, values[r.name], number) for r in program.inputs}


def both(graph: Graph, spec: AcceleratorSpec, **options: Any) -> tuple[Program, Graph, dict[str, Array], dict[str, Array]]:
    """Program, the graph it is of, outputs of its functional run, and tensors of the reference."""
    ready_graph, inputs = ready(graph, spec)
    program = compile_network(ready_graph, spec, **options)
    verify(program, spec)
    tensors = reference.run(ready_graph, inputs, spec.pe.number, spec.vector.lanes)
    outputs = run_functional(spec, program, fed(program, ready_graph, tensors, spec.pe.number))
    return program, ready_graph, outputs, tensors


def assert_equal_values(graph: Graph, outputs: dict[str, Array], tensors: dict[str, Array]) -> None:
    """int8: bit by bit. fp16: within FP16_TOLERANCE of the largest value."""
    for name in graph.outputs:
        got, want = outputs[name], tensors[name]
        if graph.scales:
            wrong = np.argwhere(got != want)
            assert not len(wrong), (
                f"{name}{wrong[0].tolist()}: {got[tuple(wrong[0])]}, reference {want[tuple(wrong[0])]}; {len(wrong)} differ"
            )
        else:
            error = np.abs(got.astype(np.float32) - want.astype(np.float32)).max()
            assert error <= FP16_TOLERANCE * max(1.0, float(np.abs(want.astype(np.float32)).max())), (name, error)

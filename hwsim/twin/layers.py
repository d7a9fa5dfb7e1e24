"""Real layers for machines of any size: pruned, mapped, small enough for gates."""

from typing import Any

import numpy as np

from hwsim import trip
from hwsim.spec.errors import MappingError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.patterns import DENSE, NMPattern
from hwsim.spec.program import Program
from hwsim.trip.stages import machine_inputs
from mapper.graph.ir import Graph, Layer
from mapper.graph.shapes import infer_shape

Work = tuple[str, Program, dict[str, Any]]


def layers(spec: AcceleratorSpec, seed: int) -> list[Work]:
    """Name, Program and inputs: a linear layer of the network mlp and a residual block with padding, dense and in the largest pattern."""
    sparsest = NMPattern(spec.pe.kept_max, spec.pe.block_max) if spec.pe.block_max > 1 else DENSE
    networks = {"mlp.fc3": trip.load("mlp", batch=4, layers="fc3", seed=seed), "residual": residual(seed)}
    out = []
    for name, network in networks.items():
        for pattern in dict.fromkeys((DENSE, sparsest)):
            pruned = trip.prune(network, pattern)
            try:
                program = trip.compile(pruned, spec)
            except MappingError:  # too little storage on chip for this layer
                continue
            out.append((f"{name} {pattern}", program, machine_inputs(program, pruned.inputs)))
    return out


def residual(seed: int) -> trip.Network:
    """Two convolutions with padding, the input added, a ReLU, seeded weights."""
    rng, shape = np.random.default_rng(seed), (1, 6, 6, 16)
    made: list[Layer] = []
    shapes: dict[str, tuple[int, ...]] = {"image": shape}

    def add(name: str, kind: str, *inputs: str, params: dict[str, Any] | None = None, **attrs: Any) -> str:
        layer = Layer(name, kind, inputs, (), params or {}, attrs, (1, 1))
        layer = layer.with_(shape=infer_shape(layer, [shapes[x] for x in inputs]))
        made.append(layer)
        shapes[name] = layer.shape
        return name

    def normal(*size: int) -> Any:
        return rng.standard_normal(size).astype(np.float32)

    x = add("conv1", "conv2d", "image", params={"weight": normal(16, 16, 3, 3) / 12, "bias": normal(16)}, padding=1)
    x = add("relu1", "relu", x)
    x = add("conv2", "conv2d", x, params={"weight": normal(16, 16, 3, 3) / 12, "bias": normal(16)}, padding=1)
    x = add("sum", "add", x, "image")
    x = add("relu2", "relu", x)
    return trip.Network(Graph("residual", {"image": shape}, tuple(made), (x,), {}), {"image": normal(*shape)}, 1)

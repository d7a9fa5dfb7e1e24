"""Networks run every way there is: reference, functional, engine; and the laws that every run obeys."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from hwsim.engine import simulate
from hwsim.functional import run_functional
from hwsim.report.check import check
from hwsim.result import CAUSES, UNITS, LayerResult, Result
from hwsim.spec.commands import WORD_BYTES
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.trip.stages import machine_inputs
from mapper.compile import compile_network
from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.reference import run as run_reference
from mapper.passes.pipeline import fuse_network
from models.onnx_export import pictures, to_nchw, to_onnx
from models.quantise import calibrate, quantise

STEP = 2.0**-10  # between neighbouring fp16 numbers, relative: one rounding the other way


@dataclass(frozen=True)
class Runs:
    """One graph on one machine: `functional` and `engine` outputs by name, in the machine's numbers."""

    program: Program
    functional: dict[str, Array]
    engine: dict[str, Array]
    result: Result


def run_everywhere(spec: AcceleratorSpec, graph: Graph, inputs: dict[str, Array], **how: Any) -> Runs:
    program = compile_network(graph, spec, **how)
    given = machine_inputs(program, inputs)
    result, engine = simulate(spec, program, given, values=True)
    return Runs(program, run_functional(spec, program, given), engine, result)


def lowered(graph: Graph, spec: AcceleratorSpec, inputs: dict[str, Array]) -> Graph:
    """As the machine runs it: fused; quantised by its own inputs where the machine is int8."""
    graph = fuse_network(graph)
    return quantise(graph, calibrate(graph, inputs)) if spec.pe.number == "int8" else graph


def all_tensors(graph: Graph) -> Graph:
    """Every layer of a fused graph becomes an output; nothing is fused any further."""
    names = tuple(x.name for x in graph.layers if x.kind != "embedding")
    return graph.with_(outputs=names)


def seeded(graph: Graph, seed: int = 0) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(shape, np.float32) for name, shape in graph.inputs.items()}


def assert_same_bits(a: dict[str, Array], b: dict[str, Array], what: str) -> None:
    assert a.keys() == b.keys() and a
    for name in a:
        same = a[name].dtype == b[name].dtype and a[name].shape == b[name].shape
        assert same and a[name].tobytes() == b[name].tobytes(), f"{what} differ at {name}: {differences(a[name], b[name])}"


def differences(a: Array, b: Array) -> str:
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"{a.dtype} {a.shape} and {b.dtype} {b.shape}"
    places = np.argwhere(~((a == b) | (np.isnan(a) & np.isnan(b)))) if a.dtype.kind == "f" else np.argwhere(a != b)
    shown = ", ".join(f"{list(map(int, p))}: {a[tuple(p)]} {b[tuple(p)]}" for p in places[:4])
    return f"{len(places)} of {a.size} ({shown})"


def assert_reference(spec: AcceleratorSpec, graph: Graph, inputs: dict[str, Array], got: dict[str, Array]) -> None:
    """int8: bit by bit. fp16: a sum in another order may round the other way: `STEP` of the element, and 1/16 of it of the tensor;
    a layer behind another one reads such differences: half a `STEP` of the tensor for each layer before."""
    wanted = run_reference(graph, inputs, spec.pe.number, spec.vector.lanes)
    for name, x in got.items():
        if spec.pe.number == "int8":
            assert_same_bits({name: wanted[name].astype(np.int8)}, {name: x}, "reference and functional")
        else:
            assert_near(wanted[name], x, name, tensor=STEP / 16 + STEP / 2 * (len(graph.layers) - 1))


def assert_near(wanted: Array, got: Array, name: str, element: float = STEP, tensor: float = STEP / 16) -> None:
    a, b = wanted.astype(np.float64), got.astype(np.float64)
    assert a.shape == b.shape and np.isfinite(a).all(), name
    room = element * np.abs(a) + tensor * np.abs(a).max(initial=0) + 2.0**-24
    over = np.abs(a - b) / room
    assert over.max(initial=0) <= 1, f"{name}: {over.max():.3g} times the tolerance at {differences(wanted, got)}"


def assert_laws(spec: AcceleratorSpec, result: Result) -> None:
    """Of any run: sums of parts, utilisation, traffic (see `hwsim.report.check`), and each layer's own parts once more."""
    check(result, spec)
    assert result.cycles == sum(x.cycles for x in result.layers)
    for layer in result.layers:
        for unit in UNITS:
            causes = layer.units[unit]
            assert set(causes) == set(CAUSES) and min(causes.values()) >= 0
            assert sum(causes.values()) == layer.cycles, f"{layer.name} at {unit}"
    macs = sum(_array_macs(x) for x in result.layers)
    assert macs <= spec.array.rows * spec.array.cols * result.cycles


def _array_macs(layer: LayerResult) -> int:
    return int(layer.actions["pe.mac"] or 0) + int(layer.actions["pe.gated_mac"] or 0)


def assert_traffic(result: Result) -> None:
    """Off-chip reads cover weights and inputs once; on-chip reads cover what came on chip."""
    reads, writes = (result.action(f"memory.{way}_bits") or 0 for way in ("read", "write"))
    operands = reads - (result.action("sequencer.command") or 0) * WORD_BYTES * 8
    assert sum(x.needed_bits for x in result.layers) <= operands + writes
    on_chip = sum(result.action(f"{level}.read_bits") or 0 for level in ("act", "weight", "meta", "vec"))
    assert operands <= on_chip


def alone(graph: Graph, layer: Layer) -> Graph:
    """One layer of a graph, with what it reads as inputs."""
    inputs = {name: graph.shape(name) for name in layer.inputs}
    scales = {n: s for n, s in graph.scales.items() if n in (*layer.inputs, layer.name)}
    return Graph(graph.name, inputs, (layer,), (layer.name,), scales)


def onnx_tensors(graph: Graph, inputs: dict[str, Array]) -> dict[str, Array]:
    """Every layer's tensor by ONNX Runtime in FP32, in the layout of the Graph."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(to_onnx(graph, all_tensors=True).SerializeToString(), options)
    names = [x.name for x in session.get_outputs()]
    values = session.run(names, {n: to_nchw(graph, n, x) for n, x in inputs.items()})
    return {n: _as_graph(graph, n, x) for n, x in zip(names, values, strict=True)}


def _as_graph(graph: Graph, name: str, x: Array) -> Array:
    return x.transpose(0, 2, 3, 1) if name in pictures(graph) else x


def relative_errors(wanted: Array, got: Array) -> tuple[float, float]:
    """Largest error over the largest magnitude, and root mean square error over that of the tensor."""
    a, b = wanted.astype(np.float64), got.astype(np.float64)
    assert a.shape == b.shape and np.isfinite(b).all() and np.abs(a).max() > 0
    return float(np.abs(a - b).max() / np.abs(a).max()), float((np.square(a - b).mean() / np.square(a).mean()) ** 0.5)


def assert_each_layer(graph: Graph, tensors: dict[str, Array], room: float) -> None:
    """Each layer by itself: ONNX Runtime is given what the machine gave its layer. `room`: of the largest magnitude."""
    for layer in graph.layers:
        if layer.kind == "reshape":
            continue
        part = alone(graph, layer)
        wanted = onnx_tensors(part, {n: tensors[n].astype(np.float32) for n in part.inputs})[layer.name]
        error, _ = relative_errors(wanted, tensors[layer.name])
        assert error <= room, f"{layer.name}: {error:.2g} of its largest magnitude, {room:.2g} is allowed"

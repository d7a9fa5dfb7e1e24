"""Symmetric INT8: weights per output channel, activations per tensor, by the values of a float run.

Takes a network as the machine runs it (batch norms folded, activations and residuals fused).
Integers: docs/isa.md, mapper/graph/quant_params.py.
"""

import numpy as np

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.quant_params import SOFTMAX_SCALE, act_of, layer_params
from models.calibrate import Calibration, calibrate

__all__ = ["Calibration", "calibrate", "quantise"]

LEVELS = 127  # of either sign; -128 is not used by weights
SMALLEST = 1e-12  # of a range; a tensor that is all zero takes any step, 1/127
BIAS_MAX = (1 << 31) - 1


def quantise(graph: Graph, calibration: Calibration | None = None) -> Graph:
    """The same network in int8: weights int8, bias int32, a scale for every tensor; calibrated on seeded numbers where no
    calibration is given. Zeros stay zeros, so a pattern stays."""
    if calibration is None:
        calibration = calibrate(graph)
    missing = [
        n for n in (*graph.inputs, *(x.name for x in graph.layers)) if n not in calibration.ranges
    ]
    if missing:
        raise GraphError(
            f"{graph.name}.{missing[0]}: the calibration has no range for it; calibrate this graph"
        )
    scales = {name: _step(calibration.ranges[name]) for name in graph.inputs}
    layers = []
    for layer in graph.layers:
        if layer.kind == "batchnorm":
            raise GraphError(
                f"{graph.name}.{layer.name}: a batch norm is not quantised; fold it first"
            )
        scales[layer.name] = _scale(layer, scales, calibration)
        layers.append(_layer(layer, scales, calibration))
    made = graph.with_(layers=tuple(layers), scales=scales)
    for layer in made.layers:
        if layer.kind not in ("reshape", "embedding"):
            layer_params(made, layer, "int8")  # every multiplier fits, or a GraphError
    return made


def _step(top: float) -> float:
    return (top if top > SMALLEST else 1.0) / LEVELS


def _scale(layer: Layer, scales: dict[str, float], calibration: Calibration) -> float:
    if layer.kind == "softmax":
        return SOFTMAX_SCALE
    if layer.kind in ("reshape", "maxpool"):
        return scales[layer.inputs[0]]
    step = _step(calibration.ranges[layer.name])
    return min(step, 6 / LEVELS) if act_of(layer) == "relu6" else step


def _layer(layer: Layer, scales: dict[str, float], calibration: Calibration) -> Layer:
    params, attrs = dict(layer.params), dict(layer.attrs)
    if "weight" in params:
        weight = np.asarray(params["weight"], np.float64)
        top = np.abs(weight).reshape(len(weight), -1).max(axis=1)
        scale = np.maximum(top, SMALLEST) / LEVELS
        scale = np.maximum(scale, _least_scale(params.get("bias"), scales[layer.inputs[0]]))
        spread = scale.reshape(-1, *(1,) * (weight.ndim - 1))
        params["weight"] = np.rint(weight / spread).astype(np.int8)
        params["weight_scale"] = scale
        if "bias" in params:
            steps = np.asarray(params["bias"], np.float64) / (scale * scales[layer.inputs[0]])
            params["bias"] = np.rint(steps).astype(np.int32)
    if layer.name in calibration.before:
        attrs["pre_scale"] = _step(calibration.before[layer.name])
    return layer.with_(params=params, attrs=attrs)


def _least_scale(bias: Array | None, step: float) -> Array:
    """Of a weight: so that the bias fits 30 bits, and the sums on top of it 32. Only a channel of zeros comes near."""
    if bias is None:
        return np.zeros(1)
    return np.abs(np.asarray(bias, np.float64)) / (step * (BIAS_MAX >> 1))

"""The parameters of a layer's `vector` command: bias, scale, table, imm, shift. Reference and emission both read them here."""

from dataclasses import dataclass, field
from math import isclose

import numpy as np

from hwsim.spec import numerics as nx
from hwsim.spec.commands import ACT
from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.windows import Window

RELU6_SLACK = 1 + 1e-6
SOFTMAX_SCALE = 1 / 127
PRODUCTS = ("conv2d", "linear", "scores", "context", "matmul")


@dataclass(frozen=True)
class VectorParams:
    """As docs/isa.md names them; None: absent. bias, scale [n] and depthwise [window, n]: int32 (int8) or float32 (fp16).

    `mask` [batch, seq] in the machine's number, the second operand of a softmax. `imm` and `shift` are the command's fields;
    `averages`: elements inside a window -> (imm, shift), for avgpool, whose windows at the border hold fewer.
    """

    fn: str
    act: int = 0
    bias: Array | None = None
    scale: Array | None = None
    table: Array | None = None
    depthwise: Array | None = None
    mask: Array | None = None
    imm: int = 0
    shift: int = 0
    averages: dict[int, tuple[int, int]] = field(default_factory=dict)


def is_depthwise(layer: Layer) -> bool:
    """One weight plane a channel: runs on the vector unit."""
    if layer.kind != "conv2d":
        return False
    groups, weight = layer.attrs.get("groups", 1), layer.params["weight"]
    return bool(groups > 1 and weight.shape[1] == 1 and weight.shape[0] == groups)


def act_of(layer: Layer) -> str | None:
    """The activation that a layer is or carries."""
    return layer.kind if layer.kind in ("relu", "relu6", "gelu", "silu") else layer.attrs.get("act")


def layer_params(graph: Graph, layer: Layer, number: str) -> VectorParams:
    """`number`: int8 or fp16. Layers that no vector command makes (reshape, embedding, batchnorm) are a GraphError."""
    if layer.kind in ("reshape", "embedding", "batchnorm"):
        remedy = "fold it first" if layer.kind == "batchnorm" else "it moves data only"
        raise GraphError(
            f"{graph.name}.{layer.name}: no vector command makes a {layer.kind}; {remedy}"
        )
    weight = layer.params.get("weight")
    if weight is not None and (weight.dtype == np.int8) != (number == "int8"):
        remedy = "quantise the network" if number == "int8" else "give the float network"
        raise GraphError(
            f"{graph.name}.{layer.name}: weight is {weight.dtype} on a machine of {number}; {remedy}"
        )
    try:
        return (_int8 if number == "int8" else _fp16)(graph, layer)
    except GraphError as fault:
        raise GraphError(f"{graph.name}.{layer.name}: {fault}") from None


def _planes(layer: Layer, dtype: type) -> Array | None:
    """[window, n]: the weights of a depthwise convolution in the order of the window."""
    if not is_depthwise(layer):
        return None
    weight = layer.params["weight"]
    return np.ascontiguousarray(weight.reshape(len(weight), -1).T, dtype)


def _counts(graph: Graph, layer: Layer) -> list[int]:
    _, height, width, _ = graph.shape(layer.inputs[0])
    return [int(n) for n in np.unique(Window.of(layer).counts(height, width))]


# fp16


def _fp16(graph: Graph, layer: Layer) -> VectorParams:
    if layer.kind == "softmax":
        mask = layer.params.get("mask")
        return VectorParams(
            "softmax", mask=None if mask is None else np.maximum(mask, -65504.0).astype(np.float16)
        )
    if layer.kind == "layernorm":
        gamma, beta = (layer.params[n].astype(np.float32) for n in ("gamma", "beta"))
        return VectorParams(
            "layernorm", bias=beta, scale=gamma, imm=nx.fp32_bits(layer.attrs["epsilon"])
        )
    if layer.kind == "maxpool":
        return VectorParams("maxpool")
    if layer.kind == "avgpool":
        averages = {n: (nx.fp32_bits(1 / n), 0) for n in _counts(graph, layer)}
        return VectorParams("avgpool", averages=averages)
    act = act_of(layer)
    bias, planes = layer.params.get("bias"), _planes_fp16(layer)
    return VectorParams(
        "map" if planes is None else "depthwise",
        act={None: 0, "relu6": ACT.index("clip")}[act]
        if act in (None, "relu6")
        else ACT.index(act),
        bias=None if bias is None else bias.astype(np.float32),
        scale=np.full(layer.shape[-1], layer.attrs["scale"], np.float32)
        if layer.kind == "scores"
        else None,
        depthwise=planes,
        imm=nx.fp32_bits(6.0) if act == "relu6" else 0,
    )


def _planes_fp16(layer: Layer) -> Array | None:
    """Depthwise weights are rounded to fp16 first, so that products stay exact in FP32."""
    planes = _planes(layer, np.float32)
    return None if planes is None else nx.to_fp16(planes).astype(np.float32)


# int8


def _scale(graph: Graph, tensor: str) -> float:
    if tensor not in graph.scales:
        raise GraphError(f"no scale of {tensor!r}; quantise the network")
    return float(graph.scales[tensor])


def _int8(graph: Graph, layer: Layer) -> VectorParams:
    source, out = _scale(graph, layer.inputs[0]), _scale(graph, layer.name)
    if layer.kind == "softmax":
        if not isclose(out, SOFTMAX_SCALE, rel_tol=1e-6):
            raise GraphError(f"scale is {out}; an int8 softmax gives steps of 1/127, set it so")
        mask = layer.params.get("mask")
        return VectorParams(
            "softmax",
            table=nx.exp_table(source),
            mask=None if mask is None else (mask != 0).astype(np.int8),
        )
    if layer.kind == "layernorm":
        gamma, beta, shift = nx.fit_layernorm(layer.params["gamma"], layer.params["beta"], out)
        eps = nx.layernorm_eps(layer.attrs["epsilon"], source, layer.shape[-1])
        return VectorParams("layernorm", bias=beta, scale=gamma, imm=eps, shift=shift)
    if layer.kind == "maxpool":
        same_scale(graph, layer)
        return VectorParams("maxpool")
    if layer.kind == "avgpool":
        averages = {}
        for n in _counts(graph, layer):
            mult, _, shift = nx.fit_multipliers(np.array([source / out / n]))
            averages[n] = (int(mult[0]) & 0xFFFFFFFF, shift)
        return VectorParams("avgpool", averages=averages)
    return _int8_map(graph, layer, source, out)


def same_scale(graph: Graph, layer: Layer) -> None:
    """Layers that only choose or move elements keep their step."""
    source, out = _scale(graph, layer.inputs[0]), _scale(graph, layer.name)
    if not isclose(source, out, rel_tol=1e-6):
        raise GraphError(
            f"scale is {out}, that of its input {source}; {layer.kind} cannot change it, make them equal"
        )


def _int8_map(graph: Graph, layer: Layer, source: float, out: float) -> VectorParams:
    act, table = act_of(layer), None
    if act == "relu6" and out * 127 > 6 * RELU6_SLACK:
        raise GraphError(f"scale is {out}; relu6 saturates at 6, use 6/127 = {6 / 127:.6g} at most")
    if act in ("gelu", "silu"):
        standalone = layer.kind == act
        before = source if standalone else layer.attrs.get("pre_scale")
        if before is None:
            raise GraphError(
                f"pre_scale is missing; {act} behind a {layer.kind} needs the step of its argument, calibrate again"
            )
        table = nx.act_table(act, float(before), out)
        if standalone:
            return VectorParams("map", act=ACT.index(act), table=table)
        out = float(before)
    real, second = _real_multipliers(graph, layer, source, out)
    scale, imm, shift = nx.fit_multipliers(real, second)
    bias, planes = layer.params.get("bias"), _planes(layer, np.int32)
    if bias is not None and bias.dtype.kind not in "iu":
        raise GraphError(
            f"bias is {bias.dtype}; quantise it to int32 in steps of input scale times weight scale"
        )
    return VectorParams(
        "map" if planes is None else "depthwise",
        act=ACT.index("relu" if act == "relu6" else act or "none"),
        bias=None if bias is None else bias.astype(np.int32),
        scale=scale, table=table, depthwise=planes, imm=imm & 0xFFFFFFFF, shift=shift,
    )  # fmt: skip


def _real_multipliers(
    graph: Graph, layer: Layer, source: float, out: float
) -> tuple[Array, float | None]:
    """[n] and, with a second operand added, its own."""
    n = layer.shape[-1]
    if layer.kind in ("conv2d", "linear"):
        if "weight_scale" not in layer.params:
            raise GraphError("weight_scale is missing; quantise the network")
        real = source * np.asarray(layer.params["weight_scale"], np.float64) / out
        return real, _scale(graph, layer.inputs[-1]) / out if layer.attrs.get("residual") else None
    if layer.kind == "add":
        return np.full(n, source / out), _scale(graph, layer.inputs[1]) / out
    if layer.kind in ("scores", "context", "matmul"):
        product = source * _scale(graph, layer.inputs[1]) * float(layer.attrs.get("scale", 1.0))
        return np.full(n, product / out), None
    return np.full(n, source / out), None

"""Layers in plain float32: the oracle-grade run of a network, no number format of any machine."""

import numpy as np

from mapper.graph.ir import Array, Layer
from mapper.graph.ops_product import products
from mapper.graph.quant_params import PRODUCTS, act_of
from mapper.graph.windows import Window

F32 = np.float32


def activation(x: Array, act: str | None) -> Array:
    if act is None:
        return x
    if act == "relu":
        return np.maximum(x, F32(0))
    if act == "relu6":
        return np.clip(x, F32(0), F32(6))
    if act == "gelu":
        from scipy.special import (
            erf,  # here: it takes a fifth of a second, and few networks need it
        )

        return np.asarray(F32(0.5) * x * (F32(1) + erf(x * F32(0.5**0.5))), F32)
    with np.errstate(over="ignore"):
        return np.asarray(x / (F32(1) + np.exp(-x)), F32)


def softmax(x: Array, mask: Array | None) -> Array:
    if mask is not None:
        x = x + mask.astype(F32).reshape(len(mask), *(1,) * (x.ndim - 2), -1)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True), F32)


def layernorm(layer: Layer, x: Array) -> Array:
    d = x - x.mean(axis=-1, keepdims=True, dtype=F32)
    deviation = np.sqrt(
        (d * d).mean(axis=-1, keepdims=True, dtype=F32) + F32(layer.attrs["epsilon"])
    )
    return np.asarray(
        d / deviation * layer.params["gamma"].astype(F32) + layer.params["beta"].astype(F32), F32
    )


def batchnorm(layer: Layer, x: Array) -> Array:
    gamma, beta, mean, variance = (
        layer.params[n].astype(F32) for n in ("gamma", "beta", "mean", "variance")
    )
    scale = gamma / np.sqrt(variance + F32(layer.attrs["epsilon"]))
    return np.asarray((x - mean) * scale + beta, F32)


def pool(layer: Layer, x: Array) -> Array:
    window = Window.of(layer)
    if layer.kind == "maxpool":
        return np.ascontiguousarray(window.view(x, -np.inf).max(axis=(3, 4)))
    counts = window.counts(x.shape[1], x.shape[2])[:, :, None]
    return np.asarray(window.view(x, 0).sum(axis=(3, 4), dtype=F32) / counts.astype(F32), F32)


def layer_fp32(layer: Layer, operands: list[Array]) -> Array:
    if layer.kind in PRODUCTS:
        weight = layer.params.get("weight")
        out = products(layer, operands, None if weight is None else weight.astype(F32))
        if layer.kind == "scores":
            out = out * F32(layer.attrs["scale"])
        if "bias" in layer.params:
            out = out + layer.params["bias"].astype(F32)
        if layer.attrs.get("residual"):
            out = out + operands[-1]
        return activation(out, act_of(layer))
    if layer.kind == "add":
        return activation(operands[0] + operands[1], act_of(layer))
    if layer.kind == "softmax":
        return softmax(operands[0], layer.params.get("mask"))
    if layer.kind == "layernorm":
        return layernorm(layer, operands[0])
    if layer.kind == "batchnorm":
        return batchnorm(layer, operands[0])
    if layer.kind in ("maxpool", "avgpool"):
        return pool(layer, operands[0])
    return activation(operands[0], act_of(layer))

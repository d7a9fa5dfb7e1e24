"""Layers as the machine computes them: sums of products, then the arithmetic of the `vector` command (hwsim.spec.numerics)."""

import numpy as np

from hwsim.spec import numerics as nx
from mapper.graph.ir import Array, Layer
from mapper.graph.ops_product import products
from mapper.graph.quant_params import PRODUCTS, VectorParams
from mapper.graph.windows import Window


def layer_vector(layer: Layer, operands: list[Array], p: VectorParams, lanes: int) -> Array:
    """Operands and result int8 or fp16. `lanes`: FP32 sums over a row are made in so many parts."""
    whole = operands[0].dtype == np.int8
    if p.fn in ("map", "depthwise"):
        return _map(layer, operands, p, whole)
    if p.fn in ("maxpool", "avgpool"):
        return _pool(layer, operands[0], p, whole)
    x = operands[0].reshape(-1, operands[0].shape[-1])
    if p.fn == "layernorm":
        y = (
            nx.layernorm_int8(x, p.scale, p.bias, p.imm, p.shift)
            if whole
            else nx.layernorm_fp16(x, p.scale, p.bias, nx.fp32_of(p.imm), lanes)
        )
    else:
        b = None if p.mask is None else _mask_rows(p.mask, layer.shape)
        if whole:
            assert p.table is not None
            y = nx.softmax_int8(x, p.table, b)
        else:
            y = nx.softmax_fp16(x, b, lanes)
    return y.reshape(layer.shape)


def _mask_rows(mask: Array, shape: tuple[int, ...]) -> Array:
    """[batch, seq] -> one row for each row of the scores."""
    spread = mask.reshape(len(mask), *(1,) * (len(shape) - 2), shape[-1])
    return np.broadcast_to(spread, shape).reshape(-1, shape[-1])


def _map(layer: Layer, operands: list[Array], p: VectorParams, whole: bool) -> Array:
    second = (
        operands[1]
        if layer.kind == "add"
        else operands[-1]
        if layer.attrs.get("residual")
        else None
    )
    a = operands[0]
    if layer.kind in PRODUCTS:
        weight = layer.params.get("weight")
        if not whole:
            weight = None if weight is None else nx.to_fp16(weight).astype(np.float32)
            operands = [x.astype(np.float32) for x in operands]
        with np.errstate(all="ignore"):
            a = products(layer, operands, weight)
    if whole:
        return nx.map_int8(a, p.bias, p.scale, second, nx.signed32(p.imm), p.shift, p.act, p.table)
    return nx.map_fp16(a, p.bias, p.scale, second, p.act, nx.fp32_of(p.imm))


def _pool(layer: Layer, x: Array, p: VectorParams, whole: bool) -> Array:
    window = Window.of(layer)
    lowest = -128 if whole else -np.inf
    view = window.view(x, lowest if p.fn == "maxpool" else 0)
    batch, height, width, r, s, c = view.shape
    stack = view.transpose(3, 4, 0, 1, 2, 5).reshape(r * s, -1, c)
    if p.fn == "maxpool":
        y = nx.maxpool_int8(stack, p.act) if whole else nx.maxpool_fp16(stack, p.act)
        return y.reshape(layer.shape)
    counts = np.tile(window.counts(x.shape[1], x.shape[2]).reshape(-1), batch)
    y = np.empty((len(counts), c), x.dtype)
    for count, (imm, shift) in p.averages.items():
        part = stack[:, counts == count]
        y[counts == count] = (
            nx.avgpool_int8(part, nx.signed32(imm), shift)
            if whole
            else nx.avgpool_fp16(part, nx.fp32_of(imm))
        )
    return y.reshape(layer.shape)

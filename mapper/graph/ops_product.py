"""Sums of products of a layer: convolution, linear, attention, batched matrices; what the array (or the depthwise lanes) makes.

Operands are float32 (BLAS order) or int8 (exact int32 sums).
"""

import numpy as np

from hwsim.spec import numerics as nx
from mapper.graph.ir import Array, Layer
from mapper.graph.quant_params import is_depthwise
from mapper.graph.windows import Window

EXACT_K = 1024  # so many int8 products sum exactly in float32, in any order: 1024 * 128**2 = 2**24
ROWS_AT_ONCE_BYTES = 1 << 26


def product(a: Array, b: Array) -> Array:
    """[..., M, K] x [..., K, N]: float32 of float32, int32 of int8."""
    if a.dtype != np.int8:
        return np.asarray(np.matmul(a, b), np.float32)
    total = np.zeros(
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + (a.shape[-2], b.shape[-1]), np.int32
    )
    for k in range(0, a.shape[-1], EXACT_K):
        part = np.matmul(
            a[..., k : k + EXACT_K].astype(np.float32),
            b[..., k : k + EXACT_K, :].astype(np.float32),
        )
        total += part.astype(np.int32)
    return total


def conv2d(layer: Layer, x: Array, weight: Array) -> Array:
    """[B, H, W, C] x [N, C/groups, R, S] -> [B, P, Q, N]."""
    groups, view = layer.attrs.get("groups", 1), Window.of(layer).view(x, 0)
    batch, p, q, r, s, _ = view.shape
    if is_depthwise(layer):
        return _depthwise(view, weight)
    n, c = weight.shape[:2]
    out = np.empty((batch, p, q, n), np.int32 if x.dtype == np.int8 else np.float32)
    rows = max(1, ROWS_AT_ONCE_BYTES // (4 * q * r * s * c))
    for g in range(groups):
        part, channels = (
            slice(g * (n // groups), (g + 1) * (n // groups)),
            slice(g * c, (g + 1) * c),
        )
        matrix = np.ascontiguousarray(weight[part].transpose(2, 3, 1, 0)).reshape(r * s * c, -1)
        for i in range(batch):
            for at in range(0, p, rows):
                patch = view[i, at : at + rows, :, :, :, channels]
                out[i, at : at + rows, :, part] = product(
                    patch.reshape(-1, r * s * c), matrix
                ).reshape(len(patch), q, -1)
    return out


def _depthwise(view: Array, weight: Array) -> Array:
    """The window's elements in order; FP32 sums as the vector unit makes them."""
    batch, p, q, r, s, c = view.shape
    planes = weight.reshape(c, r * s).T
    windows = view.transpose(3, 4, 0, 1, 2, 5)
    out = np.empty((batch, p, q, c), np.int32 if view.dtype == np.int8 else np.float32)
    for i in range(batch):
        stack = windows[:, :, i].reshape(r * s, p * q, c)
        total = (
            nx.depthwise_sum_int8(stack, planes)
            if view.dtype == np.int8
            else nx.depthwise_sum_fp16(stack, planes)
        )
        out[i] = total.reshape(p, q, c)
    return out


def linear(x: Array, weight: Array) -> Array:
    return product(x, weight.T)


def scores(layer: Layer, q: Array, k: Array) -> Array:
    """[B*rows, H*d] x [B*cols, H*d] -> [B, H, rows, cols], not yet scaled."""
    return product(_heads(layer, q), _heads(layer, k).swapaxes(-1, -2))


def context(layer: Layer, p: Array, v: Array) -> Array:
    """[B, H, rows, seq] x [B*seq, H*d] -> [B*rows, H*d]."""
    out = product(p, _heads(layer, v)).transpose(0, 2, 1, 3)
    return out.reshape(p.shape[0] * p.shape[2], v.shape[1])


def _heads(layer: Layer, x: Array) -> Array:
    """[B*seq, H*d] -> [B, H, seq, d]."""
    batch, heads = layer.attrs["batch"], layer.attrs["heads"]
    return x.reshape(batch, -1, heads, x.shape[1] // heads).transpose(0, 2, 1, 3)


def products(layer: Layer, operands: list[Array], weight: Array | None) -> Array:
    """What stands in the accumulators before bias and scale, in the layer's shape."""
    if layer.kind == "conv2d":
        assert weight is not None
        return conv2d(layer, operands[0], weight)
    if layer.kind == "linear":
        assert weight is not None
        return linear(operands[0], weight)
    if layer.kind == "scores":
        return scores(layer, operands[0], operands[1])
    if layer.kind == "context":
        return context(layer, operands[0], operands[1])
    return product(operands[0], operands[1])

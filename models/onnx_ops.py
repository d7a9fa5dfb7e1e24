"""ONNX operators that become one layer, or none."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mapper.graph.ir import Array
from models.onnx_fold import new_shape
from models.onnx_reader import Node, Reader
from models.onnx_view import Step, Value, View, canon

Handler = Callable[[Reader, Node], Value]


def _pads(
    node: Node, extents: tuple[int, ...], kernel: list[int], stride: list[int]
) -> tuple[int, ...]:
    """(top, left, bottom, right)."""
    auto = node.attrs.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID"):
        pads = tuple(int(n) for n in node.attrs.get("pads", (0, 0, 0, 0)))
        return (0, 0, 0, 0) if auto == "VALID" else pads
    dilation = node.attrs.get("dilations", (1, 1))
    low, high = [], []
    for n, k, s, d in zip(extents, kernel, stride, dilation, strict=True):
        total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
        low.append(total // 2 if auto == "SAME_UPPER" else -(-total // 2))
        high.append(total - low[-1])
    return (*low, *high)


def _window(node: Node, x: View, kernel: list[int]) -> dict[str, Any]:
    stride = [int(n) for n in node.attrs.get("strides", (1, 1))]
    if len(kernel) != 2 or len(stride) != 2:
        raise node.unread(f"its window has {len(kernel)} ranks; only pictures are read")
    return {"stride": tidy(stride), "padding": tidy(_pads(node, x.shape[2:], kernel, stride))}


def tidy(numbers: Sequence[int]) -> int | tuple[int, ...]:
    """One number where all are equal."""
    return numbers[0] if len(set(numbers)) == 1 else tuple(numbers)


def conv(r: Reader, node: Node) -> Value:
    x, weight, bias = r.plain(node, node.view()), node.floats(1), node.floats(2)
    if weight is None or weight.ndim != 4:
        raise node.unread("its weight is no constant of 4 ranks")
    source = r.picture(node, x)
    attrs = _window(node, x, list(weight.shape[2:]))
    attrs["dilation"] = tidy([int(n) for n in node.attrs.get("dilations", (1, 1))])
    attrs["groups"] = int(node.attrs.get("group", 1))
    params = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    return r.picture_made(node, r.emit(node, "conv2d", (source,), params, attrs))


def pool(r: Reader, node: Node) -> Value:
    x = r.plain(node, node.view())
    source, kernel = r.picture(node, x), [int(n) for n in node.attrs["kernel_shape"]]
    attrs = _window(node, x, kernel) | {"kernel": tidy(kernel)}
    if any(int(n) != 1 for n in node.attrs.get("dilations", ())):
        raise node.unread("its window is dilated")
    pads = _pads(node, x.shape[2:], kernel, [int(n) for n in node.attrs.get("strides", (1, 1))])
    if node.attrs.get("count_include_pad") and any(pads):
        raise node.unread("count_include_pad is set; padding is not averaged")
    if node.attrs.get("ceil_mode"):
        for i in range(2):
            step = int(node.attrs.get("strides", (1, 1))[i])
            if (x.shape[2 + i] + pads[i] + pads[2 + i] - kernel[i]) % step:
                raise node.unread("ceil_mode is set and the last window hangs over")
    kind = "maxpool" if node.op == "MaxPool" else "avgpool"
    return r.picture_made(node, r.emit(node, kind, (source,), {}, attrs))


def global_pool(r: Reader, node: Node) -> Value:
    x = r.plain(node, node.view())
    source = r.picture(node, x)
    attrs = {"kernel": tidy(x.shape[2:]), "stride": 1, "padding": 0}
    kind = "maxpool" if node.op == "GlobalMaxPool" else "avgpool"
    return r.picture_made(node, r.emit(node, kind, (source,), {}, attrs))


def batchnorm(r: Reader, node: Node) -> Value:
    x = r.plain(node, node.view())
    if node.attrs.get("training_mode"):
        raise node.unread("it is exported for training")
    names = ("gamma", "beta", "mean", "variance")
    params = {name: node.floats(i) for i, name in enumerate(names, 1)}
    if any(p is None for p in params.values()):
        raise node.unread("scale, bias, mean and variance are not all given")
    known = {name: p for name, p in params.items() if p is not None}
    attrs = {"epsilon": float(node.attrs.get("epsilon", 1e-5))}
    if len(x.shape) == 4:
        return r.picture_made(node, r.emit(node, "batchnorm", (r.picture(node, x),), known, attrs))
    source, moved = r.rows(node, x)
    if len(x.shape) != 2 or moved is not None:
        raise node.unread(f"its input {list(x.shape)} is neither a picture nor rows")
    return r.made(node, r.emit(node, "batchnorm", (source,), known, attrs), x.shape)


def layernorm(r: Reader, node: Node) -> Value:
    x, axis = r.plain(node, node.view()), int(node.attrs.get("axis", -1))
    if axis not in (-1, len(x.shape) - 1):
        raise node.unread(f"it works over ranks from {axis}; only the last is read")
    gamma, beta = node.floats(1), node.floats(2)
    epsilon = float(node.attrs.get("epsilon", 1e-5))
    return normed(r, node, x, gamma, beta, epsilon)


def normed(
    r: Reader, node: Node, x: View, gamma: Array | None, beta: Array | None, epsilon: float
) -> View:
    source, moved = r.rows(node, x)
    if moved is not None:
        raise node.unread("a Transpose before it moves data inside a row")
    width = node.small(x.shape[-1])
    params = {
        "gamma": np.ones(width, np.float32) if gamma is None else gamma.reshape(-1),
        "beta": np.zeros(width, np.float32) if beta is None else beta.reshape(-1),
    }
    return r.made(node, r.emit(node, "layernorm", (source,), params, {"epsilon": epsilon}), x.shape)


def linear(r: Reader, node: Node, x: View, weight: Array, bias: Array | None) -> View:
    """weight [N, K]."""
    if weight.shape[1] != x.shape[-1]:
        raise node.fault(
            f"its weight reduces {weight.shape[1]} elements, a row has {x.shape[-1]}",
            "the file is broken, export it again",
        )
    source, place = r.rows(node, x)
    if place is not None:
        ordered = np.empty_like(weight)
        ordered[:, place] = weight
        weight = ordered
    weight = np.ascontiguousarray(weight)
    params = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    name = r.emit(node, "linear", (source,), params)
    return r.made(node, name, (*x.shape[:-1], len(weight)))


def gemm(r: Reader, node: Node) -> Value:
    x, weight, bias = r.plain(node, node.view()), node.floats(1), node.floats(2)
    if weight is None or weight.ndim != 2 or node.attrs.get("transA"):
        raise node.unread("it is not rows times a constant matrix")
    weight = weight if node.attrs.get("transB") else weight.T
    alpha, beta = (np.float32(node.attrs.get(n, 1.0)) for n in ("alpha", "beta"))
    if bias is not None:
        if bias.size not in (1, len(weight)) or (bias.ndim > 1 and bias.shape[-1] != bias.size):
            raise node.unread(f"it adds a constant {list(bias.shape)} that is no bias")
        bias = np.broadcast_to(bias.reshape(-1), len(weight)) * beta
    return linear(r, node, x, weight * alpha, bias)


def clip(r: Reader, node: Node) -> Value:
    bounds = [node.attrs.get(n) for n in ("min", "max")]
    for i in range(2):
        given = node.array(i + 1)
        bounds[i] = bounds[i] if given is None else float(given.reshape(-1)[0])
    low, high = bounds
    if low != 0 or (high is not None and high < 3e38 and high != 6):
        raise node.unread(f"it cuts to {low}..{high}; only 0..6 and 0 upwards are read")
    return r.like(node, "relu6" if high == 6 else "relu", node.view())


def reshape(r: Reader, node: Node) -> Value:
    x = node.view()
    rest = [node.array(i) for i in range(1, len(node.inputs))]
    new = x.reshaped(new_shape(node.op, x.shape, node.attrs, rest))
    return r.again(node, replace(new, label=node.title))


def transpose(r: Reader, node: Node) -> Value:
    x = node.view()
    perm = [int(n) for n in node.attrs.get("perm", range(len(x.shape))[::-1])]
    if sorted(perm) != list(range(len(x.shape))):
        raise node.fault(
            f"perm {perm} does not order {len(x.shape)} ranks",
            "the file is broken, export it again",
        )
    return r.again(node, x.permuted(perm))


def same(r: Reader, node: Node) -> Value:
    x = node.value(0)
    return r.again(node, x) if isinstance(x, View) else x


def gather(r: Reader, node: Node) -> Value:
    table, ids = node.floats(0), r.plain(node, node.view(1))
    if table is None or table.ndim != 2 or int(node.attrs.get("axis", 0)) != 0:
        raise node.unread("it is no lookup in a table of 2 ranks")
    source = r.shaped(node, ids, (ids.size,))
    name = r.emit(node, "embedding", (source,), {"table": table})
    return r.made(node, name, (*ids.shape, table.shape[1]))


def reduce_mean(r: Reader, node: Node) -> Value:
    """Over the pixels of a picture, or a step of a layer norm."""
    x, given = node.value(0), node.array(1)
    axes = node.attrs.get("axes", ()) if given is None else given.reshape(-1)
    if isinstance(x, Step) and x.what == "squares":
        return Step("variance", x.of)
    view = node.view()
    ranks = sorted(int(a) % len(view.shape) for a in axes)
    if ranks == [len(view.shape) - 1] and node.attrs.get("keepdims", 1):
        return Step("mean", r.plain(node, view))
    if len(view.shape) != 4 or ranks != [2, 3]:
        raise node.unread(f"it averages over ranks {ranks}; only pixels are read")
    out = global_pool(r, node)
    assert isinstance(out, View)
    return out if node.attrs.get("keepdims", 1) else out.reshaped(view.shape[:2])


def unary(kind: str) -> Handler:
    return lambda r, node: r.like(node, kind, node.view())


LAYERS: dict[str, Handler] = {
    "Conv": conv, "MaxPool": pool, "AveragePool": pool, "GlobalAveragePool": global_pool, "GlobalMaxPool": global_pool,
    "BatchNormalization": batchnorm, "LayerNormalization": layernorm, "Gemm": gemm, "Clip": clip, "Gather": gather,
    "Relu": unary("relu"), "Gelu": unary("gelu"), "ReduceMean": reduce_mean, "Transpose": transpose,
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), reshape), **dict.fromkeys(("Identity", "Dropout", "Cast"), same),
}  # fmt: skip


def channel_vector(r: Reader, x: View, c: Array) -> Array | None:
    """[channels] or [1] float32 where a constant differs by channel of the tensor alone, else None."""
    if c.ndim > len(x.shape):
        return None
    ranks = [i for i, n in enumerate(c.shape, len(x.shape) - c.ndim) if n != 1]
    flat = np.asarray(c, np.float32).reshape(-1)
    if not ranks:
        return flat
    channels = r.shape(x.name)[-1]
    walks = len(ranks) == 1 and x.axes[ranks[0]] == canon([(channels, 1)])
    return flat if walks and flat.size == channels else None

"""MatMul and Softmax: weights, and the scores and context of attention behind any Reshape and Transpose that splits heads."""

from dataclasses import replace
from math import prod

import numpy as np

from models.onnx_ops import Handler, linear
from models.onnx_reader import Node, Reader
from models.onnx_view import Axis, Value, View, canon, dense, regroup


def matmul(r: Reader, node: Node) -> Value:
    a, b = node.value(0), node.value(1)
    if isinstance(b, np.ndarray):
        weight = node.floats(1)
        assert weight is not None
        if weight.ndim < 2 or prod(weight.shape[:-2]) != 1:
            raise node.unread(f"its constant {list(weight.shape)} is no matrix")
        return linear(
            r, node, r.plain(node, node.view()), weight.reshape(weight.shape[-2:]).T, None
        )
    if isinstance(a, np.ndarray):
        raise node.unread("a constant stands on the left")
    x, y = node.view(0), node.view(1)
    if (
        len(x.shape) != len(y.shape)
        or len(x.shape) < 2
        or x.shape[:-2] != y.shape[:-2]
        or x.shape[-1] != y.shape[-2]
    ):
        raise node.unread(f"it multiplies {list(x.shape)} by {list(y.shape)}")
    for recognise in (_context, _scores, _product):
        out = recognise(r, node, x, y)
        if out is not None:
            return out
    raise node.unread("its inputs lie in memory neither as heads nor as plain matrices")


def _lead(x: View) -> Axis:
    return canon(f for axis in x.axes[:-2] for f in axis)


def _heads(x: View, rows: Axis, extent: int, width: int) -> int:
    """Heads that lie `width` apart in rows of heads * width elements; all leading ranks where there is one row."""
    if extent == 1:
        return prod(x.shape[:-2])
    return rows[0][1] // width if len(rows) == 1 else 0


def _split(x: View, rows: Axis, cols: Axis, extent: int, width: int, heads: int) -> bool:
    """Whether x is [batch*extent, heads*width] seen as [batch, heads, extent, width]; rows, cols: its last two ranks."""
    if heads < 1 or prod(x.shape[:-2]) % heads:
        return False
    batch, line = prod(x.shape[:-2]) // heads, heads * width
    lead = canon([(batch, extent * line), (heads, width)])
    return _lead(x) == lead and rows == canon([(extent, line)]) and cols == canon([(width, 1)])


def _scores(r: Reader, node: Node, x: View, y: View) -> View | None:
    (m, width), n = x.shape[-2:], y.shape[-1]
    heads = _heads(x, x.axes[-2], m, width) if m > 1 else _heads(y, y.axes[-1], n, width)
    ours = _split(x, x.axes[-2], x.axes[-1], m, width, heads)
    if not ours or not _split(y, y.axes[-1], y.axes[-2], n, width, heads):
        return None
    batch, line = prod(x.shape[:-2]) // heads, heads * width
    q, k = (
        r.shaped(node, v, (batch * e, line))
        for v, e in ((_unscaled(r, node, x), m), (_unscaled(r, node, y), n))
    )
    attrs = {"heads": heads, "batch": batch, "scale": x.scale * y.scale}
    name = r.emit(node, "scores", (q, k), {}, attrs)
    return r.made(node, name, (*x.shape[:-1], n))


def _unscaled(r: Reader, node: Node, x: View) -> View:
    """Its factor goes elsewhere."""
    return r.plain(node, replace(x, scale=1.0))


def _context(r: Reader, node: Node, x: View, y: View) -> View | None:
    (m, n), width = x.shape[-2:], y.shape[-1]
    heads = _heads(y, y.axes[-2], n, width)
    softmax = x.name in r.layers and r.layers[x.name].kind == "softmax"
    if (
        not softmax
        or x.axes != dense(x.shape)
        or not _split(y, y.axes[-2], y.axes[-1], n, width, heads)
    ):
        return None
    x, y = r.plain(node, x), r.plain(node, y)
    batch, line = prod(x.shape[:-2]) // heads, heads * width
    p, v = r.shaped(node, x, (batch, heads, m, n)), r.shaped(node, y, (batch * n, line))
    name = r.emit(node, "context", (p, v), {}, {"heads": heads, "batch": batch})
    walk = [canon([f]) for f in ((batch, m * line), (heads, width), (m, line), (width, 1))]
    shape = (*x.shape[:-1], width)
    return View(name, regroup(walk, shape), shape, r.uses[node.outputs[0]] == 1)


def _product(r: Reader, node: Node, x: View, y: View) -> View | None:
    if x.axes != dense(x.shape) or y.axes != dense(y.shape):
        return None
    x, y = r.plain(node, x), r.plain(node, y)
    batch = prod(x.shape[:-2])
    names = [r.shaped(node, v, (batch, *v.shape[-2:])) for v in (x, y)]
    return r.made(node, r.emit(node, "matmul", tuple(names)), (*x.shape[:-1], y.shape[-1]))


def softmax(r: Reader, node: Node) -> Value:
    x = node.view()
    axis = int(node.attrs.get("axis", -1 if node.opset >= 13 else 1))
    if axis not in (-1, len(x.shape) - 1):
        raise node.unread(f"it works over rank {axis}; only the last is read")
    params = {} if x.mask is None else {"mask": x.mask}
    x = r.plain(node, replace(x, mask=None))
    source, moved = x.name, x.axes[-1] != canon([(x.shape[-1], 1)])
    if moved:
        raise node.unread("a Transpose before it moves data inside a row")
    if r.shape(source)[-1] != x.shape[-1]:
        source = r.shaped(node, x, (x.size // x.shape[-1], x.shape[-1]))
    name = r.emit(node, "softmax", (source,), params)
    return replace(x, name=name, sole=r.uses[node.outputs[0]] == 1)


ATTENTION: dict[str, Handler] = {"MatMul": matmul, "Softmax": softmax}

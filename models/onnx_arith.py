"""Add, Mul, Div, Sub and what they spell out: biases, residuals, scales, masks, and decomposed GELU, SiLU and layer norm."""

from dataclasses import replace
from math import isclose, pi, sqrt

import numpy as np

from mapper.graph.ir import Array
from models.bert import MASKED
from models.onnx_ops import Handler, channel_vector, normed
from models.onnx_reader import Node, Reader
from models.onnx_view import Mask, Step, Value, View

CUBE = 0.044715  # gelu(x) ~ x/2 * (1 + tanh(sqrt(2/pi) * (x + CUBE*x**3))); Hendrycks and Gimpel 2016, arXiv:1606.08415


def _near(a: float, b: float) -> bool:
    return isclose(a, b, rel_tol=1e-3)


def _scalar(c: Array) -> float | None:
    return float(c.reshape(-1)[0]) if c.size == 1 else None


def _pair(node: Node) -> tuple[Value, Value]:
    """A constant, then a step, stand last."""
    a, b = node.value(0), node.value(1)
    order = [View, Step, Mask, np.ndarray]
    rank = [next(i for i, kind in enumerate(order) if isinstance(x, kind)) for x in (a, b)]
    return (b, a) if rank[0] > rank[1] else (a, b)


def _step_of(x: View, what: str, number: float) -> Step:
    return Step(what, replace(x, scale=1.0), number)


def _is(x: Value, what: str) -> bool:
    return isinstance(x, Step) and x.what == what


def _unread_pair(node: Node, a: Value, b: Value) -> Exception:
    def say(x: Value) -> str:
        if isinstance(x, Step):
            return f"the {x.what} of {x.of.name}"
        if isinstance(x, View):
            return x.name
        return "a mask" if isinstance(x, Mask) else f"a constant {list(x.shape)}"

    return node.unread(f"{say(a)} and {say(b)} make nothing that is read")


def mul(r: Reader, node: Node) -> Value:
    a, b = _pair(node)
    if isinstance(a, View) and isinstance(b, View) and a.same_place(b):
        return _step_of(a, "square", a.scale * b.scale)
    if _is(a, "centred") and a == b:
        assert isinstance(a, Step)
        return Step("squares", a.of)
    if isinstance(b, np.ndarray):
        return _times_constant(r, node, a, b)
    if isinstance(a, View) and isinstance(b, Step) and replace(a, scale=1.0).same_place(b.of):
        return _times_step(r, node, a, b)
    raise _unread_pair(node, a, b)


def _times_constant(r: Reader, node: Node, x: Value, c: Array) -> Value:
    one = _scalar(c)
    if isinstance(x, Step) and one is not None and x.what in ("gate", "cube", "square", "inner"):
        return replace(x, number=x.number * one)
    if not isinstance(x, View):
        raise _unread_pair(node, x, c)
    if not np.isfinite(c).all():
        raise node.fault("it multiplies by what is not finite", "export the network again")
    if one is not None and c.ndim <= len(x.shape):
        return r.again(node, replace(x, scale=x.scale * one))
    vector = channel_vector(r, x, c)
    if vector is None:
        raise node.unread(
            f"it multiplies by a constant {list(c.shape)} that differs by more than channel"
        )
    return r.again(node, r.affine(node, r.plain(node, x), vector, None))


def _times_step(r: Reader, node: Node, x: View, step: Step) -> Value:
    if step.what == "square":
        return replace(step, what="cube", number=step.number * x.scale)
    if step.what == "1+square":
        return replace(step, what="inner", number=x.scale)
    if step.what == "gate":
        out = r.like(node, "gelu", replace(x, scale=1.0))
        return replace(out, scale=2 * x.scale * step.number)
    if step.what == "sigmoid":
        return replace(r.like(node, "silu", replace(x, scale=1.0)), scale=x.scale)
    raise _unread_pair(node, x, step)


def div(r: Reader, node: Node) -> Value:
    a, b = node.value(0), node.value(1)
    if isinstance(b, np.ndarray):
        with np.errstate(all="ignore"):
            return _times_constant(r, node, a, 1 / b.astype(np.float64))
    if isinstance(a, Step) and isinstance(b, Step) and (a.what, b.what) == ("centred", "deviation"):
        if a.of.same_place(b.of):
            return normed(r, node, a.of, None, None, b.number)
    raise _unread_pair(node, a, b)


def add(r: Reader, node: Node) -> Value:
    a, b = _pair(node)
    if isinstance(b, np.ndarray):
        return _plus_constant(r, node, a, b)
    if isinstance(a, View) and isinstance(b, View):
        return _sum(r, node, r.plain(node, a), r.plain(node, b))
    if isinstance(a, View) and isinstance(b, Mask) and _kind(r, a) == "scores":
        return _masked(r, node, a, None)
    if isinstance(a, View) and isinstance(b, Step) and b.what == "cube":
        if replace(a, scale=1.0).same_place(b.of) and _near(b.number, CUBE * a.scale):
            return replace(b, what="inner", number=a.scale)
    raise _unread_pair(node, a, b)


def _sum(r: Reader, node: Node, a: View, b: View) -> View:
    if a.shape != b.shape:
        raise node.unread(
            f"it adds {list(a.shape)} and {list(b.shape)}; only equal shapes are read"
        )
    if a.axes != b.axes:
        raise node.unread("its inputs lie in memory in different orders")
    if not r.hosted.isdisjoint((a.name, b.name)) and r.of_host(a.name) and r.of_host(b.name):
        return r.host_sum(node, a)
    other = r.shaped(node, b, r.shape(a.name))
    name = r.emit(node, "add", (a.name, other))
    return replace(a, name=name, sole=r.uses[node.outputs[0]] == 1)


def _plus_constant(r: Reader, node: Node, x: Value, c: Array) -> Value:
    one = _scalar(c)
    if isinstance(x, Step) and one is not None:
        if x.what in ("erf", "tanh") and one == 1:
            return replace(x, what="gate", number=1.0)
        if x.what == "square" and one == 1 and _near(x.number, CUBE):
            return replace(x, what="1+square")
        if x.what == "variance":
            return replace(x, number=x.number + one)
    if not isinstance(x, View):
        raise _unread_pair(node, x, c)
    if _kind(r, x) == "scores":
        return _masked(r, node, x, c)
    if not c.any():
        return r.again(node, x)
    vector = channel_vector(r, x, c)
    if vector is None and r.of_host(x.name) and np.broadcast_shapes(c.shape, x.shape) == x.shape:
        return r.host_sum(node, x)
    if vector is None:
        raise node.fault(
            f"it adds a constant {list(c.shape)} that differs by more than channel",
            "cut the network behind it and give the sum as the input",
        )
    if not np.isfinite(vector).all():
        raise node.fault("it adds what is not finite", "export the network again")
    return r.again(node, r.affine(node, r.plain(node, x), None, vector))


def _kind(r: Reader, x: View) -> str:
    return r.layers[x.name].kind if x.name in r.layers else "input"


def _masked(r: Reader, node: Node, x: View, c: Array | None) -> View:
    """Scores with a mask [batch, seq] that waits for the softmax; zeros where it is known only at run time."""
    x = r.plain(node, x)
    batch, _, _, seq = r.shape(x.name)
    node.small(batch * seq)
    mask = np.zeros((batch, seq), np.float32)
    if c is not None:
        ranks = (1,) * (len(x.shape) - c.ndim) + c.shape
        if (
            len(ranks) > len(x.shape)
            or any(n != 1 for n in ranks[1:-1])
            or ranks[0] not in (1, batch)
            or ranks[-1] not in (1, seq)
        ):
            raise node.unread(
                f"its mask {list(c.shape)} differs by head or row; only by token is read"
            )
        value = np.maximum(c.reshape(ranks[0], ranks[-1]), MASKED)
        if not ((value == 0) | (value <= MASKED / 10)).all():
            raise node.unread("it adds to the scores what is neither 0 nor hugely negative")
        mask = mask + value.astype(np.float32)
    return r.again(node, replace(x, mask=mask))


def where(r: Reader, node: Node) -> Value:
    """Scores where a mask known at run time lets them stand."""
    views = [x for x in (node.value(1), node.value(2)) if isinstance(x, View)]
    if isinstance(node.value(0), Mask) and len(views) == 1 and _kind(r, views[0]) == "scores":
        return _masked(r, node, views[0], None)
    raise node.unread("it does not mask scores")


def sub(r: Reader, node: Node) -> Value:
    a, b = node.value(0), node.value(1)
    if isinstance(a, View) and isinstance(b, Step) and b.what == "mean":
        a = r.plain(node, a)
        if a.same_place(b.of):
            return Step("centred", a)
    if isinstance(b, np.ndarray):
        return _plus_constant(r, node, a, -b)
    raise _unread_pair(node, a, b)


def power(r: Reader, node: Node) -> Value:
    x, c = node.value(0), node.array(1)
    exponent = None if c is None else _scalar(c)
    if isinstance(x, View) and exponent in (2, 3):
        return _step_of(x, "square" if exponent == 2 else "cube", x.scale ** int(exponent))
    if isinstance(x, Step) and x.what == "centred" and exponent == 2:
        return Step("squares", x.of)
    raise node.unread(f"a power of {exponent} makes nothing that is read")


def root(r: Reader, node: Node) -> Value:
    x = node.value(0)
    if isinstance(x, Step) and x.what == "variance":
        return replace(x, what="deviation")
    raise node.unread("it is no part of a layer norm")


def erf(r: Reader, node: Node) -> Value:
    x = node.view()
    if not _near(x.scale, sqrt(0.5)):
        raise node.unread("it is no part of a GELU")
    return _step_of(x, "erf", 1.0)


def tanh(r: Reader, node: Node) -> Value:
    x = node.value(0)
    if isinstance(x, Step) and x.what == "inner" and _near(x.number, sqrt(2 / pi)):
        return replace(x, what="tanh", number=1.0)
    raise node.unread("it is no part of a GELU")


def sigmoid(r: Reader, node: Node) -> Value:
    return Step("sigmoid", r.plain(node, node.view()))


ARITHMETIC: dict[str, Handler] = {
    "Add": add, "Mul": mul, "Div": div, "Sub": sub, "Pow": power, "Sqrt": root, "Erf": erf, "Tanh": tanh, "Sigmoid": sigmoid,
    "Where": where,
}  # fmt: skip

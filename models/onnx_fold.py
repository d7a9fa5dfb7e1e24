"""Shape arithmetic of ONNX files: nodes whose inputs are all known become arrays."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from onnx import helper, numpy_helper

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array
from models.onnx_view import REMEDY

LARGEST = 1 << 28  # elements of a constant that a node may make
Attrs = dict[str, Any]


def _axes(attrs: Attrs, inputs: list[Array | None]) -> list[int] | None:
    """Of Squeeze, Unsqueeze, Reduce: an attribute in old files, an input in new ones."""
    if len(inputs) > 1 and inputs[1] is not None:
        return [int(n) for n in inputs[1].reshape(-1)]
    found = attrs.get("axes")
    return None if found is None else [int(n) for n in found]


def new_shape(
    op: str, shape: tuple[int, ...], attrs: Attrs, rest: list[Array | None]
) -> tuple[int, ...]:
    """Of Reshape, Flatten, Squeeze, Unsqueeze."""
    rank = len(shape)
    if op == "Flatten":
        axis = int(attrs.get("axis", 1))
        axis += rank * (axis < 0)
        return (prod(shape[:axis]), prod(shape[axis:]))
    if op == "Squeeze":
        axes = _axes(attrs, [None, *rest])
        drop = (
            {i for i, n in enumerate(shape) if n == 1} if axes is None else {a % rank for a in axes}
        )
        return tuple(n for i, n in enumerate(shape) if i not in drop)
    if op == "Unsqueeze":
        axes = _axes(attrs, [None, *rest]) or []
        total, left = rank + len(axes), list(shape)
        place = {a % total for a in axes}
        return tuple(1 if i in place else left.pop(0) for i in range(total))
    wanted = attrs.get("shape") if not rest else rest[0]
    if wanted is None:
        raise GraphError(f"its shape is made while the network runs; {REMEDY}")
    sizes = [int(n) for n in np.asarray(wanted).reshape(-1)]
    if not attrs.get("allowzero"):
        sizes = [shape[i] if n == 0 else n for i, n in enumerate(sizes)]
    known = prod(n for n in sizes if n != -1)
    return tuple(prod(shape) // max(known, 1) if n == -1 else n for n in sizes)


def _shaped(op: str) -> Callable[[Attrs, list[Any]], Array]:
    def fold(attrs: Attrs, inputs: list[Any]) -> Array:
        x = np.asarray(inputs[0])
        return x.reshape(new_shape(op, x.shape, attrs, inputs[1:]))

    return fold


def _sized(shape: Any) -> tuple[int, ...]:
    sizes = tuple(int(n) for n in np.asarray(shape).reshape(-1))
    if any(n < 0 for n in sizes) or prod(sizes) > LARGEST:
        raise GraphError(
            f"it makes a constant of {list(sizes)}, at most {LARGEST} elements are read; {REMEDY}"
        )
    return sizes


def _constant(attrs: Attrs, inputs: list[Any]) -> Array:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in attrs:
            value = attrs[name]
            return numpy_helper.to_array(value) if name == "value" else _number(value)
    raise GraphError(f"its value is of a kind that is not read; {REMEDY}")


def _number(value: Any) -> Array:
    x = np.asarray(value)
    return x.astype(np.float32) if x.dtype.kind == "f" else x


def _slice(attrs: Attrs, inputs: list[Any]) -> Array:
    x = inputs[0]
    starts, ends = (attrs[n] if n in attrs else inputs[i] for i, n in ((1, "starts"), (2, "ends")))
    axes = attrs.get("axes") if "starts" in attrs else inputs[3] if len(inputs) > 3 else None
    steps = inputs[4] if len(inputs) > 4 else None
    axes = range(len(starts)) if axes is None else axes
    cut = [slice(None)] * x.ndim
    for i, axis in enumerate(axes):
        cut[int(axis)] = slice(int(starts[i]), int(ends[i]), 1 if steps is None else int(steps[i]))
    return np.asarray(x[tuple(cut)])


def _fill(attrs: Attrs, inputs: list[Any]) -> Array:
    value = numpy_helper.to_array(attrs["value"]) if "value" in attrs else np.zeros(1, np.float32)
    return np.full(_sized(inputs[0]), value.reshape(-1)[0])


def _expand(attrs: Attrs, inputs: list[Any]) -> Array:
    shape = np.broadcast_shapes(inputs[0].shape, _sized(inputs[1]))
    return np.array(np.broadcast_to(inputs[0], _sized(shape)))


def _range(attrs: Attrs, inputs: list[Any]) -> Array:
    start, stop, step = (x.item() for x in inputs)
    _sized([max(0, int((stop - start) / step) + 1)])
    return np.arange(start, stop, step, dtype=inputs[0].dtype)


def _divide(attrs: Attrs, inputs: list[Any]) -> Array:
    a, b = inputs
    if a.dtype.kind in "iu":
        return np.asarray(np.trunc(a / b)).astype(a.dtype)
    return np.asarray(a / b)


def _cast(attrs: Attrs, inputs: list[Any]) -> Array:
    return np.asarray(inputs[0]).astype(helper.tensor_dtype_to_np_dtype(int(attrs["to"])))


def _of(function: Callable[..., Any]) -> Callable[[Attrs, list[Any]], Array]:
    return lambda attrs, inputs: np.asarray(function(*inputs))


FOLDS: dict[str, Callable[[Attrs, list[Any]], Array]] = {
    "Constant": _constant, "ConstantOfShape": _fill, "Slice": _slice, "Expand": _expand, "Range": _range, "Div": _divide, "Cast": _cast,
    "Shape": lambda a, x: np.array(x[0].shape, np.int64),
    "Concat": lambda a, x: np.concatenate(x, int(a["axis"])),
    "Gather": lambda a, x: np.take(x[0], x[1], int(a.get("axis", 0))),
    "Transpose": lambda a, x: np.transpose(x[0], a.get("perm")),
    "Identity": _of(np.asarray), "Add": _of(np.add), "Sub": _of(np.subtract), "Mul": _of(np.multiply), "Neg": _of(np.negative),
    "Sqrt": _of(np.sqrt), "Pow": _of(np.power), "Reciprocal": _of(np.reciprocal), "Equal": _of(np.equal), "Not": _of(np.logical_not),
    "Where": _of(np.where), "Greater": _of(np.greater), "Less": _of(np.less), "Floor": _of(np.floor),
    **{op: _shaped(op) for op in ("Reshape", "Flatten", "Squeeze", "Unsqueeze")},
}  # fmt: skip


def fold(op: str, attrs: Attrs, inputs: list[Any]) -> Array:
    """The array that a node of FOLDS makes."""
    with np.errstate(all="ignore"):
        out = np.asarray(FOLDS[op](attrs, inputs))
    if out.size > LARGEST:
        raise GraphError(
            f"it makes a constant of {list(out.shape)}, at most {LARGEST} elements are read; {REMEDY}"
        )
    return out

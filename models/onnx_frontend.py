"""ONNX -> Graph. Pictures come in as NCHW and are NHWC in the Graph; `[batch, seq, channel]` becomes rows.

Extents that the file leaves open: the first is the batch, the second of 2 or 3 ranks the sequence. An input with `mask` in its
name vanishes: the softmax layers get a mask of zeros (`bert.with_mask` sets another). Where a constant that differs by position is
added to embeddings, their sum becomes an input `embeddings`, which the host makes.
"""

from collections import Counter
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.legal import check
from models.onnx_arith import ARITHMETIC
from models.onnx_attention import ATTENTION
from models.onnx_fold import FOLDS, fold
from models.onnx_ops import LAYERS
from models.onnx_reader import LARGEST, LARGEST_PICTURE, Node, Reader, nchw_axes
from models.onnx_view import Mask, Shape, Step, Value, View, dense

HANDLERS = LAYERS | ARITHMETIC | ATTENTION
FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
IDS = (TensorProto.INT32, TensorProto.INT64)
# what a broken file can make numpy, onnx and our own indexing say
BROKEN = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    MemoryError,
)


@dataclass(frozen=True)
class _Ask:
    where: str
    batch: int
    seq: int


def load_onnx(path: Path | str, batch: int = 1, seq: int = 128) -> Graph:
    """`batch` other than 1, and `seq`, count only where the file leaves them open."""
    try:
        model = onnx.load(str(path))
    except OSError as e:
        raise GraphError(f"{path}: cannot be read ({e.strerror or e}); give an ONNX file") from e
    except (DecodeError, onnx.checker.ValidationError, *BROKEN) as e:
        raise GraphError(f"{path}: not a whole ONNX file ({_short(e)}); export it again") from e
    return from_onnx(model, Path(path).stem, batch, seq)


def from_onnx(model: Any, name: str, batch: int = 1, seq: int = 128) -> Graph:
    """`model`: a ModelProto. GraphError names the node at fault."""
    ask = _Ask(name, batch, seq)
    try:
        return _graph(model, ask)
    except GraphError as fault:
        raise GraphError(f"{name}: {_plain(str(fault).removeprefix(f'{name}: '))}") from None
    except (DecodeError, RecursionError, *BROKEN) as e:
        raise GraphError(f"{name}: the file is broken ({_short(e)}); export it again") from e


def _plain(text: str) -> str:
    """Names out of a broken file may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _short(e: BaseException) -> str:
    return _plain(f"{type(e).__name__}: {' '.join(str(e).split())[:120]}")


def _graph(model: Any, ask: _Ask) -> Graph:
    body = model.graph
    opset = max(
        (int(x.version) for x in model.opset_import if x.domain in ("", "ai.onnx")), default=1
    )
    uses = Counter(n for node in body.node for n in node.input)
    uses.update(x.name for x in body.output)
    reader = Reader(uses)
    values: dict[str, Value] = {x.name: _initializer(x) for x in body.initializer}
    for x in body.input:
        if x.name not in values:
            values[x.name] = _input(reader, body, x, ask)
    for proto in body.node:
        title = (proto.name or (proto.output[0] if proto.output else "")).strip(
            "/"
        ) or proto.op_type
        twice = next((x for x in proto.output if x and x in values), None)
        if twice is not None:
            raise GraphError(f"node {title}: {twice!r} is there before it; export the file again")
        _node(reader, values, proto, title, opset)
    for x in body.output:
        _declared(values.get(x.name), x)
    outputs = [_output(reader, values, x.name) for x in body.output]
    if not outputs:
        raise GraphError("it has no output; export it again")
    layers = _needed(tuple(reader.layers.values()), outputs)
    if not layers:
        raise GraphError("it has no layer that a machine could run; give a network")
    read = {i for x in layers for i in x.inputs} | set(outputs)
    inputs = {n: s for n, s in reader.inputs.items() if n in read}
    graph = Graph(ask.where, inputs, layers, tuple(dict.fromkeys(outputs)))
    check(graph)
    return graph


def _initializer(x: Any) -> Array:
    try:
        return np.asarray(numpy_helper.to_array(x))
    except BROKEN as e:
        raise GraphError(f"tensor {x.name}: cannot be read ({_short(e)}); export it again") from e


def _extents(x: Any, ask: _Ask) -> Shape:
    dims = x.type.tensor_type.shape.dim
    out = []
    for i, d in enumerate(dims):
        if d.HasField("dim_value") and d.dim_value > 0:
            n = int(d.dim_value)
            if i == 0 and ask.batch not in (1, n) and len(dims) > 1:
                raise GraphError(
                    f"input {x.name}: its batch is {n}, {ask.batch} is asked for; export it with an open first rank"
                )
        elif i == 0:
            n = ask.batch
        elif i == 1 and len(dims) in (2, 3):
            n = ask.seq
        else:
            raise GraphError(f"input {x.name}: rank {i} has no extent; export it with fixed shapes")
        out.append(n)
    return tuple(out)


def _input(reader: Reader, body: Any, x: Any, ask: _Ask) -> Value:
    kind, shape = x.type.tensor_type.elem_type, _extents(x, ask)
    if prod(shape) > LARGEST:
        raise GraphError(
            f"input {x.name}: {list(shape)} has more than {LARGEST} elements; give a smaller one"
        )
    if "mask" in x.name.lower():
        return Mask(shape)
    if kind in IDS and len(shape) in (1, 2):
        place: Shape = (prod(shape),)
        axes = dense(shape)
    elif kind in FLOATS and len(shape) == 4:
        batch, depth, height, width = shape
        place, axes = (batch, height, width, depth), nchw_axes((batch, height, width, depth))
        if _channels_last(body, x.name):
            place, axes = shape, dense(shape)
        if place[1] * place[2] > LARGEST_PICTURE:
            raise GraphError(
                f"input {x.name}: {list(shape)} has more than {LARGEST_PICTURE} pixels; give a smaller one"
            )
    elif kind in FLOATS and len(shape) in (2, 3):
        place, axes = (prod(shape[:-1]), shape[-1]), dense(shape)
    else:
        name = TensorProto.DataType.Name(kind) if kind in TensorProto.DataType.values() else kind
        raise GraphError(
            f"input {x.name}: {name} {list(shape)} is not read; give floats of 2 to 4 ranks, or ids"
        )
    reader.inputs[x.name] = place
    return View(x.name, axes, shape, reader.uses[x.name] == 1)


def _channels_last(body: Any, name: str) -> bool:
    """All that reads it turns NHWC into NCHW first."""
    readers = [n for n in body.node if name in n.input]
    perms = [
        [list(a.ints) for a in n.attribute if a.name == "perm"]
        for n in readers
        if n.op_type == "Transpose"
    ]
    return bool(readers) and len(perms) == len(readers) and all(p == [[0, 3, 1, 2]] for p in perms)


def _node(reader: Reader, values: dict[str, Value], proto: Any, title: str, opset: int) -> None:
    domain = "" if proto.domain in ("", "ai.onnx") else f"{proto.domain}::"
    op = f"{domain}{proto.op_type}"
    if op not in HANDLERS and op not in FOLDS:
        known = ", ".join(sorted({*HANDLERS, *FOLDS}))
        raise GraphError(f"node {title}: operator {op} is not supported; use {known}")
    try:
        inputs = tuple(_value(values, n, title) if n else None for n in proto.input)
        attrs = {a.name: _attribute(a) for a in proto.attribute}
        node = Node(op, title, inputs, tuple(proto.output), attrs, opset)
        value = _evaluate(reader, node)
    except GraphError as fault:
        text = str(fault).removeprefix(f"{title}: ")
        head = "" if text.startswith("node ") else f"node {title} ({op}): "
        raise GraphError(f"{head}{text}") from None
    except BROKEN as e:
        raise GraphError(
            f"node {title} ({op}): its attributes or inputs are broken ({_short(e)}); export it again"
        ) from e
    if isinstance(value, View) and prod(value.shape) > LARGEST:
        raise node.fault(f"it makes {list(value.shape)}", f"at most {LARGEST} elements are read")
    for out in node.outputs[:1]:
        values[out] = value


def _value(values: dict[str, Value], name: str, title: str) -> Value:
    if name not in values:
        raise GraphError(
            f"node {title}: its input {name!r} is made by no node before it; export the file again"
        )
    return values[name]


def _attribute(a: Any) -> Any:
    value = helper.get_attribute_value(a)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _evaluate(reader: Reader, node: Node) -> Value:
    given = [x for x in node.inputs if x is not None]
    if node.op == "Shape" and given and isinstance(given[0], (View, Mask)):
        shape = given[0].shape
        return np.array(
            shape[node.attrs.get("start", 0) : node.attrs.get("end", len(shape))], np.int64
        )
    if all(isinstance(x, np.ndarray) for x in given):
        if node.op in FOLDS:
            return fold(node.op, node.attrs, list(node.inputs))
    elif node.op in FOLDS and not any(isinstance(x, (View, Step)) for x in given):
        return next(x for x in given if isinstance(x, Mask))
    if node.op not in HANDLERS:
        raise node.unread("it works on a tensor; only on constants it is read")
    return HANDLERS[node.op](reader, node)


def _declared(value: Value | None, x: Any) -> None:
    """Extents that the file states of an output are those that its nodes make."""
    dims = x.type.tensor_type.shape.dim
    said = [int(d.dim_value) if d.HasField("dim_value") else 0 for d in dims]
    if not isinstance(value, View) or not dims:
        return
    if len(said) != len(value.shape) or any(n > 0 and n != m for n, m in zip(said, value.shape, strict=True)):
        given = [n or "?" for n in said]
        raise GraphError(
            f"output {x.name}: declared as {given}, its nodes make {list(value.shape)}; export the file again"
        )


def _output(reader: Reader, values: dict[str, Value], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, View):
        raise GraphError(
            f"output {name}: no tensor that a machine could make; cut the file before it"
        )
    end = Node("output", name, (value,), (name,), {}, 0)
    return reader.plain(end, replace(value, sole=value.sole)).name


def _needed(layers: tuple[Layer, ...], outputs: list[str]) -> tuple[Layer, ...]:
    read, kept = set(outputs), []
    for layer in reversed(layers):
        if layer.name in read:
            kept.append(layer)
            read |= set(layer.inputs)
    return tuple(reversed(kept))

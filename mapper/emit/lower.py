"""Layers that are products of matrices, as Products, and where their instances stand in memory."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hwsim.spec.errors import MappingError
from hwsim.spec.machine import AcceleratorSpec
from mapper.graph.ir import Graph, Layer
from mapper.graph.windows import Window
from mapper.nest import Place, Product

PRODUCTS = ("conv2d", "linear", "scores", "context", "matmul")


Ranks = dict[str, Any]  # fields of a Product


@dataclass(frozen=True)
class Wants:
    """How the users of a tensor read it: dense rows, or transposed `[batch, n, seq]`."""

    rows: bool
    cols: bool
    batch: int = 1


def lower(graph: Graph, layer: Layer, spec: AcceleratorSpec, wants: Wants) -> Product:
    """The Product of a layer; parameters and tails are filled in by the caller."""
    shape = graph.shape(layer.inputs[0])
    eb = spec.pe.element_bytes
    base = Product(
        name=layer.name, kind=layer.kind, batch=1, p=1, q=1, height=1, width=1, c=1, n=1, element_bytes=eb,
        residual=bool(layer.attrs.get("residual")), rows_out=wants.rows, cols_out=wants.cols,
    )  # fmt: skip
    product = replace(base, **_RULES[layer.kind](graph, layer, shape, eb, wants))
    kept, block = layer.pattern
    if kept == block or (product.groups > 1 and product.group_c % block):
        kept = block = 1  # nothing left out, or groups whose channels on chip are not whole blocks
    if kept > spec.pe.kept_max or block > spec.pe.block_max:
        raise MappingError(
            f"{layer.name} at array: needs PEs that hold {kept}:{block}, "
            f"pe.kept_max is {spec.pe.kept_max} and pe.block_max {spec.pe.block_max}; "
            "take another pattern or machine, or raise them"
        )
    return replace(product, kept=kept, block=block)


def _conv2d(graph: Graph, layer: Layer, shape: tuple[int, ...], eb: int, wants: Wants) -> Ranks:
    window, (batch, height, width, c) = Window.of(layer), shape
    _, p, q, n = layer.shape
    view = {"view_col": c * eb, "view_row": width * c * eb, "view_image": height * width * c * eb}
    out = {
        "batch": batch,
        "p": p,
        "q": q,
        "c": c,
        "n": n,
        "r": window.kernel[0],
        "s": window.kernel[1],
        "groups": layer.attrs.get("groups", 1),
    }
    if window.kernel == (1, 1) and not any(window.pads):
        (sh, sw) = window.stride  # only the pixels that are read are loaded
        view |= {"view_col": sw * c * eb, "view_row": sh * width * c * eb}
        return out | view | {"height": p, "width": q}
    more = {
        "height": height,
        "width": width,
        "stride": window.stride,
        "pad": window.pads[:2],
        "dilation": window.dilation,
    }
    return out | view | more


def _linear(graph: Graph, layer: Layer, shape: tuple[int, ...], eb: int, wants: Wants) -> Ranks:
    rows, c = shape
    seq = rows // wants.batch if wants.cols else rows
    return {
        "batch": rows // seq, "q": seq, "width": seq, "c": c, "n": layer.shape[1],
        "view_col": c * eb, "view_row": seq * c * eb, "view_image": seq * c * eb,
    }  # fmt: skip


def _scores(graph: Graph, layer: Layer, shape: tuple[int, ...], eb: int, wants: Wants) -> Ranks:
    batch, heads, rows, cols = layer.shape
    c = shape[1]
    return _instances(batch * heads, rows, c // heads, cols, c * eb, eb)


def _context(graph: Graph, layer: Layer, shape: tuple[int, ...], eb: int, wants: Wants) -> Ranks:
    batch, heads, rows, seq = shape
    width = layer.shape[1] // heads
    return _instances(batch * heads, rows, seq, width, seq * eb, eb) | {"out_row": layer.shape[1]}


def _matmul(graph: Graph, layer: Layer, shape: tuple[int, ...], eb: int, wants: Wants) -> Ranks:
    batch, rows, c = shape
    return _instances(batch, rows, c, layer.shape[2], c * eb, eb)


def _instances(count: int, rows: int, c: int, n: int, view_col: int, eb: int) -> Ranks:
    return {
        "instances": count, "q": rows, "width": rows, "c": c, "n": n, "view_col": view_col, "view_row": rows * view_col,
        "view_image": rows * view_col, "dynamic": True,
    }  # fmt: skip


_RULES: dict[str, Callable[[Graph, Layer, tuple[int, ...], int, Wants], Ranks]] = {
    "conv2d": _conv2d, "linear": _linear, "scores": _scores, "context": _context, "matmul": _matmul,
}  # fmt: skip


def places(layer: Layer, x: Product, act: int, weight: int) -> tuple[Place, Place, Place]:
    """Act, weight and output of every instance, the output relative to its tensor. `weight`:
    address of the image or of the second operand.
    """
    eb = x.element_bytes
    if layer.kind == "scores":
        batch, heads, rows, cols = layer.shape
        each = [(b, h) for b in range(batch) for h in range(heads)]
        d, whole = x.c, x.c * heads
        return (
            Place(tuple(act + (b * rows * whole + h * d) * eb for b, h in each), whole * eb),
            Place(tuple(weight + (b * heads + h) * d * cols * eb for b, h in each), cols * eb),
            Place(tuple((b * heads + h) * rows * cols * eb for b, h in each), cols * eb),
        )
    if layer.kind == "context":
        whole, d, seq, rows = layer.shape[1], x.n, x.c, x.q
        heads = whole // d
        each = [(i // heads, i % heads) for i in range(x.instances)]
        return (
            Place(tuple(act + i * rows * seq * eb for i in range(x.instances)), seq * eb),
            Place(tuple(weight + (b * seq * whole + h * d) * eb for b, h in each), whole * eb),
            Place(tuple((b * rows * whole + h * d) * eb for b, h in each), whole * eb),
        )
    if layer.kind == "matmul":
        each_ = range(x.instances)
        return (
            Place(tuple(act + i * x.q * x.c * eb for i in each_), x.c * eb),
            Place(tuple(weight + i * x.c * x.n * eb for i in each_), x.n * eb),
            Place(tuple(i * x.q * x.n * eb for i in each_), x.n * eb),
        )
    return Place((act,), x.c * eb), Place((weight,), 0), Place((0,), x.n * eb)

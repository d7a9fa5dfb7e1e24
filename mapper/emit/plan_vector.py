"""Plans of the layers that the vector unit does alone, with a bound on their cycles."""

from dataclasses import dataclass, replace
from math import ceil, prod

import numpy as np

from hwsim.spec.commands import ACT, FN, TAPS
from hwsim.spec.errors import MappingError
from hwsim.spec.machine import AcceleratorSpec
from mapper.cost import vector_cost, word_beats
from mapper.emit.areas import split
from mapper.emit.flat import Rows, plan_rows
from mapper.emit.image import Image
from mapper.emit.rows import RowStep
from mapper.emit.window import WindowLayer, choose_tile
from mapper.graph.ir import Graph, Layer
from mapper.graph.quant_params import VectorParams
from mapper.graph.windows import Window
from mapper.nest import Product

ROW_KINDS = ("softmax", "layernorm")
MASKED = -1e4  # additive masks from here on down leave no weight beside what is not masked
MAPS = ("add", "relu", "relu6", "gelu", "silu")


@dataclass(frozen=True)
class FlatPlan:
    """Rows behind rows: the whole lanes of a flattened tensor, then what is left; or the rows of a
    softmax or layernorm.
    """

    parts: tuple[tuple[Rows, RowStep], ...]
    sources: int


def unmasked(p: VectorParams) -> VectorParams:
    """Without a mask that masks nothing."""
    return p if p.mask is None or p.mask.any() else replace(p, mask=None)


def adds_mask(x: Product, tail: list[VectorParams], spec: AcceleratorSpec) -> bool:
    """Whether the map behind a product may add the mask of the softmax behind that: the softmax reads
    one operand fewer in each of its passes, the map, whose source is acc, reads one at no cost.

    fp16 only, and only where rounding after the sum changes no weight: what is not masked has 0
    added, what is masked weighs 0 either way. Nobody else may read the product.
    """
    if spec.pe.number != "fp16" or len(tail) != 1 or tail[0].mask is None or x.rows_out or x.residual:
        return False
    masked = tail[0].mask <= MASKED
    return bool((masked | (tail[0].mask == 0)).all() and not masked.all(axis=1).any())


def row_param_bytes(p: VectorParams, spec: AcceleratorSpec) -> int:
    """What a row step keeps in vec: parameters, and two turning rows of its mask."""
    mask = 0 if p.mask is None else 2 * (-(-p.mask.shape[-1] * spec.pe.element_bytes // 4) * 4)
    return -(-constant_bytes(p) // 4) * 4 + mask


def constant_bytes(p: VectorParams) -> int:
    return sum(v.nbytes for v in (p.bias, p.scale, p.table) if v is not None)


def row_step(image: Image, layer: Layer, p: VectorParams) -> RowStep:
    """A softmax, layernorm or map over whole rows, with its constants in the image. As a tail, the
    instances of one mask row are its heads.
    """
    parts = [np.ascontiguousarray(v).reshape(-1).view(np.uint8) for v in (p.bias, p.scale, p.table) if v is not None]
    size = constant_bytes(p)
    return RowStep(
        p.fn, layer.shape[-1], act=ACT[p.act], has_bias=p.bias is not None, has_scale=p.scale is not None, shift=p.shift, imm=p.imm,
        param_at=image.put(np.concatenate(parts)) if size else 0, param_bytes=size,
        mask=-1 if p.mask is None else image.put(p.mask), mask_every=layer.shape[1] if len(layer.shape) == 4 else 1,
    )  # fmt: skip


def plan_flat(spec: AcceleratorSpec, image: Image, layer: Layer, p: VectorParams) -> tuple[FlatPlan, int]:
    """The plan and the bytes of parameters that it keeps in vec."""
    if layer.kind in ROW_KINDS:
        count, need = prod(layer.shape[:-1]), row_param_bytes(p, spec)
        at = split(spec, need, layer.name)
        period = count if p.mask is None else count // len(p.mask)
        rows = plan_rows(spec, layer.name, (count, layer.shape[-1]), 1, at, period)
        return FlatPlan(((rows, replace(row_step(image, layer, p), mask_every=1)),), 1), need
    total, lanes, sources = prod(layer.shape), spec.vector.lanes, 2 if layer.kind == "add" else 1
    need = 2 * constant_bytes(_cut(p, lanes)) + 8
    at = split(spec, need, layer.name)
    parts = []
    for count, length in ((total // lanes, lanes), (1, total % lanes)):
        if count and length:
            rows = plan_rows(spec, layer.name, (count, length), sources, at, count)
            parts.append((rows, replace(row_step(image, layer, _cut(p, length)), length=length)))
    return FlatPlan(tuple(parts), sources), need


def _cut(p: VectorParams, length: int) -> VectorParams:
    """The same multiplier for `length` elements: elementwise layers have one for the whole tensor."""
    if p.scale is None:
        return p
    assert (p.scale == p.scale[0]).all(), "an elementwise layer has one scale"
    return replace(p, scale=np.full(length, p.scale[0], p.scale.dtype))


def plan_window(
    spec: AcceleratorSpec, image: Image, graph: Graph, layer: Layer, p: VectorParams
) -> tuple[WindowLayer, int]:
    """The plan and the bytes of parameters that it keeps in vec."""
    batch, height, width, channels = graph.shape(layer.inputs[0])
    depthwise = p.depthwise is not None
    x = WindowLayer(
        name=layer.name, fn=p.fn, window=Window.of(layer), batch=batch, height=height, width=width, channels=channels,
        p=layer.shape[1], q=layer.shape[2],
        slice=spec.vector.lanes if depthwise else channels, grain=spec.vector.lanes, act=ACT[p.act],
        has_bias=p.bias is not None, has_scale=p.scale is not None,
        shift=p.shift, imm=p.imm, averages=p.averages,
    )  # fmt: skip
    if depthwise:
        if prod(x.window.kernel) > TAPS:
            tall, wide = x.window.kernel
            raise MappingError(
                f"{x.name} at vec: a {tall} x {wide} window has {tall * wide} weights a channel, {TAPS} there may be; use a smaller kernel"
            )
        blocks = _blocks(spec, x, p)
        place, size = image.put(np.frombuffer(b"".join(blocks), np.uint8)), len(blocks[0])
        x = replace(x, param_at=place, param_bytes=size, last_bytes=len(blocks[-1]))
    need = 2 * x.param_bytes + 8
    at = split(spec, need, layer.name)
    none = {**_window_args(spec, x), "count0": 0, "has_bias": x.has_bias, "has_scale": x.has_scale, "act": p.act}
    overhead = vector_cost(spec, none) + 1
    return replace(x, tile=choose_tile(spec, x, (at.results - at.operands, at.end - at.results), overhead)), need


def _window_args(spec: AcceleratorSpec, x: WindowLayer) -> dict[str, int]:
    return {
        "fn": FN.index(x.fn), "window_h": x.window.kernel[0], "window_w": x.window.kernel[1], "from_vec": 1, "count1": 1,
        "len": min(x.slice, x.channels), "dst_lane": spec.pe.element_bytes,
    }  # fmt: skip


def _blocks(spec: AcceleratorSpec, x: WindowLayer, p: VectorParams) -> list[bytes]:
    """Of each slice: depthwise weights padded to 4 bytes, bias, scale, table."""
    assert p.depthwise is not None
    dtype = np.int8 if spec.pe.element_bytes == 1 else np.float16
    data = []
    for low in range(0, x.channels, x.slice):
        cut = slice(low, min(x.channels, low + x.slice))
        weights = np.ascontiguousarray(p.depthwise[:, cut].astype(dtype)).tobytes()
        parts = [weights + bytes(-len(weights) % 4)]
        parts += [np.ascontiguousarray(v[cut]).tobytes() for v in (p.bias, p.scale) if v is not None]
        data.append(b"".join(parts + ([] if p.table is None else [p.table.tobytes()])))
    return data


def vector_bound(spec: AcceleratorSpec, graph: Graph, layer: Layer, plan: FlatPlan | WindowLayer) -> int:
    """Each operand comes and the result goes through the one memory port once; the vector unit
    takes each row once, without setup.
    """
    eb, w = spec.pe.element_bytes, spec.memory.beat_bytes
    moved = [prod(graph.shape(i)) for i in layer.inputs]
    if isinstance(plan, WindowLayer):
        moved = [prod(plan.window.taken(plan.height, plan.width)) * plan.batch * plan.channels]
    beats = sum(ceil(n * eb / w) for n in (*moved, prod(layer.shape)))
    if isinstance(plan, WindowLayer):
        rows = plan.batch * plan.p * plan.q
        args = _window_args(spec, plan)
        works = [(rows * ceil(plan.channels / plan.slice), min(plan.slice, plan.channels), args)]
    else:
        works = [
            (
                r.count,
                r.length,
                {
                    "fn": FN.index(s.fn),
                    "has_b": plan.sources > 1 or s.mask >= 0,
                    "has_bias": s.has_bias,
                    "has_scale": s.has_scale,
                },
            )
            for r, s in plan.parts
        ]
    cycles = sum(_rows_cost(spec, *work) for work in works)
    start = word_beats(spec) + spec.memory.latency_cycles
    return start + max(beats, 1 + cycles + spec.vector.latency_cycles)


def _rows_cost(spec: AcceleratorSpec, count: int, length: int, args: dict[str, int]) -> int:
    """Row cycles alone."""
    base = {"from_vec": 1, "len": length, "count1": 1, "dst_lane": spec.pe.element_bytes, **args}
    return vector_cost(spec, {**base, "count0": count}) - vector_cost(spec, {**base, "count0": 0})

"""Plan: the steps of a network with their mappings, their images laid out, before any command is
made.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from hwsim.spec.commands import ACT
from hwsim.spec.errors import GraphError, MappingError
from hwsim.spec.machine import AcceleratorSpec
from mapper.emit.image import Image
from mapper.emit.lower import PRODUCTS, Wants, lower
from mapper.emit.plan_vector import (
    MAPS,
    ROW_KINDS,
    FlatPlan,
    adds_mask,
    plan_flat,
    plan_window,
    row_param_bytes,
    row_step,
    unmasked,
    vector_bound,
)
from mapper.emit.product import Epilogue
from mapper.emit.rows import RowStep
from mapper.emit.weights import arrange
from mapper.emit.window import WindowLayer
from mapper.estimate import LayerBound
from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.quant_params import VectorParams, is_depthwise, layer_params
from mapper.nest import Mapping, Product, Tail, column_tiles
from mapper.tile import choose

ON_HOST = ("embedding",)


@dataclass
class Step:
    """One stretch of commands: a layer, and the row steps fused behind it. Products have a Mapping;
    vector layers do not.
    """

    layer: Layer
    params: VectorParams
    tail: tuple[Layer, ...] = ()
    product: Product | None = None
    mapping: Mapping | None = None
    bound: LayerBound | None = None
    weight_at: int = 0
    meta_at: int = 0
    epilogue: Epilogue = field(default_factory=Epilogue)
    rows: tuple[RowStep, ...] = ()
    param_bytes: int = 0
    vector: FlatPlan | WindowLayer | None = None
    estimate: int = 0

    @property
    def out(self) -> Layer:
        """The layer whose tensor the step gives last."""
        return self.tail[-1] if self.tail else self.layer


@dataclass
class Plan:
    """`root`: tensor -> the tensor whose memory it shares (reshapes are views). `wants`: by root."""

    steps: list[Step]
    root: dict[str, str]
    wants: dict[str, Wants]
    host: set[str]


def plan_network(graph: Graph, spec: AcceleratorSpec, image: Image, dataflow: str | None) -> Plan:
    _check_number(graph, spec)
    root = _roots(graph)
    plan = Plan([], root, _wants(graph, root), {x.inputs[0] for x in graph.layers if x.kind in ON_HOST})
    done: set[str] = set()
    for layer in graph.layers:
        if layer.name in done or layer.kind in (*ON_HOST, "reshape"):
            continue
        step = _plan_layer(graph, spec, image, dataflow, plan, layer)
        done |= {layer.name, *(t.name for t in step.tail)}
        plan.steps.append(step)
    return plan


def _check_number(graph: Graph, spec: AcceleratorSpec) -> None:
    if bool(graph.scales) != (spec.pe.number == "int8"):
        remedy = (
            "quantise it (models.quantise) or take a machine of fp16"
            if spec.pe.number == "int8"
            else "give the float network or take a machine of int8"
        )
        raise GraphError(
            f"{graph.name}: a {'quantised' if graph.scales else 'float'} network on {spec.name}, a machine of {spec.pe.number}; {remedy}"
        )


def _check_functions(spec: AcceleratorSpec, layer: Layer, p: VectorParams) -> None:
    known = spec.vector.functions
    for name in (p.fn, *({ACT[p.act]} & {"gelu", "silu"})):
        if name not in known:
            raise MappingError(
                f"{layer.name} at vector: {name} is not in vector.functions {list(known)}; add it or take another machine"
            )


def _roots(graph: Graph) -> dict[str, str]:
    root = {name: name for name in graph.inputs}
    for layer in graph.layers:
        root[layer.name] = root[layer.inputs[0]] if layer.kind == "reshape" else layer.name
    return root


def _wants(graph: Graph, root: dict[str, str]) -> dict[str, Wants]:
    """Transposed where it is the second operand of `scores` and a linear layer makes it, dense for
    every other reader and for outputs.
    """
    transposing = {x.name for x in graph.layers if x.kind == "linear"}
    wants = {r: Wants(False, False) for r in root.values()}
    for name in graph.outputs:
        wants[root[name]] = replace(wants[root[name]], rows=True)
    for layer in graph.layers:
        for i, name in enumerate(layer.inputs):
            if layer.kind == "reshape":
                continue
            if layer.kind == "scores" and i == 1 and root[name] in transposing:
                wants[root[name]] = replace(wants[root[name]], cols=True, batch=layer.attrs["batch"])
            else:
                wants[root[name]] = replace(wants[root[name]], rows=True)
    return wants


def _plan_layer(
    graph: Graph, spec: AcceleratorSpec, image: Image, dataflow: str | None, plan: Plan, layer: Layer
) -> Step:
    step = Step(layer, unmasked(layer_params(graph, layer, spec.pe.number)))
    _check_functions(spec, layer, step.params)
    if layer.kind not in PRODUCTS or is_depthwise(layer):
        if layer.kind in (*ROW_KINDS, *MAPS):
            step.vector, step.param_bytes = plan_flat(spec, image, layer, step.params)
        else:
            step.vector, step.param_bytes = plan_window(spec, image, graph, layer, step.params)
        step.estimate = vector_bound(spec, graph, layer, step.vector)
        return step
    tail = _tail(graph, plan, layer)
    if tail:
        try:
            return _plan_product(graph, spec, image, dataflow, plan, replace(step, tail=tail))
        except MappingError:  # rows too long to stand in vec: they go through memory
            pass
    return _plan_product(graph, spec, image, dataflow, plan, step)


def _tail(graph: Graph, plan: Plan, layer: Layer) -> tuple[Layer, ...]:
    if plan.wants[layer.name].cols:
        return ()
    for user in graph.users(layer.name):
        if user.kind in ROW_KINDS and not plan.wants[user.name].cols:
            return (user,)
    return ()


def _plan_product(
    graph: Graph, spec: AcceleratorSpec, image: Image, dataflow: str | None, plan: Plan, step: Step
) -> Step:
    layer, wants = step.layer, plan.wants[step.layer.name]
    if step.tail:
        readers = {u.name for u in graph.users(layer.name)} - {t.name for t in step.tail}
        shared = [n for n, r in plan.root.items() if r == layer.name and n != layer.name]
        wants = replace(wants, rows=bool(readers or shared) or layer.name in graph.outputs)
    product = lower(graph, layer, spec, wants)
    p = step.params
    tail_params = [unmasked(layer_params(graph, t, spec.pe.number)) for t in step.tail]
    masked = adds_mask(product, tail_params, spec)
    product = replace(
        product, masked=masked, params=(p.bias is not None) + (p.scale is not None), table_bytes=0 if p.table is None else p.table.nbytes,
        fixed_bytes=sum(row_param_bytes(q, spec) for q in tail_params),
        tail=tuple(Tail(q.fn, (q.bias is not None) + (q.scale is not None), q.mask is not None and not masked) for q in tail_params),
    )  # fmt: skip
    before = next((s.mapping.dataflow for s in reversed(plan.steps) if s.mapping), "")
    step.mapping, step.bound = choose(spec, product, dataflow, before)
    step.estimate = step.bound.cycles
    step.product = product
    step.epilogue = _epilogue(spec, image, product, p)
    step.rows = tuple(
        replace(row_step(image, t, q), premasked=masked) for t, q in zip(step.tail, tail_params, strict=True)
    )
    step.param_bytes = product.fixed_bytes
    if not product.dynamic:
        weight = layer.params["weight"]
        weight = weight if spec.pe.number == "int8" else _fp16(weight, layer.name)
        chunks = tuple((c.r0, c.nr, c.c0, c.nc) for c in step.mapping.chunks)
        payload, meta = arrange(weight, product, chunks, spec.array.cols)
        step.weight_at = image.put(payload)
        step.meta_at = image.put(meta) if meta.size else 0
    return step


def _fp16(weight: Array, name: str) -> Array:
    with np.errstate(over="ignore"):
        half = weight.astype(np.float16)
    if np.isinf(half).any():
        most = f"{np.abs(weight).max():g} is beyond fp16, which ends at {np.finfo(np.float16).max}"
        raise GraphError(f"{name}.weight: {most}; scale the weights down, or take an int8 machine")
    return half


def _epilogue(spec: AcceleratorSpec, image: Image, x: Product, p: VectorParams) -> Epilogue:
    """Parameter blocks, one a column tile: bias, scale, table."""
    tiles, word = column_tiles(x, spec.array.cols), 4
    size = (x.params * word) * min(spec.array.cols, x.group_n) + x.table_bytes
    blocks = np.zeros((len(tiles), size), np.uint8)
    for tile, block in zip(tiles, blocks, strict=True):
        parts = [v[tile.col : tile.col + tile.width] for v in (p.bias, p.scale) if v is not None]
        parts += [] if p.table is None else [p.table]
        data = b"".join(np.ascontiguousarray(v).tobytes() for v in parts)
        block[: len(data)] = np.frombuffer(data, np.uint8)
    return Epilogue(
        act=ACT[p.act], has_bias=p.bias is not None, has_scale=p.scale is not None, shift=p.shift, imm=p.imm,
        param_at=image.put(blocks) if size else 0, param_bytes=size,
    )  # fmt: skip

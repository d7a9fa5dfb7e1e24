"""The shape that each kind of layer makes of its inputs, parameters and attributes."""

from collections.abc import Callable
from math import prod

from hwsim.spec.errors import GraphError
from mapper.graph.ir import KINDS, Layer
from mapper.graph.windows import Window, numbers

Shape = tuple[int, ...]
OPTIONAL = ("bias", "mask")


def _wrong(layer: Layer, inputs: list[Shape], why: str, remedy: str) -> GraphError:
    shown = ", ".join(str(list(s)) for s in inputs)
    params = "".join(
        f", {n} {list(p.shape)}" for n, p in layer.params.items() if n != "weight_scale"
    )
    return GraphError(f"{layer.name}: {layer.kind} of {shown}{params}: {why}; {remedy}")


def _rank(layer: Layer, inputs: list[Shape], rank: int) -> None:
    for shape in inputs:
        if len(shape) != rank:
            raise _wrong(
                layer, inputs, f"an input has {len(shape)} ranks, not {rank}", "reshape it before"
            )


def _param(layer: Layer, inputs: list[Shape], name: str, shape: Shape) -> None:
    got = layer.params.get(name)
    if got is None:
        if name not in OPTIONAL:
            raise _wrong(layer, inputs, f"{name} is missing", f"give it with shape {list(shape)}")
    elif got.shape != shape:
        raise _wrong(
            layer,
            inputs,
            f"{name} has shape {list(got.shape)}, not {list(shape)}",
            "transpose or cut it",
        )


def _weight(layer: Layer, inputs: list[Shape], rank: int) -> Shape:
    got = layer.params.get("weight")
    if got is None or got.ndim != rank:
        raise _wrong(layer, inputs, f"there is no weight of {rank} ranks", "give one")
    _param(layer, inputs, "bias", got.shape[:1])
    if "weight_scale" in layer.params:
        _param(layer, inputs, "weight_scale", got.shape[:1])
    return tuple(got.shape)


def _conv2d(layer: Layer, inputs: list[Shape]) -> Shape:
    _rank(layer, inputs[:1], 4)
    n, c, _, _ = _weight(layer, inputs, 4)
    groups = numbers(layer, "groups", 1, (1,), 1)[0]
    batch, height, width, channels = inputs[0]
    if c * groups != channels or n % groups:
        raise _wrong(
            layer,
            inputs,
            f"{groups} groups of {c} channels do not meet {channels} inputs, {n} outputs",
            "change groups",
        )
    return (batch, *_extents(layer, inputs, height, width), n)


def _extents(layer: Layer, inputs: list[Shape], height: int, width: int) -> tuple[int, int]:
    window = Window.of(layer)
    p, q = window.extents(height, width)
    if p < 1 or q < 1:
        raise _wrong(
            layer,
            inputs,
            f"a window of {list(window.kernel)} does not fit into {height} x {width}",
            "pad the input",
        )
    return p, q


def _linear(layer: Layer, inputs: list[Shape]) -> Shape:
    _rank(layer, inputs[:1], 2)
    n, k = _weight(layer, inputs, 2)
    if inputs[0][1] != k:
        raise _wrong(
            layer,
            inputs,
            f"the weight reduces {k} elements, a row has {inputs[0][1]}",
            "transpose the weight or reshape",
        )
    return (inputs[0][0], n)


def _split(layer: Layer, inputs: list[Shape], shape: Shape) -> tuple[int, int, int, int]:
    """[batch*seq, heads*width] -> batch, seq, heads, width."""
    heads, batch = (numbers(layer, name, None, (1,), 1)[0] for name in ("heads", "batch"))
    if shape[0] % batch or shape[1] % heads:
        raise _wrong(
            layer,
            inputs,
            f"{list(shape)} does not split into {batch} batches and {heads} heads",
            "change heads or batch",
        )
    return batch, shape[0] // batch, heads, shape[1] // heads


def _scores(layer: Layer, inputs: list[Shape]) -> Shape:
    _rank(layer, inputs, 2)
    (batch, rows, heads, width), (_, cols, _, other) = (_split(layer, inputs, s) for s in inputs)
    if width != other:
        raise _wrong(
            layer, inputs, f"heads are {width} and {other} wide", "make q and k equally wide"
        )
    return (batch, heads, rows, cols)


def _context(layer: Layer, inputs: list[Shape]) -> Shape:
    _rank(layer, inputs[:1], 4)
    _rank(layer, inputs[1:], 2)
    batch, seq, heads, width = _split(layer, inputs, inputs[1])
    if inputs[0][:2] != (batch, heads) or inputs[0][3] != seq:
        raise _wrong(
            layer,
            inputs,
            f"v is {batch} x {seq} rows of {heads} heads",
            "make p [batch, heads, rows, seq]",
        )
    return (batch * inputs[0][2], heads * width)


def _matmul(layer: Layer, inputs: list[Shape]) -> Shape:
    _rank(layer, inputs, 3)
    (batch, m, k), (other, reduced, n) = inputs
    if batch != other or k != reduced:
        raise _wrong(layer, inputs, "batch or reduced rank differ", "give [B, M, K] and [B, K, N]")
    return (batch, m, n)


def _add(layer: Layer, inputs: list[Shape]) -> Shape:
    if inputs[0] != inputs[1]:
        raise _wrong(
            layer,
            inputs,
            "the shapes differ",
            "only equal shapes are added; fold a constant into a bias",
        )
    return inputs[0]


def _same(layer: Layer, inputs: list[Shape]) -> Shape:
    return inputs[0]


def _softmax(layer: Layer, inputs: list[Shape]) -> Shape:
    _param(layer, inputs, "mask", (inputs[0][0], inputs[0][-1]))
    return inputs[0]


def _per_channel(layer: Layer, inputs: list[Shape]) -> Shape:
    for name in KINDS[layer.kind][1]:
        _param(layer, inputs, name, inputs[0][-1:])
    epsilon = layer.attrs.get("epsilon")
    if not isinstance(epsilon, (int, float)) or not 0 <= epsilon < 1:
        raise _wrong(layer, inputs, f"epsilon is {epsilon!r}", "give a number from 0 to 1")
    return inputs[0]


def _pool(layer: Layer, inputs: list[Shape]) -> Shape:
    _rank(layer, inputs, 4)
    batch, height, width, channels = inputs[0]
    extents = _extents(layer, inputs, height, width)
    if Window.of(layer).counts(height, width).min() < 1:
        raise _wrong(
            layer, inputs, "a window lies in the padding alone", "pad less than the kernel"
        )
    return (batch, *extents, channels)


def _reshape(layer: Layer, inputs: list[Shape]) -> Shape:
    shape = numbers(layer, "shape", None, tuple(range(1, 9)), 1)
    if prod(shape) != prod(inputs[0]):
        raise _wrong(
            layer,
            inputs,
            f"{list(shape)} has {prod(shape)} elements, not {prod(inputs[0])}",
            "change the shape",
        )
    return shape


def _embedding(layer: Layer, inputs: list[Shape]) -> Shape:
    _rank(layer, inputs, 1)
    table = layer.params.get("table")
    if table is None or table.ndim != 2:
        raise _wrong(layer, inputs, "there is no table of 2 ranks", "give one")
    return (inputs[0][0], table.shape[1])


_RULES: dict[str, Callable[[Layer, list[Shape]], Shape]] = {
    "conv2d": _conv2d, "linear": _linear, "scores": _scores, "context": _context, "matmul": _matmul, "add": _add,
    "relu": _same, "relu6": _same, "gelu": _same, "silu": _same, "softmax": _softmax, "layernorm": _per_channel,
    "batchnorm": _per_channel, "maxpool": _pool, "avgpool": _pool, "reshape": _reshape, "embedding": _embedding,
}  # fmt: skip
assert set(_RULES) == set(KINDS)


def infer_shape(layer: Layer, input_shapes: list[Shape]) -> Shape:
    """The shape that the layer makes; its own `shape` is not looked at. GraphError where inputs, parameters and attributes do not meet."""
    shapes = [tuple(int(n) for n in s) for s in input_shapes]
    for shape in shapes:
        if not shape or min(shape) < 1:
            raise _wrong(
                layer,
                shapes,
                f"{list(shape)} holds nothing",
                "give every rank an extent of 1 or more",
            )
    out = _RULES[layer.kind](layer, shapes)
    if layer.attrs.get("residual") and shapes[-1] != out:
        raise _wrong(
            layer,
            shapes,
            f"the residual is {list(shapes[-1])}, the result {list(out)}",
            "add equal shapes",
        )
    return out

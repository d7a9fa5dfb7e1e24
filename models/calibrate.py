"""Ranges of the tensors of a float network, for symmetric INT8.

A range is where values saturate: lower makes finer steps. By least error, it is searched: in front of a layer norm for the
least error behind the norm (one huge element of a row decides how the whole row is scaled, so a residual sum must not be judged by
its own error), elsewhere for the least squared error of the tensor itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.ops_fp32 import layernorm
from mapper.graph.reference import run

TABLED = ("gelu", "silu")  # a fused one is a table, and its argument has a range of its own
STEPS = 127
CANDIDATES = 0.02 ** np.linspace(0, 1, 24)  # of a range, as fractions of the largest magnitude
BINS = 2048
SAMPLE = 1 << 16  # elements of a tensor that its error is reckoned from
ROWS = 512  # that a layer norm is judged by: the half with the largest elements, and others evenly
NORM_POWER = 3  # of the error behind a layer norm: 0.94 cosine on MiniLM, against 0.87 with squares


@dataclass(frozen=True)
class Calibration:
    """Range of each tensor; `before`: of the argument of a fused gelu or silu, by the layer's name."""

    ranges: dict[str, float]
    before: dict[str, float] = field(default_factory=dict)


def calibrate(
    graph: Graph,
    inputs: dict[str, Array] | None = None,
    clip: str | float = "least-error",
    seed: int = 0,
) -> Calibration:
    """Runs the float network on `inputs`, or on seeded normal numbers. `clip`: least-error, max, or a percentile of the
    magnitudes, 50 to 100."""
    plain = _method(clip)
    if graph.scales:
        raise GraphError(f"{graph.name}: is quantised already; calibrate the float network")
    if inputs is None:
        random = np.random.default_rng(seed)
        inputs = {n: random.standard_normal(s, np.float32) for n, s in graph.inputs.items()}
    opened, before = _opened(graph)
    tensors = run(opened, inputs)
    norms = {x.inputs[0]: x for x in graph.layers if x.kind == "layernorm"}
    masks = {x.inputs[0]: x.params["mask"] for x in graph.layers if "mask" in x.params}
    ranges = {}
    for name, x in tensors.items():
        if not np.isfinite(x).all():
            raise GraphError(
                f"{graph.name}.{name}: holds values that are not finite; look at the inputs and weights"
            )
        x = _live(x, masks[name]) if name in masks else x
        norm = norms.get(name) if clip == "least-error" else None
        ranges[name] = plain(x) if norm is None else _before_norm(x, norm)
    arguments = {name: ranges.pop(arg) for name, arg in before.items()}
    return Calibration(ranges, arguments)


def _method(clip: str | float) -> Callable[[Array], float]:
    if clip == "least-error":
        return _least_error
    if clip == "max":
        return _largest
    if isinstance(clip, str) or not 50 <= clip <= 100:
        raise GraphError(
            f"calibrate: clip is {clip!r}; use least-error, max, or a percentile 50 to 100"
        )
    return lambda x: float(np.percentile(np.abs(x), clip)) if x.size else 0.0


def _largest(x: Array) -> float:
    return float(max(x.max(), -x.min())) if x.size else 0.0


def _live(x: Array, mask: Array) -> Array:
    """Scores of padding are masked: they are no measure."""
    live = np.broadcast_to(mask.reshape(len(mask), *(1,) * (x.ndim - 2), -1) == 0, x.shape)
    return np.asarray(x[live])


def _opened(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """Fused gelu and silu stand alone, so that a run shows their arguments: -> graph, layer -> tensor of the argument."""
    layers: list[Layer] = []
    before: dict[str, str] = {}
    for layer in graph.layers:
        act = layer.attrs.get("act")
        if act in TABLED:
            name = before[layer.name] = f"{layer.name} before {act}"
            rest = {k: v for k, v in layer.attrs.items() if k != "act"}
            layers.append(layer.with_(name=name, attrs=rest))
            layer = Layer(layer.name, act, (name,), layer.shape)
        layers.append(layer)
    return graph.with_(layers=tuple(layers)), before


def _least_error(x: Array) -> float:
    """From a histogram: rounding costs step**2 / 12 an element that is not zero, saturation its own square."""
    top = _largest(x)
    if top == 0:
        return 0.0
    if x.size > SAMPLE:  # at random: an even stride would meet the same channels again and again
        x = x.reshape(-1)[np.random.default_rng(0).integers(0, x.size, SAMPLE)]
    count, edges = np.histogram(np.abs(x), BINS, (0.0, top))
    count[0] -= x.size - np.count_nonzero(x)
    middle = (edges[1:] + edges[:-1]) / 2
    over = np.maximum(middle - top * CANDIDATES[:, None], 0)
    errors = np.where(over > 0, over**2, (top * CANDIDATES[:, None] / STEPS) ** 2 / 12) @ count
    return top * float(CANDIDATES[int(np.argmin(errors))])


def _before_norm(x: Array, norm: Layer) -> float:
    rows, top = x.reshape(-1, x.shape[-1]), _largest(x)
    if top == 0:
        return 0.0
    if len(rows) > ROWS:
        order = np.argsort(-np.abs(rows).max(axis=1), kind="stable")
        rest = order[ROWS // 2 :]
        rows = rows[np.concatenate([order[: ROWS // 2], rest[:: -(-len(rest) // (ROWS // 2))]])]
    wanted = layernorm(norm, rows)

    def error(range_: float) -> float:
        step = np.float32(range_ / STEPS)
        got = layernorm(norm, np.clip(np.rint(rows / step), -STEPS - 1, STEPS) * step)
        return float((np.abs(got - wanted) ** NORM_POWER).mean(dtype=np.float64))

    return min((top * float(f) for f in CANDIDATES), key=error)

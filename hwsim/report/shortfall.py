"""Where a pruned run is slower than dense / (block / kept): which cycles are missing and what took
them.

Each layer's cycles are the sum of what the array did in them, in both runs; so `pruned - dense *
kept / block` splits without rest:

- cycles in which the array was busy and that did not shrink: of a pruned layer `padding` (K to whole
  folds, columns and pixels to whole tiles), of one whose second operand is no weight `attention
  products` (activations cannot be pruned beforehand), else `layers left dense`;
- the same where the two runs chose different dataflows: `change of dataflow`;
- `fill`, `drain`;
- cycles in which it waited or stood idle count for the other unit that was busiest in that layer.
"""

from collections import defaultdict

from hwsim.report.report import Lost
from hwsim.result import LayerResult, Result

WAITS = ("wait_token", "wait_input", "wait_output", "idle")
BLAME = {
    "memory": "bandwidth of the memory",
    "fetch": "bandwidth of the memory",
    "writeback": "bandwidth of the memory",
    "feed": "activation port",
    "vector": "vector work",
    "sequencer": "command fetch",
}
PRODUCTS = ("scores", "context", "matmul")


def shortfall(dense: Result, pruned: Result, kept: int, block: int) -> tuple[Lost, ...]:
    """Parts add up to pruned.cycles - dense.cycles * kept / block; the largest first. Both runs
    hold the same layers.
    """
    parts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    before = {layer.name: layer for layer in dense.layers}
    for layer in pruned.layers:
        for cause, cycles in _split(before[layer.name], layer, kept / block).items():
            parts[cause][layer.name] += cycles
    missing = pruned.cycles - dense.cycles * kept / block
    out = []
    for cause, by_layer in parts.items():
        cycles = sum(by_layer.values())
        if not cycles:
            continue
        out.append(
            Lost(
                cause,
                cycles,
                cycles / missing if missing else 0.0,
                max(by_layer, key=lambda k: by_layer[k]),
            )
        )
    return tuple(sorted(out, key=lambda x: -x.cycles))


def _split(dense: LayerResult, layer: LayerResult, factor: float) -> dict[str, float]:
    out: dict[str, float] = defaultdict(float)
    for name, cycles in layer.units["array"].items():
        out[_cause(name, layer, dense)] += cycles
    for name, cycles in dense.units["array"].items():
        out[_cause(name, dense, layer)] -= cycles * factor
    return out


def _cause(name: str, layer: LayerResult, other: LayerResult) -> str:
    if name in WAITS:
        return BLAME[busiest(layer.units)]
    if name != "busy":
        return name
    if layer.dataflow != other.dataflow:
        return "change of dataflow"
    if layer.pattern != other.pattern:
        return "padding"
    return "attention products" if layer.kind.split("+")[0] in PRODUCTS else "layers left dense"


def busiest(units: dict[str, dict[str, int]]) -> str:
    """The unit, other than the array, that was busy longest; the earlier of BLAME where two are
    equal.
    """
    return max(BLAME, key=lambda unit: units[unit]["busy"])

"""Where a pruned run is slower than dense / (block / kept): which cycles are missing and what took
them.

Each layer's cycles are the sum of what the array did in them, in both runs; so `pruned - dense *
kept / block` splits without rest:

- cycles in which the array was busy and that did not shrink: of a pruned layer `padding` (K to whole
  folds, columns and pixels to whole tiles), of one whose second operand is no weight `attention
  products` (activations cannot be pruned beforehand), else `layers left dense`;
- the same where the two runs chose different dataflows: `change of dataflow`;
- `fill`, `drain`;
- cycles in which it waited or stood idle, above the dense run's own * kept / block: they count for
  the other unit that was busiest in that layer; where there are fewer, `shorter waits`.

A cause below zero is a gain: of that the dense run lost more than its share.
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
SHORTER = "shorter waits"
PRODUCTS = ("scores", "context", "matmul")


def shortfall(dense: Result, pruned: Result, kept: int, block: int) -> tuple[Lost, ...]:
    """Parts add up to pruned.cycles - dense.cycles * kept / block; the largest first. Shares are of
    all that was lost: those above zero add up to 1. Both runs hold the same layers.
    """
    parts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    before = {layer.name: layer for layer in dense.layers}
    for layer in pruned.layers:
        for cause, cycles in _split(before[layer.name], layer, kept / block).items():
            parts[cause][layer.name] += cycles
    totals = {cause: sum(by_layer.values()) for cause, by_layer in parts.items()}
    lost = sum(max(cycles, 0.0) for cycles in totals.values())
    out = []
    for cause, cycles in totals.items():
        if cycles:
            most = max(parts[cause], key=lambda k: parts[cause][k] * cycles)
            out.append(Lost(cause, cycles, cycles / lost if lost else 0.0, most))
    return tuple(sorted(out, key=lambda x: -x.cycles))


def _split(dense: LayerResult, layer: LayerResult, factor: float) -> dict[str, float]:
    out: dict[str, float] = defaultdict(float)
    waited = 0.0
    for name, cycles in layer.units["array"].items():
        more = cycles - dense.units["array"][name] * factor
        if name in WAITS:
            waited += more
        else:
            out[_cause(name, layer, dense)] += more
    out[BLAME[busiest(layer.units)] if waited > 0 else SHORTER] += waited
    return out


def _cause(name: str, layer: LayerResult, other: LayerResult) -> str:
    if name != "busy":
        return name
    if layer.dataflow != other.dataflow:
        return "change of dataflow"
    if layer.pattern != other.pattern:
        return "padding"
    return "attention products" if layer.kind.split("+")[0] in PRODUCTS else "layers left dense"


def busiest(units: dict[str, dict[str, int]]) -> str:
    """The unit, other than the array, that was busy longest; the earlier of BLAME where two are
    equal. The feed goes with the array: it counts where it was busy longer than that.
    """
    fed = units["feed"]["busy"] > units["array"]["busy"]
    return max((u for u in BLAME if fed or u != "feed"), key=lambda unit: units[unit]["busy"])

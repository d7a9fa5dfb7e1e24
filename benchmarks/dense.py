"""Dense layers on the dense array beside their ideal: MACs / PEs, all PEs busy in every cycle."""

from collections import defaultdict
from math import ceil

from benchmarks.layers import alone, gemm
from benchmarks.measure import table
from hwsim import trip
from hwsim.report.shortfall import BLAME, WAITS, busiest
from hwsim.result import LayerResult, Result
from hwsim.spec.load import load_machine

MACHINE = "dense32"
CONVOLUTIONS, CONVOLUTIONS_ASKED, ONE_LAYER_ASKED = 53, 4_400_000, 1.03
LAYER = "layer3.1.conv2"
GEMM = (384, 768, 3072)
WORST = 6
DENSE_HEADS = [
    ["what", "cycles", "ideal", "ratio", "asked", "command"],
    ["layer", "shape", "dataflow", "cycles", "ideal", "above", "took it"],
]

TEXT = """
## Dense layers on dense32: 32 x 32 PEs, int8, 256 bytes of memory a cycle

Ideal: MACs / 1,024, every PE busy in every cycle. Cycles are all there are, from the first command word to the last result in memory.

{totals}
A layer's cycles in the network run from the end of the layer before it to its own end, so a convolution may profit from work done
while a pooling layer ended; the whole network, with pooling and classifier, has no such freedom. The convolutions furthest above their
ideal, and what the array did meanwhile. Padding: busy with rows, columns or pixels that are not there; waiting counts for the unit that was
busiest meanwhile ([report.md](report.md)).

{worst}"""


def run(network: trip.Network) -> Result:
    machine = load_machine(MACHINE)
    return trip.simulate(network, trip.compile(network, machine), machine, values=False)[0]


def ideal(macs: int) -> int:
    m = load_machine(MACHINE).array
    return ceil(macs / (m.rows * m.cols))


def ideal_of(result: Result) -> int:
    return ideal(sum(x.dense_macs for x in result.layers))


def above(x: LayerResult) -> int:
    return x.cycles - ideal(x.dense_macs)


def is_conv(layer: LayerResult) -> bool:
    return layer.kind.startswith("conv2d")


def dense_tables() -> str:
    network = trip.load("resnet50")
    whole, one, product = run(network), run(alone(network, LAYER)), run(gemm("ffn", *GEMM))
    convs = [x for x in whole.layers if is_conv(x)]
    assert len(convs) == CONVOLUTIONS
    spent, least = sum(x.cycles for x in convs), sum(ideal(x.dense_macs) for x in convs)
    rows, depth, cols = GEMM
    asked = f"<= {ONE_LAYER_ASKED} x"

    def line(what: str, cycles: int, bound: int, asked: str, command: str) -> list[str]:
        return [what, f"{cycles:,}", f"{bound:,}", f"{cycles / bound:.3f}", asked, f"`{command}`"]

    def words(network: str, more: str = "") -> str:
        return f"hwsim run {network}{more} --machine {MACHINE} --no-values"

    totals = table(
        DENSE_HEADS[0],
        [
            line(f"ResNet-50, its {CONVOLUTIONS} convolutions", spent, least, f"<= {CONVOLUTIONS_ASKED:,}", words("resnet50")),
            line("ResNet-50, whole, with pooling and classifier", whole.cycles, ideal_of(whole), "", words("resnet50")),
            line(f"`{LAYER}` alone, from cold", one.cycles, ideal_of(one), asked, words("resnet50", f" --layers {LAYER}")),
            line(
                f"BERT-base FFN product {rows} x {depth} x {cols} alone",
                product.cycles,
                ideal_of(product),
                asked,
                words("bert_base", f" --seq {rows} --layers layer0.ffn.in"),
            ),
        ],
    )
    far = sorted(convs, key=above, reverse=True)[:WORST]
    worst = table(
        DENSE_HEADS[1],
        [[x.name, x.shape, x.dataflow, f"{x.cycles:,}", f"{ideal(x.dense_macs):,}", f"{above(x):,}", took(x)] for x in far],
    )
    return TEXT.format(totals=totals, worst=worst)


def took(x: LayerResult) -> str:
    """The layer's cycles above its ideal, by what the array did in them; they add up."""
    parts: dict[str, int] = defaultdict(int)
    for cause, cycles in x.units["array"].items():
        if cause in WAITS:
            parts[BLAME[busiest(x.units)]] += cycles
        else:
            parts["padding" if cause == "busy" else cause] += cycles
    parts["padding"] -= ideal(x.dense_macs)
    assert sum(parts.values()) == above(x)
    return ", ".join(f"{name} {cycles:,}" for name, cycles in sorted(parts.items(), key=lambda kv: -abs(kv[1])) if cycles)

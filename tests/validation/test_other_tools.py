"""Closed forms and figures of other tools, restated with their source; accepted gaps stand in deviations.md.

The figures were got by running the tools: 32 x 32 PEs, int8, 32 words of memory a cycle; ResNet-50 v1.5 at batch 1, 224 x 224.
"""

from functools import cache
from math import ceil, prod
from pathlib import Path

import pytest

from hwsim.engine import simulate
from hwsim.result import Result
from hwsim.spec.load import load_machine
from hwsim.spec.patterns import NMPattern
from mapper.compile import compile_network
from mapper.graph.ir import Layer
from models.prune import prune
from models.zoo import network
from models.zoo.build import Builder
from tests.harness.alone import part, with_scales
from tests.harness.ledger import deviations
from tests.harness.single import compute_cycles, machine

SIDE = 32
CONV = "layer3.1.conv2"
FFN = (384, 768, 3072)


def scalesim_ws(rows: int, cols: int, pixels: int, depth: int, width: int) -> int:
    """Samajdar et al. 2018, arXiv:1811.02883: each fold loads R rows, then streams T pixels through R + C - 2 more."""
    return ceil(depth / rows) * ceil(width / cols) * (2 * rows + cols + pixels - 2)


def scalesim_os(rows: int, cols: int, pixels: int, depth: int, width: int) -> int:
    return ceil(pixels / rows) * ceil(width / cols) * (depth + rows + cols - 2)


@cache
def convolutions() -> tuple[Layer, ...]:
    return tuple(x for x in network("resnet50").layers if x.kind == "conv2d")


def gemm_of(layer: Layer, height: int) -> tuple[int, int, int]:
    """pixels, depth, width; pixels as SCALE-Sim has them: ceil((H - R + s) / s) of the padded height."""
    n, c, r, s = layer.params["weight"].shape
    stride, pad = layer.attrs.get("stride", 1), layer.attrs.get("padding", 0)
    stride, pad = (x[0] if isinstance(x, tuple) else x for x in (stride, pad))
    side = ceil((height + 2 * pad - r + stride) / stride)
    return side * side, c * r * s, n


@cache
def alone(name: str) -> Result:
    spec = load_machine("dense32")
    graph = with_scales(network("resnet50"), spec)
    return simulate(spec, compile_network(part(graph, (graph.layer(name),)), spec), values=False)[0]


def product(rows: int, depth: int, width: int, pattern: tuple[int, int], spec_name: str) -> int:
    """Cycles of one product from cold."""
    b = Builder("gemm", 0, {"x": (rows, depth)})
    b.linear("y", "x", width)
    graph = b.graph()
    graph = graph if pattern == (1, 1) else prune(graph, NMPattern(*pattern))
    spec = load_machine(spec_name)
    return simulate(spec, compile_network(with_scales(graph, spec), spec), values=False)[0].cycles


def test_the_closed_forms_give_what_scalesim_printed() -> None:
    """It prints the cycle of the last event: one less."""
    conv = (196, 2304, 256)
    assert scalesim_ws(SIDE, SIDE, *conv) - 1 == 167_039
    assert scalesim_os(SIDE, SIDE, *conv) - 1 == 132_495
    assert scalesim_ws(SIDE, SIDE, *FFN) - 1 == 1_101_311
    assert scalesim_os(SIDE, SIDE, *FFN) - 1 == 956_159


def test_the_zoo_has_the_layers_that_the_tools_were_given() -> None:
    graph, layers = network("resnet50"), convolutions()
    macs = sum(prod(x.shape[1:3]) * x.params["weight"].size for x in layers)
    forms = [scalesim_ws(SIDE, SIDE, *gemm_of(x, graph.shape(x.inputs[0])[1])) - 1 for x in layers]
    assert (len(layers), macs) == (53, 4_087_136_256)
    assert sum(forms) == deviations()["scalesim-ws-layers"].number == 6_269_233


@pytest.mark.parametrize("pixels", [40, 196, 500])
@pytest.mark.parametrize("side", [8, 32])
def test_one_fold_beside_scalesim(side: int, pixels: int) -> None:
    spec = machine("dense32", array__rows=side, array__cols=side)
    stages = spec.pe.multiplier_latency_cycles
    assert deviations()["scalesim-ws-tile"].limit == "T + R + C + S + 6"
    ours = compute_cycles(spec, kept=1, count_q=pixels, run=side)
    assert ours == scalesim_ws(side, side, pixels, side, side) - side + 8 + stages


@pytest.mark.parametrize("depth", [64, 2304])
@pytest.mark.parametrize("side", [8, 32])
def test_one_output_tile_beside_scalesim(side: int, depth: int) -> None:
    spec = machine("dense32", array__rows=side, array__cols=side)
    stages = spec.pe.multiplier_latency_cycles
    assert deviations()["scalesim-os-tile"].limit == "K + 3R + C + S + 3"
    ours = compute_cycles(spec, dataflow=1, kept=1, count_q=side, run=depth)
    assert ours == scalesim_os(side, side, side, depth, side) + 2 * side + 5 + stages


def test_the_convolutions_of_resnet50_beside_scalesim() -> None:
    """With pooling and classifier, which its figure does not hold."""
    spec, row = load_machine("dense32"), deviations()["scalesim-ws-layers"]
    result, _ = simulate(spec, compile_network(with_scales(network("resnet50"), spec), spec), values=False)
    assert sum(x.dense_macs for x in result.layers) // SIDE**2 <= result.cycles <= float(row.limit) * row.number


@pytest.mark.parametrize("key", ["stonne-os-layer", "timeloop-conv"])
def test_one_convolution_beside_other_tools(key: str) -> None:
    row = deviations()[key]
    assert 112_896 <= alone(CONV).cycles <= float(row.limit) * row.number


@pytest.mark.parametrize("key", ["timeloop-ffn", "zigzag-ffn"])
def test_the_ffn_product_beside_other_tools(key: str) -> None:
    row = deviations()[key]
    assert 884_736 <= product(*FFN, (1, 1), "dense32") <= float(row.limit) * row.number


def test_three_products_of_training_beside_sat() -> None:
    """Forward [T, K] x [K, N], backward [T, N] x [N, K], pruned along what they reduce; dense weight gradient [K, T] x [T, N]."""
    row, (pixels, depth, width) = deviations()["sat-training"], (784, 2304, 256)
    dense, pruned = (
        product(pixels, depth, width, p, "sat") + product(pixels, width, depth, p, "sat") for p in ((1, 1), (2, 8))
    )
    gradient = product(depth, pixels, width, (1, 1), "sat")
    assert row.number <= (dense + gradient) / (pruned + gradient) <= float(row.limit)


def test_every_row_of_the_ledger_is_read() -> None:
    text = Path(__file__).read_text("utf-8")
    assert len(deviations()) == 8
    assert all(f'"{key}"' in text for key in deviations())

"""The tile machine: gates against the engine, every port at every clock edge, every byte of memory at the end. Amaranth's simulator; the
same under compiled gates, on more machines and Programs: tests/differential/test_gates_sweep.py."""

from typing import Any

import pytest
from amaranth.hdl import Const

from hwsim.spec.machine import AcceleratorSpec
from hwsim.twin.programs import random_program
from mapper.compile import compile_network
from mapper.graph.reference import run
from rtl.components.accumulator import Accumulator
from rtl.components.buffer import Buffer
from tests.harness.blocks import DISAGREE, plant
from tests.harness.graphs import Net
from tests.harness.machine_bench import compare
from tests.harness.mapped import fed, pruned, ready
from tests.harness.programs import FP16, TINY4
from tests.harness.twins import Disagreement

SPECS = [
    {},
    {"array__rows": 2, "array__cols": 3, "vector__lanes": 3, "memory__latency_cycles": 1, "link_depth": 1},
    {"array__dataflows": ("ws",), "levels__vec__banks": 1, "memory__width_bits": 128, "memory__latency_cycles": 60, "link_depth": 4},
]


def worked(count: Any, cycles: int) -> bool:
    """Every port of every link gave and took something."""
    ports = [n for name, n in count.items() if name.endswith((".taken", ".given"))]
    return count["cycle"] > cycles and len(ports) == 20 and all(ports)


@pytest.mark.parametrize("changes", SPECS)
def test_random_programs(changes: dict[str, Any]) -> None:
    spec = TINY4.with_(**changes)
    assert worked(compare(spec, random_program(spec, seed=1, tiles=2)), 300)


def linear(net: Net) -> None:
    net.add("fc", "linear", "x", params={"weight": pruned(net.normal(7, 24), 2, 8), "bias": net.normal(7)}, pattern=(2, 8))
    net.add("out", "relu", "fc")


def convolution(net: Net) -> None:
    """With padding, which fills make, and a residual, which a map adds."""
    for name, source in (("c1", "x"), ("c2", "c1")):
        net.add(name, "conv2d", source, params={"weight": pruned(net.normal(8, 8, 3, 3), 1, 4)}, padding=1, pattern=(1, 4))
    net.add("out", "add", "c2", "x")


LAYERS = [(linear, (5, 24)), (convolution, (1, 3, 3, 8))]


@pytest.mark.parametrize("spec", [TINY4, FP16], ids=["int8", "fp16"])
@pytest.mark.parametrize("build, shape", LAYERS, ids=[b.__name__ for b, _ in LAYERS])
def test_layers_of_the_mapper(spec: AcceleratorSpec, build: Any, shape: tuple[int, ...]) -> None:
    net = Net(x=shape)
    build(net)
    graph, inputs = ready(net.graph(), spec)
    program = compile_network(graph, spec)
    given = fed(program, graph, run(graph, inputs, spec.pe.number, spec.vector.lanes), spec.pe.number)
    assert worked(compare(spec, program, given), 100)


def silent(self: Any, m: Any) -> None:
    """A compute command gives its tokens to nobody."""
    m.d.comb += self.o_give.eq(0)


def test_a_dropped_token_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Accumulator, silent)
    with pytest.raises(Disagreement, match=DISAGREE.format("accumulator", "o_give")):
        compare(TINY4, random_program(TINY4, seed=2, tiles=2))


def wrong_byte(self: Any, m: Any) -> None:
    """The store gets one byte for all."""
    if self.level == "vec":
        m.d.comb += self.o_store.eq(Const(0x5A, 8).replicate(len(self.o_store) // 8))


def test_a_wrong_byte_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, Buffer, wrong_byte)
    with pytest.raises(Disagreement, match=DISAGREE.format("writeback", "data of o_request")):
        compare(TINY4, random_program(TINY4, seed=2, tiles=2))

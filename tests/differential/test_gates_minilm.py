"""A real layer in gates: a linear layer of MiniLM, pruned to 2:8, 64 tokens of real sentences, on a 16 x 16 machine, equal to the engine in
every cycle. Compiling 256 PEs takes minutes: nightly."""

import pytest

from hwsim import trip
from hwsim.spec.load import load_machine
from hwsim.trip.stages import machine_inputs
from hwsim.twin.compare import compare
from rtl.machine import machine_of

TINY8 = load_machine("tiny8")
SIDE = 16
WIDE = TINY8.with_(
    name="tiny16", array__rows=SIDE, array__cols=SIDE, vector__lanes=8,
    levels__act__width_bits=128, levels__act__capacity_bits=1 << 18,
    levels__weight__width_bits=8 * SIDE, levels__weight__capacity_bits=1 << 18,
    levels__meta__width_bits=4 * SIDE, levels__meta__capacity_bits=1 << 17,
    levels__acc__width_bits=32 * SIDE, levels__acc__capacity_bits=1 << 17,
    levels__vec__width_bits=64, levels__vec__capacity_bits=1 << 17,
)  # fmt: skip


@pytest.mark.nightly
def test_a_layer_of_minilm_on_sixteen_by_sixteen() -> None:
    network = trip.prune(trip.load("minilm", seq=64, layers="layer0.attention.output"), "2:8")
    program = trip.compile(network, WIDE)
    assert program.layers[0].dense_macs == 64 * 384 * 384
    done = compare(WIDE, program, machine_inputs(program, network.inputs), machine_of(WIDE))
    assert done.difference is None, str(done.difference)
    assert done.cycles > 64 * 384 * 384 // (4 * SIDE * SIDE) and done.actions["pe.mac"] > 0

"""Faults planted into one compiled machine, each asleep until its number is chosen: so a dozen of them cost one build.

The number comes in above the count of command words (`i_words`), which no Program of a test needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from amaranth.hdl import Cat, Module, Signal

from hwsim.spec.commands import VECTOR
from hwsim.spec.machine import AcceleratorSpec
from rtl.components.accumulator import Accumulator
from rtl.components.array import Array
from rtl.components.buffer import Buffer
from rtl.components.feed import Feed
from rtl.components.fetch import Fetch
from rtl.components.nm_select import NMSelect
from rtl.components.sequencer import Sequencer
from rtl.components.vector import Vector
from rtl.components.writeback import Writeback
from rtl.machine import CompiledMachine, Run
from rtl.probes import Probed
from rtl.vector import integer
from tests.harness.blocks import plant

WORD_BITS = 24
CHOSEN = Signal(32 - WORD_BITS, name="chosen_fault")
VALUES = r"(memory|level \w+): gates and model disagree on (byte|sum) \d+: gates -?\d+, model -?\d+"
TOLD = "gates and model disagree on"


@dataclass(frozen=True)
class Fault:
    """`wrong(component, module)`: assignments that win while the fault is chosen. `told`: what the comparison must say after the cycle."""

    name: str
    component: type
    wrong: Callable[[Any, Module], None]
    told: str


def short_fill(c: Any, m: Module) -> None:
    """The first byte of every beat of a fill is left out."""
    with m.If(~c.i_answer.valid):
        m.d.comb += c.o_write.payload.mask[0].eq(0)


def crossed_offset(c: Any, m: Module) -> None:
    k = c.i_offset
    m.d.comb += c.o.eq(c.i_block[Cat(k[1], k[0], k[2:])])


def silent_swap(c: Any, m: Module) -> None:
    m.d.comb += c.pes[0][0].i_swap.eq(0)


def wrong_byte(c: Any, m: Module) -> None:
    if c.level == "vec":
        m.d.comb += c.o_store[:8].eq(~c.o_store[8:16])


def stuck(port: Callable[[Any], Any]) -> Callable[[Any, Module], None]:
    """A port that stays 0."""

    def wrong(c: Any, m: Module) -> None:
        m.d.comb += port(c).eq(0)

    return wrong


FAULTS = (
    Fault("a fill lacks a byte", Fetch, short_fill, rf"({VALUES}|act: {TOLD} the count of act.write_bits: .*)"),
    Fault("a token is dropped", Accumulator, stuck(lambda c: c.o_give[VECTOR]), f"tokens: {TOLD} tokens from compute for vector"),
    Fault("bits of an offset are crossed", NMSelect, crossed_offset, rf"({VALUES}|pe: {TOLD} the count of pe.mac: .*)"),
    Fault("a PE keeps its old weights", Array, silent_swap, rf"array\.pe\[0,0\]: {TOLD} taking new weights"),
    Fault("a batch is a step short", Feed, stuck(lambda c: c.o_batch.payload.steps[0]), f"array: {TOLD} steps of i_batch(: .*)?"),
    Fault("nobody asks for commands", Sequencer, stuck(lambda c: c.o_request.valid), f"sequencer: {TOLD} giving o_request"),
    Fault("a store drops a byte", Writeback, stuck(lambda c: c.o_request.payload.mask[0]), f"memory: {TOLD} mask of o_request: .*"),
    Fault("an address line is stuck", Fetch, stuck(lambda c: c.o_request.payload.address[5]), f"memory: {TOLD} address of o_request: .*"),
    Fault("a sum loses its lowest bit", Accumulator, stuck(lambda c: c.o_write.payload.sums[0][0]), VALUES),
    Fault("the vector unit does not end", Vector, stuck(lambda c: c.o_done), f"vector: {TOLD} the end of a command"),
    Fault("a store reads another byte", Buffer, wrong_byte, VALUES),
)
TIES = Fault("ties are rounded up", integer.IntegerLanes, lambda c, m: None, VALUES)


def plant_all(patch: pytest.MonkeyPatch) -> None:
    """Into whatever is elaborated from now on."""
    for number, fault in enumerate(FAULTS, 1):

        def asleep(c: Any, m: Module, number: int = number, fault: Fault = fault) -> None:
            with m.If(CHOSEN == number):
                fault.wrong(c, m)

        plant(patch, fault.component, asleep)
    _plant_ties(patch, len(FAULTS) + 1)


def _plant_ties(patch: pytest.MonkeyPatch, number: int) -> None:
    """The rounding is inside: its signals are caught by name where they are made."""
    made: dict[str, Signal] = {}
    whole = integer.IntegerLanes._scaled

    def kept(*shape: Any, **rest: Any) -> Signal:
        signal = Signal(*shape, **{"src_loc_at": 1, **rest})
        made[signal.name] = signal
        return signal

    def scaled(self: Any, m: Module, n: int, *operands: Any) -> Signal:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(integer, "Signal", kept)
            out = whole(self, m, n, *operands)
        with m.If(CHOSEN == number):
            m.d.comb += made[f"rounded_{n}"].eq(made[f"floor_{n}"] + made[f"half_{n}"])
        return out

    patch.setattr(integer.IntegerLanes, "_scaled", scaled)


class FaultyProbed(Probed):
    def elaborate(self, platform: Any) -> Module:
        m = super().elaborate(platform)
        m.d.comb += [self.top.i_words.eq(self.i_words[:WORD_BITS]), CHOSEN.eq(self.i_words[WORD_BITS:])]
        return m


class FaultyMachine(CompiledMachine):
    """`chosen`: 0 for none, else the place in FAULTS (counted from 1), TIES behind them."""

    chosen = 0

    def __init__(self, spec: AcceleratorSpec, patch: pytest.MonkeyPatch) -> None:
        plant_all(patch)
        super().__init__(spec, probed=FaultyProbed(spec))

    def run(self, memory: Any, base: int, words: int) -> Run:
        return super().run(memory, base, words | self.chosen << WORD_BITS)

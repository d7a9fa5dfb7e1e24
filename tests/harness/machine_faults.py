"""Faults planted into one compiled machine, each asleep until its number is chosen: so all of them cost one build.

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
from rtl.components.pe import PE
from rtl.components.sequencer import Sequencer
from rtl.components.vector import Vector
from rtl.components.weight_loader import WeightLoader
from rtl.components.writeback import Writeback
from rtl.machine import CompiledMachine, Run
from rtl.probes import Probed
from rtl.vector import integer
from tests.harness.blocks import plant

WORD_BITS = 24
CHOSEN = Signal(32 - WORD_BITS, name="chosen_fault")
PES = r"array\.pe\[\d,\d\]"


@dataclass(frozen=True)
class Fault:
    """`wrong(component, module)`: assignments that win while the fault is chosen. `told`: what the comparison must say after the cycle."""

    name: str
    component: type
    wrong: Callable[[Any, Module], None]
    told: str


def told(where: str, what: str) -> str:
    """What is said behind the cycle; numbers too, where there are not only 0 and 1."""
    return rf"{where}: gates and model disagree on {what}(: gates -?\d+, model -?\d+)?"


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


def weight_beside_zero(c: Any, m: Module) -> None:
    """A PE has another weight where its activation is 0: the product is right."""
    with m.If(c.act == 0):
        m.d.comb += c.weight.eq(1)


def block_beyond_fold(c: Any, m: Module) -> None:
    """The last row is given a block in a fold that has none for it, where the PEs leave it out."""
    out = c.o_batch.payload
    with m.If(~out.config.os & (out.blocks < c.spec.array.rows)):
        m.d.comb += c.o_acts[c.spec.array.rows - 1][0][0].eq(1)


def offset_of_zero(c: Any, m: Module) -> None:
    """A weight of 0 has another place in its block."""
    weight = c.o.payload.weights[0]
    with m.If(weight.payload == 0):
        m.d.comb += weight.offset.eq(~c.i_meta[: len(weight.offset)])


FAULTS = (
    Fault("a fill lacks a byte", Fetch, short_fill, told("fetch", "mask of o_write")),
    Fault("a token is dropped", Accumulator, stuck(lambda c: c.o_give[VECTOR]), told("accumulator", "o_give")),
    Fault("bits of an offset are crossed", NMSelect, crossed_offset, told(PES, "act")),
    Fault("a PE keeps its old weights", Array, silent_swap, told(r"array\.pe\[0,0\]", "taking new weights")),
    Fault("a batch is a step short", Feed, stuck(lambda c: c.o_batch.payload.steps[0]), told("array", "steps of i_batch")),
    Fault("nobody asks for commands", Sequencer, stuck(lambda c: c.o_request.valid), told("sequencer", "giving o_request")),
    Fault("a store drops a byte", Writeback, stuck(lambda c: c.o_request.payload.mask[0]), told("writeback", "mask of o_request")),
    Fault("an address line is stuck", Fetch, stuck(lambda c: c.o_request.payload.address[5]), told("fetch", "address of o_request")),
    Fault("a sum loses a bit", Accumulator, stuck(lambda c: c.o_write.payload.sums[0][0]), told("accumulator", "sums_0 of o_write")),
    Fault("the vector unit does not end", Vector, stuck(lambda c: c.o_done), told("vector", "the end of a command")),
    Fault("a store reads another byte", Buffer, wrong_byte, told("writeback", "data of o_request")),
    Fault("a row goes to another place", Accumulator, stuck(lambda c: c.o_write.payload.row[0]), told("accumulator", "row of o_write")),
    Fault("a column of sums is lost", Array, stuck(lambda c: c.o.payload.sums[1]), told("array", "sums_1 of o")),
    Fault("a result strays", Vector, stuck(lambda c: c.o_write.payload.elements[0].address[0]), told("vector", "address_0 of o_write")),
    Fault("a bank that is read is not held", Vector, stuck(lambda c: c.o_holds), told("vector", "i_data")),
)
# wrong on a port, and in no storage and no count
UNSEEN = (
    Fault("a weight is wrong beside a 0", PE, weight_beside_zero, told(PES, "weight")),
    Fault("a row without a block is given one", Feed, block_beyond_fold, told("feed", "acts_0_1 of o_batch")),
    Fault("a weight of 0 has another offset", WeightLoader, offset_of_zero, told("weight_loader", "offset_0 of o")),
)
TIES = Fault("ties are rounded up", integer.IntegerLanes, lambda c, m: None, told("vector", r"data_\d of o_write"))


def plant_all(patch: pytest.MonkeyPatch) -> None:
    """Into whatever is elaborated from now on."""
    for number, fault in enumerate(FAULTS + UNSEEN, 1):

        def asleep(c: Any, m: Module, number: int = number, fault: Fault = fault) -> None:
            with m.If(CHOSEN == number):
                fault.wrong(c, m)

        plant(patch, fault.component, asleep)
    _plant_ties(patch, len(FAULTS + UNSEEN) + 1)


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
    """`chosen`: 0 for none, else the place in FAULTS + UNSEEN (counted from 1), TIES behind them."""

    chosen = 0

    def __init__(self, spec: AcceleratorSpec, patch: pytest.MonkeyPatch) -> None:
        plant_all(patch)
        super().__init__(spec, probed=FaultyProbed(spec))

    def run(self, memory: Any, base: int, words: int) -> Run:
        return super().run(memory, base, words | self.chosen << WORD_BITS)

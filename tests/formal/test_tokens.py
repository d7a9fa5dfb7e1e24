"""Commands and tokens of the sequencer: none is lost, none counts twice, and commands keep their order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Assert, Assume, Cat, Const, Module, Mux, Signal, Value

from hwsim.spec.commands import OPS, QUEUE_OF
from rtl import signatures
from rtl.components.feed import Feed
from rtl.components.fetch import Fetch
from rtl.components.sequencer import Sequencer, Tokens
from rtl.components.writeback import Writeback
from rtl.vector.walk import Phase, Walk
from tests.harness.blocks import plant
from tests.harness.programs import TINY4
from tests.harness.proof import Claim, Refuted, inside, opened, prove

SMALL = TINY4.with_(memory__width_bits=512, sequencer__queue_depth=2, sequencer__token_depth=3)


def drive(claim: Claim, m: Module, component: Any) -> None:
    """Every input of a component may be anything."""
    for path, member, port in component.signature.flatten(component):
        if member.flow.name == "In":
            m.d.comb += Value.cast(port).eq(claim.free(len(Value.cast(port)), "__".join(map(str, path))))


class Counted(Claim):
    """A counter holds what was given less what was taken, if units take only what is there and the verifier bounds what is given."""

    def state(self, m: Module) -> None:
        tokens = Tokens(SMALL)
        m.submodules.tokens = opened(tokens)
        sides = [getattr(tokens, f"i_{name}") for name in QUEUE_OF]
        for name, side in zip(QUEUE_OF, sides, strict=True):
            m.d.comb += [side.take.eq(self.free(4, f"take_{name}")), side.give.eq(self.free(4, f"give_{name}"))]
        for p in range(4):
            for q in range(4):
                held, give, take = tokens.held[p][q], sides[p].give[q], sides[q].take[p]
                given, taken = (Signal(16, name=f"{n}_{p}_{q}") for n in ("given", "taken"))
                m.d.sync += [given.eq(given + give), taken.eq(taken + take)]
                m.d.comb += [
                    Assume(~take | (held != 0)),
                    Assume(~give | (held != SMALL.sequencer.token_depth)),
                    Assert(held == (given - taken)[:16]),
                    Assert(sides[q].there[p] == (held != 0)),
                ]


class Taken(Claim):
    """A unit takes tokens with the command that asks for them and with no other, once, and only if all of them are there."""

    def __init__(self, component: Any) -> None:
        super().__init__()
        self.unit = component(TINY4)

    def state(self, m: Module) -> None:
        m.submodules.unit = opened(self.unit)
        drive(self, m, self.unit)
        command, tokens = self.unit.i, self.unit.tokens
        starts, waits = command.valid & command.ready, command.payload.waits
        m.d.comb += [
            Assert(~starts | (tokens.take == waits)),
            Assert(~starts | ((waits & ~tokens.there) == 0)),
            Assert(starts | (tokens.take == 0)),
        ]


class Given(Claim):
    """A unit that runs one command after the other gives the tokens of each once, when it is done, and gives nothing else. `busy`: its
    gates' own bits of a command that runs, one of them at a time."""

    def __init__(self, component: Any, busy: Callable[[Any], Value]) -> None:
        super().__init__()
        self.unit, self.busy = component(TINY4), busy

    def state(self, m: Module) -> None:
        unit, gates = self.unit, opened(self.unit)
        m.submodules.unit = gates
        drive(self, m, unit)
        command, runs, signals = unit.i, Signal(), Signal(4)
        starts, own = command.valid & command.ready, self.busy(gates)
        with m.If(starts | unit.o_done):
            m.d.sync += runs.eq(starts)
        with m.If(starts):
            m.d.sync += signals.eq(command.payload.signals)
        m.d.comb += [
            Assert(unit.tokens.give == Mux(unit.o_done, signals, 0)),
            Assert(~unit.o_done | runs),
            Assert(~starts | ~runs | unit.o_done),
            Assert(own.any() == runs),
            Assert((own & (own - 1)[: len(own)]) == 0),
        ]
        self._same(m, gates, signals)

    @staticmethod
    def _same(m: Module, gates: Any, signals: Signal) -> None:
        """The unit's own copy."""
        kept = {"signals", "o_command"}
        found = {s.name: s for stmts in gates.statements.values() for stmt in stmts for s in stmt._lhs_signals() if s.name in kept}
        (own,) = found.values()
        low = 0 if own.name == "signals" else signatures.command(TINY4, "vector")["signals"].offset
        m.d.comb += Assert(own[low : low + 4] == signals)


class Dispatched(Claim):
    """A word that leaves the buffer of words goes to the queue of its command, with all that the unit reads, as soon as that has room, or
    is the end; nothing else goes anywhere."""

    def state(self, m: Module) -> None:
        sequencer = Sequencer(SMALL)
        m.submodules.sequencer = gates = opened(sequencer)
        drive(self, m, sequencer)
        there, word, pops = inside(gates, "o__valid", "words"), inside(gates, "o__payload", "words"), inside(gates, "o__ready")
        goes, was_ended = [], Signal()
        for op in QUEUE_OF:
            out, mine = getattr(sequencer, f"o_{op}"), word[:4] == OPS.index(op)
            goes.append(out.valid & out.ready)
            bits = Value.cast(out.payload)
            m.d.comb += Assert(~goes[-1] | (mine & (bits == signatures.kept(SMALL, op, word))))
            m.d.comb += Assert(goes[-1] | ~(there & mine & out.ready & ~was_ended))
        one = sum(goes, start=Const(0, 3))
        ends = there & (word[:4] == OPS.index("end"))
        m.d.sync += was_ended.eq(was_ended | (pops & ends))
        m.d.comb += [
            Assert(one <= 1),
            Assert(~Cat(goes).any() | pops),
            Assert(~(pops & there) | Cat(goes).any() | ends),
            Assert(sequencer.o_ended == was_ended),
            Assert(~was_ended | ~Cat(goes).any()),
        ]


def test_counters_hold_what_was_given_less_what_was_taken(tmp_path: Path) -> None:
    assert prove(Counted(), tmp_path) > 0


def walks(gates: Any) -> Value:
    """The first field of where the walk stands is its phase."""
    return inside(gates, "now")[: len(Value.cast(Signal(Phase)))]


GIVERS = [(Writeback, lambda gates: inside(gates, "there")), (Walk, walks)]


@pytest.mark.parametrize("component, busy", GIVERS, ids=["writeback", "vector"])
def test_tokens_are_given_once_a_command(component: Any, busy: Any, tmp_path: Path) -> None:
    assert prove(Given(component, busy), tmp_path) == 6


@pytest.mark.parametrize("component", [Fetch, Feed, Walk, Writeback])
def test_tokens_are_taken_with_their_command(component: Any, tmp_path: Path) -> None:
    assert prove(Taken(component), tmp_path) == 3


def test_words_go_to_one_queue_each(tmp_path: Path) -> None:
    assert prove(Dispatched(), tmp_path) == 13


def dropped(self: Any, m: Any) -> None:
    """A token that comes in the cycle in which one goes is lost."""
    side, other = self.i_load, self.i_compute
    with m.If(side.give[1] & other.take[0]):
        m.d.sync += self.held[0][1].eq(self.held[0][1] - 1)


def hasty(self: Any, m: Any) -> None:
    """A command is taken before its tokens are there."""
    m.d.comb += self.i.ready.eq(1)


def forgotten(self: Any, m: Any) -> None:
    """Tokens of a command that is done in the cycle in which the next one starts are not given."""
    with m.If(self.i.valid & self.i.ready):
        m.d.comb += self.tokens.give.eq(0)


def doubled(self: Any, m: Any) -> None:
    """A load also goes to the queue of stores."""
    m.d.comb += self.o_store.valid.eq(self.o_load.valid)


def stopped(self: Any, m: Any) -> None:
    """Commands of the vector unit stay in the sequencer."""
    m.d.comb += self.o_vector.valid.eq(0)


FAULTS = [
    (Tokens, dropped, Counted), (Writeback, hasty, lambda: Taken(Writeback)),
    (Sequencer, doubled, Dispatched), (Sequencer, stopped, Dispatched),
    (Writeback, forgotten, lambda: Given(*GIVERS[0])), (Walk, forgotten, lambda: Given(*GIVERS[1])),
]  # fmt: skip


@pytest.mark.parametrize("component, fault, claim", FAULTS, ids=[f"{f.__name__} {c.__name__}" for c, f, _ in FAULTS])
def test_a_planted_fault_is_refuted(monkeypatch: pytest.MonkeyPatch, component: Any, fault: Any, claim: Any, tmp_path: Path) -> None:
    plant(monkeypatch, component, fault)
    with pytest.raises(Refuted, match=r"^\w+: test_tokens.py:\d+ does not hold$"):
        prove(claim(), tmp_path)

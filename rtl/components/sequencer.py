"""Sequencer and token counters in gates. Twin: hwsim/components/sequencer.py, which says what it does and in which cycle.

Words are put together where they wait, in a buffer of `queue_depth`; the address of the next beat is a register. `i_words` is 0 until
the host starts the Program.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import OPS, QUEUE_OF, QUEUES, WORD_BYTES
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


class Sequencer(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        self.spec = spec
        super().__init__(
            {
                "i_base": In(signatures.address(spec)),  # of the first word, a multiple of a beat
                "i_words": In(32),
                "i_answer": In(signatures.flow(signatures.beat(spec))),
                "o_request": Out(stream.Signature(signatures.read_request(spec))),
                **{f"o_{op}": Out(stream.Signature(signatures.command(spec, op))) for op in QUEUE_OF},
                "o_ended": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        depth, ended = self.spec.sequencer.queue_depth, self.o_ended
        ahead = Signal(range(depth + 1))  # words asked for and not yet dispatched
        asked, sent, is_end = self._ask(m, ahead), Signal(), Signal()
        m.submodules.words = words = Words(self.spec)
        word, there = words.o.payload, words.o.valid
        op = word[:4]
        m.d.comb += [
            words.i.payload.eq(self.i_answer.payload),
            words.i.valid.eq(self.i_answer.valid),
            words.o.ready.eq(sent | is_end),
            is_end.eq(there & (op == OPS.index("end")) & ~ended),
        ]
        for name in QUEUE_OF:
            out, mine = getattr(self, f"o_{name}"), op == OPS.index(name)
            m.d.comb += [
                out.payload.eq(signatures.kept(self.spec, name, word)),
                out.valid.eq(there & mine & ~ended),
            ]
            with m.If(out.valid & out.ready):
                m.d.comb += sent.eq(1)
        m.d.sync += [ahead.eq(ahead + asked - sent), ended.eq(ended | is_end)]
        return m

    def _ask(self, m: Module, ahead: Signal) -> Value:
        """One beat a cycle; true in the cycle of a word's last beat."""
        beats, step = max(1, WORD_BYTES // self.spec.memory.beat_bytes), self.spec.memory.beat_bytes
        asked, beat, offset = Signal(signatures.words(self.spec)), Signal(range(beats)), Signal(self.spec.memory.address_bits)
        request, last = self.o_request, beat == beats - 1
        wanted = (asked != self.i_words[: len(asked)]) & (ahead != self.spec.sequencer.queue_depth)
        at = (self.i_base + offset)[: self.spec.memory.address_bits]
        m.d.comb += [
            request.valid.eq(wanted & ~self.o_ended),
            request.payload.address.eq(at & ~(step - 1)),
        ]
        pushed = request.valid & request.ready
        with m.If(pushed):
            m.d.sync += [beat.eq(Mux(last, 0, beat + 1)), asked.eq(asked + last)]
            m.d.sync += offset.eq(offset + min(step, WORD_BYTES))
        return pushed & last


class Words(wiring.Component):
    """Command words, oldest first, each from its beats. A beat goes to its place in the word when it comes; where it holds several words,
    the one that was asked for does. Never full: the sequencer asks for no more than `queue_depth` words."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec = spec
        super().__init__({"i": In(signatures.flow(signatures.beat(spec))), "o": Out(stream.Signature(8 * WORD_BYTES))})

    def elaborate(self, platform):
        m = Module()
        width, whole, depth = self.spec.memory.width_bits, 8 * WORD_BYTES, self.spec.sequencer.queue_depth
        m.submodules.words = words = Memory(shape=whole, depth=depth, init=[])
        write, read = words.write_port(granularity=min(width, whole)), words.read_port(domain="comb")
        beat, new = Signal(range(max(2, max(whole, width) // min(whole, width)))), self.i.payload
        held, ends, leaves = Signal(range(depth + 1)), Signal(), self.o.valid & self.o.ready
        m.d.comb += [
            write.data.eq(new.replicate(whole // width) if width < whole else new.word_select(beat, whole) if width > whole else new),
            write.en.eq(Mux(self.i.valid, 1 << beat if width < whole else 1, 0)),
            ends.eq(self.i.valid & (beat == whole // width - 1 if width < whole else 1)),
            self.o.payload.eq(read.data),
            self.o.valid.eq(held != 0),
        ]
        if width != whole:
            m.d.sync += beat.eq(beat + self.i.valid)
        for port, moves in ((write, ends), (read, leaves)):
            with m.If(moves):
                m.d.sync += port.addr.eq(Mux(port.addr == depth - 1, 0, port.addr + 1))
        m.d.sync += held.eq(held + ends - leaves)
        return m


class Tokens(wiring.Component):
    """4 x 4 counters, [from, to]. `i_<queue>`: one view a queue; compute takes and gives through different components."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec = spec
        super().__init__({f"i_{name}": In(signatures.token_side()) for name in QUEUE_OF})

    def elaborate(self, platform):
        m = Module()
        sides, shape = [getattr(self, f"i_{name}") for name in QUEUE_OF], range(self.spec.sequencer.token_depth + 1)
        self.held = [[Signal(shape, name=f"held_{p}_{q}") for q in QUEUES] for p in QUEUES]
        for p in QUEUES:
            for q in QUEUES:
                held = self.held[p][q]
                m.d.sync += held.eq(held + sides[p].give[q] - sides[q].take[p])
                m.d.comb += sides[q].there[p].eq(held != 0)
        return m

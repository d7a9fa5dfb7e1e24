"""Sequencer and token counters in gates. Twin: hwsim/components/sequencer.py, which says what it does and in which cycle.

Words are put together from beats and wait in a buffer of `queue_depth`; the address of the next beat is a register. `i_words` is 0 until
the host starts the Program.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
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
                **{f"o_{op}": Out(stream.Signature(signatures.command(op))) for op in QUEUE_OF},
                "o_ended": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        depth, ended = self.spec.sequencer.queue_depth, self.o_ended
        m.submodules.words = words = SyncFIFO(width=8 * WORD_BYTES, depth=depth)
        ahead = Signal(range(depth + 1))  # words asked for and not yet dispatched
        asked = self._ask(m, ahead)
        self._answers(m, words)
        op, sent, is_end = words.r_data[:4], Signal(), Signal()
        m.d.comb += [is_end.eq(words.r_rdy & (op == OPS.index("end")) & ~ended), words.r_en.eq(sent | is_end)]
        for name in QUEUE_OF:
            out, mine = getattr(self, f"o_{name}"), op == OPS.index(name)
            m.d.comb += [
                out.payload.eq(words.r_data[: len(Value.cast(out.payload))]),
                out.valid.eq(words.r_rdy & mine & ~ended),
            ]
            with m.If(out.valid & out.ready):
                m.d.comb += sent.eq(1)
        m.d.sync += [ahead.eq(ahead + asked - sent), ended.eq(ended | is_end)]
        return m

    def _ask(self, m: Module, ahead: Signal) -> Value:
        """One beat a cycle; true in the cycle of a word's last beat."""
        beats, step = max(1, WORD_BYTES // self.spec.memory.beat_bytes), self.spec.memory.beat_bytes
        asked, beat, offset = Signal(32), Signal(range(beats)), Signal(self.spec.memory.address_bits)
        request, last = self.o_request, beat == beats - 1
        wanted = (asked != self.i_words) & (ahead != self.spec.sequencer.queue_depth)
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

    def _answers(self, m: Module, words: SyncFIFO) -> None:
        """A word from its beats, or, where a beat holds several, the one that was asked for."""
        width, whole = self.spec.memory.width_bits, 8 * WORD_BYTES
        beat, answer = Signal(range(max(2, max(whole, width) // min(whole, width)))), self.i_answer
        if width >= whole:
            m.d.comb += [
                words.w_data.eq(answer.payload.word_select(beat, whole) if width > whole else answer.payload),
                words.w_en.eq(answer.valid),
            ]
            step = int(width > whole)
        else:
            early = Signal(whole - width)
            m.d.comb += [
                words.w_data.eq(Cat(early, answer.payload)),
                words.w_en.eq(answer.valid & (beat == whole // width - 1)),
            ]
            step = 1
            with m.If(answer.valid):
                m.d.sync += early.eq(Cat(early, answer.payload)[width:])
        with m.If(answer.valid):
            m.d.sync += beat.eq(beat + step)


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

"""Fetch in gates: runs load commands. Twin: hwsim/components/fetch.py, which says what it does and in which cycle.

Two walks over the same commands: `asking` makes the addresses of the beats, `writing` says where the beats go that come back. Between
them a queue of the commands whose beats are under way.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.components.link import Link
from rtl.copy_walk import CopyWalk

LOWEST = {"int8": b"\x80\x80", "fp16": b"\x00\xfc"}  # -128, and -inf at an even byte


def copy_fields(command) -> Value:
    """The part of a load or store command that CopyWalk reads."""
    fields = dict(command.shape().members)
    parts = [command[name] if name in fields else Const(0, 2) for name in (*signatures.COPY, "fill")]
    return Cat(Value.cast(p) for p in parts)


class Fetch(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        self.spec = spec
        super().__init__(
            {
                "i": In(stream.Signature(signatures.command(spec, "load"))),
                "tokens": Out(signatures.token_side()),
                "i_answer": In(signatures.flow(signatures.beat(spec))),
                "o_request": Out(stream.Signature(signatures.read_request(spec))),
                "o_write": Out(signatures.flow(signatures.level_write(spec))),
                "o_done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.asking = asking = CopyWalk(self.spec)
        m.submodules.writing = writing = CopyWalk(self.spec)
        head = self.i.payload
        take, done, filling, filled = Signal(), Signal(), Signal(), Signal()
        flying = Signal(range(self.spec.sequencer.queue_depth + 1))
        pushed = asking.o_there & self.o_request.ready
        leaves = pushed & asking.o_last
        room = (flying != self.spec.sequencer.queue_depth) & ~filling
        m.d.comb += [
            take.eq(self.i.valid & (~asking.o_there | leaves) & room & ((head.waits & ~self.tokens.there) == 0)),
            self.i.ready.eq(take),
            self.tokens.take.eq(Mux(take, head.waits, 0)),
            asking.i_open.eq(take & (head.fill == 0)),
            asking.i_command.eq(copy_fields(head)),
            asking.i_move.eq(pushed),
            self.o_request.valid.eq(asking.o_there),
            self.o_request.payload.address.eq(asking.o_mem),
        ]
        m.d.sync += flying.eq(flying + take - done)
        m.d.sync += filling.eq((filling & ~filled) | (take & (head.fill != 0)))
        self._write(m, writing, take, done, filled)
        return m

    def _write(self, m: Module, writing: CopyWalk, take: Signal, done: Signal, filled: Signal) -> None:
        """The command whose beats arrive, and those behind it; the first of them is opened in the cycle in which the last one is done."""
        whole = self.i.payload.shape()
        now, there, new = Signal(whole), writing.o_there, Signal(whole)
        waits, first = self._behind(m, whole, take, free := Signal())
        answer, fill = self.i_answer, now.fill != 0
        beat, out = there & (answer.valid | fill), self.o_write.payload
        m.d.comb += [
            done.eq(beat & writing.o_last),
            filled.eq(done & fill),
            free.eq(~there | done),
            new.eq(Mux(waits, first, self.i.payload.as_value())),
            writing.i_open.eq(free & (waits | take)),
            writing.i_command.eq(copy_fields(new)),
            writing.i_move.eq(beat),
            self.tokens.give.eq(Mux(done, now.signals, 0)),
            self.o_done.eq(done),
            self.o_write.valid.eq(beat),
            out.level.eq(now.level),
            out.bank.eq(writing.o_bank),
            out.address.eq(writing.o_buf),
            out.mask.eq(writing.o_mask),
            out.data.eq(Mux(fill, Mux(now.fill == 2, self._lowest(out.address), 0), answer.payload)),
        ]
        with m.If(free):
            m.d.sync += now.eq(new)

    def _behind(self, m: Module, shape, take: Signal, free: Signal) -> tuple[Value, Value]:
        """Commands that wait for the one whose beats arrive: whether there is one, and the first of them."""
        depth = self.spec.sequencer.queue_depth - 1
        if not depth:
            return Const(0), Const(0, shape.size)
        m.submodules.behind = behind = Link(shape, depth)
        m.d.comb += [
            behind.i.payload.eq(self.i.payload),
            behind.i.valid.eq(take & ~(free & ~behind.o.valid)),
            behind.o.ready.eq(free),
        ]
        return behind.o.valid, behind.o.payload.as_value()

    def _lowest(self, at: Value) -> Value:
        """A beat of the lowest number, from byte `at` of a level on."""
        size, low = self.spec.memory.beat_bytes, LOWEST[self.spec.pe.number]
        even, odd = (Const(int.from_bytes(((low[k:] + low)[:2] * size)[:size], "little"), 8 * size) for k in range(2))
        return Mux(at[0], odd, even)

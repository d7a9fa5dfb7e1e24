"""Writeback in gates: runs store commands. Twin: hwsim/components/writeback.py, which says what it does and in which cycle.

`o_read` asks level vec for the beat of the next cycle; what it gives counts unless the vector unit read that bank
in the cycle before.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.components.fetch import copy_fields
from rtl.copy_walk import CopyWalk


class Writeback(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        self.spec = spec
        super().__init__(
            {
                "i": In(stream.Signature(signatures.command(spec, "store"))),
                "tokens": Out(signatures.token_side()),
                "i_reads": In(spec.levels.vec.banks),  # banks that the vector unit read in the last cycle
                "o_read": Out(signatures.read_side(spec)),
                "i_data": In(signatures.beat(spec)),
                "o_request": Out(stream.Signature(signatures.write_request(spec))),
                "i_written": In(1),  # memory has taken all that was asked
                "o_done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walk = walk = CopyWalk(self.spec)
        head, there = self.i.payload, Signal()
        take, push, done, signals = Signal(), Signal(), Signal(), Signal(4, name="signals")
        request = self.o_request
        m.d.comb += [
            request.valid.eq(walk.o_there & ~self.i_reads.bit_select(walk.o_bank, 1)),
            request.payload.address.eq(walk.o_mem),
            request.payload.mask.eq(walk.o_mask),
            request.payload.data.eq(self.i_data),
            push.eq(request.valid & request.ready),
            done.eq(there & ~walk.o_there & self.i_written),
            take.eq(self.i.valid & (~there | done) & ((head.waits & ~self.tokens.there) == 0)),
            self.i.ready.eq(take),
            self.tokens.take.eq(Mux(take, head.waits, 0)),
            self.tokens.give.eq(Mux(done, signals, 0)),
            self.o_done.eq(done),
            walk.i_open.eq(take),
            walk.i_command.eq(copy_fields(head)),
            walk.i_move.eq(push),
            self.o_read.address.eq(walk.o_next_buf),
            self.o_read.bank.eq(walk.o_next_bank),
        ]
        with m.If(done | take):
            m.d.sync += there.eq(take)
        with m.If(take):
            m.d.sync += signals.eq(head.signals)
        return m

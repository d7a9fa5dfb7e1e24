"""Weight store of depthwise: the weights of one command, as they stand in level vec, read from any byte on."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures, turns
from rtl.components.buffer import Bank


class Weights(wiring.Component):
    """`i_write`: read `k` of the weights. `o`: what stands from byte `i_at` of the last cycle on."""

    def __init__(self, spec: AcceleratorSpec):
        self.bytes, self.size = spec.levels.vec.width_bits // 8, signatures.weight_bytes(spec)
        self.rows = -(-self.size // self.bytes)
        write = data.StructLayout({"k": range(max(2, self.rows)), "data": 8 * self.bytes})
        super().__init__(
            {"i_write": In(signatures.flow(write)), "i_at": In(range(self.size)), "o": Out(8 * self.bytes)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.bank = bank = Bank(self.rows * self.bytes, self.bytes)
        write, start = self.i_write.payload, Signal((self.bytes - 1).bit_length())
        m.d.sync += start.eq(self.i_at)
        m.d.comb += [bank.i_read.eq(self.i_at), self.o.eq(turns.right(bank.o_data, start, 8))]
        for k in range(self.bytes):
            port = getattr(bank, f"i_write_{k}")
            m.d.comb += [port.en.eq(self.i_write.valid), port.row.eq(write.k), port.data.eq(write.data[8 * k : 8 * k + 8])]
        return m

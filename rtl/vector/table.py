"""Tables of int8 machines: 256 bytes of gelu or silu, or 256 words of softmax, one reader a lane."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


class Table(wiring.Component):
    """`i_write`: read `k` of the table. `i_words`: words are asked for, not bytes. What a lane asks for is there in the next cycle."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.bytes, self.lanes = spec, spec.levels.vec.width_bits // 8, spec.vector.lanes
        self.depth = -(-signatures.table_bytes(spec) // self.bytes)
        write = data.StructLayout({"k": range(max(2, self.depth)), "data": 8 * self.bytes})
        super().__init__(
            {
                "i_write": In(signatures.flow(write)),
                "i_words": In(1),
                "i_index": In(data.ArrayLayout(8, self.lanes)),
                "o_word": Out(data.ArrayLayout(32, self.lanes)),
                "o_byte": Out(data.ArrayLayout(8, self.lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=8 * self.bytes, depth=max(2, self.depth), init=[])
        write, bits = memory.write_port(), self.bytes.bit_length() - 1
        m.d.comb += [write.en.eq(self.i_write.valid), write.addr.eq(self.i_write.payload.k), write.data.eq(self.i_write.payload.data)]
        for n in range(self.lanes):
            read, at, part = memory.read_port(), Signal(10, name=f"at_{n}"), Signal(bits, name=f"part_{n}")
            m.d.comb += [at.eq(Mux(self.i_words, self.i_index[n] << 2, self.i_index[n])), read.addr.eq(at[bits:])]
            m.d.sync += part.eq(at[:bits])
            word = read.data.word_select(part[2:], 32)
            m.d.comb += [self.o_word[n].eq(word), self.o_byte[n].eq(word.word_select(part[:2], 8))]
        return m

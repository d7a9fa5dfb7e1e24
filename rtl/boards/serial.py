"""Serial line, 8 bits without parity, one stop bit: pins to bytes and back."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import cdc, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl import signatures


class Receiver(wiring.Component):
    """A byte is there in the middle of its stop bit, and waits until it is taken; the next one is `bad` if it found no room, or had no
    stop bit. `clocks_per_bit`: 4 at least, 8 to bear a host's clock that differs by 3 %."""

    def __init__(self, clocks_per_bit: int):
        self.clocks_per_bit = clocks_per_bit
        super().__init__({"i": In(1, init=1), "o": Out(stream.Signature(signatures.serial_byte()))})

    def elaborate(self, platform):
        m = Module()
        line, held = Signal(init=1), self.o.payload
        m.submodules.synchronizer = cdc.FFSynchronizer(self.i, line, init=1)
        left, bit, bits = Signal(range(self.clocks_per_bit)), Signal(range(11)), Signal(8)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(bit == 0):
            with m.If(~line):
                m.d.sync += [bit.eq(10), left.eq(self.clocks_per_bit // 2 - 1)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Else():
            m.d.sync += [left.eq(self.clocks_per_bit - 1), bit.eq(bit - 1), bits.eq(Cat(bits[1:], line))]
            with m.If((bit == 10) & line):  # no start bit, only a spike
                m.d.sync += bit.eq(0)
            with m.Elif(bit == 1):
                lost = self.o.valid & ~self.o.ready
                m.d.sync += [self.o.valid.eq(1), held.byte.eq(bits), held.bad.eq(lost | ~line)]
        return m


class Sender(wiring.Component):
    def __init__(self, clocks_per_bit: int):
        self.clocks_per_bit = clocks_per_bit
        super().__init__({"i": In(stream.Signature(8)), "o": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        left, bit, bits = Signal(range(self.clocks_per_bit)), Signal(range(11)), Signal(10, init=-1)
        m.d.comb += [self.i.ready.eq(bit == 0), self.o.eq(bits[0])]
        with m.If(bit == 0):
            with m.If(self.i.valid):
                m.d.sync += [bits.eq(Cat(0, self.i.payload, 1)), bit.eq(10), left.eq(self.clocks_per_bit - 1)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Else():
            m.d.sync += [left.eq(self.clocks_per_bit - 1), bit.eq(bit - 1), bits.eq(Cat(bits[1:], 1))]
        return m

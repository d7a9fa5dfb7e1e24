"""N:M selection in gates: the activation that a kept weight meets. Twin: hwsim/components/array.py counts it, `select`."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import PESpec
from rtl import signatures


class NMSelect(wiring.Component):
    def __init__(self, spec: PESpec):
        self.spec = spec
        super().__init__(
            {
                "i_block": In(signatures.block(spec)),
                "i_offset": In(spec.offset_bits),
                "o": Out(signatures.element(spec)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.i_block[self.i_offset])
        return m

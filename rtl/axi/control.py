"""Registers of the machine behind AXI4-Lite: one read and one write at a time, each answered in the cycle behind its last part.

A read or write of what is no register, and a write to one that is only read, is answered with SLVERR and changes nothing.
"""

from dataclasses import dataclass

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.axi.channels import LITE_BITS, OKAY, SLVERR, control_ports

IDENTITY = 0x6877736D  # "hwsm"


@dataclass(frozen=True)
class Register:
    name: str
    written: bool
    what: str

    @property
    def place(self) -> int:
        return REGISTERS.index(self)

    @property
    def address(self) -> int:
        """In bytes."""
        return self.place * LITE_BITS // 8


REGISTERS = (
    Register("identity", False, f"{IDENTITY:#x}"),
    Register("digest_low", False, "of the spec that the machine was made from"),
    Register("digest_high", False, "its upper 32 bits"),
    Register("control", True, "bit 0: 1 runs the Program, 0 holds the machine in reset"),
    Register("status", False, "bit 0: runs; bit 1: has ended; bit 2: memory has refused an access"),
    Register("base_low", True, "address of the first command"),
    Register("base_high", True, "its upper bits"),
    Register("words", True, "commands, `end` included"),
    Register("cycles_low", False, "from the start to the end, both included"),
    Register("cycles_high", False, "its upper 32 bits"),
)
PLACE = {r.name: r.place for r in REGISTERS}


class AxiControl(wiring.Component):
    """`o_run`: the machine is out of reset; `i_ended`, `i_failed`: what status says of it, as long as it is."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec = spec
        super().__init__(
            {
                "o_run": Out(1),
                "o_base": Out(signatures.address(spec)),
                "o_words": Out(32),
                "i_ended": In(1),
                "i_failed": In(1),
                **control_ports(),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self.values = values = [Signal(LITE_BITS, name=r.name) for r in REGISTERS]
        digest, run, cycles = int(self.spec.digest, 16), values[PLACE["control"]][0], Signal(64)
        told = {
            "identity": IDENTITY,
            "digest_low": digest & 0xFFFFFFFF,
            "digest_high": digest >> 32,
            "status": Cat(run & ~self.i_ended, run & self.i_ended, self.i_failed),
            "cycles_low": cycles[:32],
            "cycles_high": cycles[32:],
        }
        m.d.comb += [values[PLACE[name]].eq(value) for name, value in told.items()]
        m.d.comb += [
            self.o_run.eq(run),
            self.o_base.eq(Cat(values[PLACE["base_low"]], values[PLACE["base_high"]])),
            self.o_words.eq(values[PLACE["words"]]),
        ]
        with m.If(~run):
            m.d.sync += cycles.eq(0)
        with m.Elif(~self.i_ended):
            m.d.sync += cycles.eq(cycles + 1)
        self._write(m)
        self._read(m)
        return m

    def _write(self, m: Module) -> None:
        """Address and data come in any order."""
        address, data, strobes = Signal.like(self.s_axi_awaddr), Signal(LITE_BITS), Signal(LITE_BITS // 8)
        got_address, got_data, known = Signal(), Signal(), Signal()
        both = got_address & got_data & ~self.s_axi_bvalid
        m.d.comb += [self.s_axi_awready.eq(~got_address), self.s_axi_wready.eq(~got_data)]
        with m.If(self.s_axi_awvalid & ~got_address):
            m.d.sync += [address.eq(self.s_axi_awaddr), got_address.eq(1)]
        with m.If(self.s_axi_wvalid & ~got_data):
            m.d.sync += [data.eq(self.s_axi_wdata), strobes.eq(self.s_axi_wstrb), got_data.eq(1)]
        mask = Cat(bit.replicate(8) for bit in strobes)
        with m.If(self.s_axi_bvalid & self.s_axi_bready):
            m.d.sync += self.s_axi_bvalid.eq(0)
        with m.Switch(address[2:]):
            for register in REGISTERS:
                if register.written:
                    value = self.values[register.place]
                    with m.Case(register.place):
                        m.d.comb += known.eq(1)
                        with m.If(both):
                            m.d.sync += value.eq((value & ~mask) | (data & mask))
        with m.If(both):
            m.d.sync += [got_address.eq(0), got_data.eq(0), self.s_axi_bvalid.eq(1), self.s_axi_bresp.eq(Mux(known, OKAY, SLVERR))]

    def _read(self, m: Module) -> None:
        place = self.s_axi_araddr[2:]
        known, take = place < len(REGISTERS), self.s_axi_arvalid & self.s_axi_arready
        m.d.comb += self.s_axi_arready.eq(~self.s_axi_rvalid)
        with m.If(take):
            m.d.sync += [
                self.s_axi_rvalid.eq(1),
                self.s_axi_rdata.eq(Mux(known, Array(self.values)[place], 0)),
                self.s_axi_rresp.eq(Mux(known, OKAY, SLVERR)),
            ]
        with m.Elif(self.s_axi_rready):
            m.d.sync += self.s_axi_rvalid.eq(0)

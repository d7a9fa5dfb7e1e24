"""The machine's memory port as an AXI4 master: a burst of one beat a request, up to `OUTSTANDING` of them under way.

A read waits until every write before it is answered, and a write until every read before it is, so memory sees what the port asked in
the port's order, whatever the interconnect does between the channels. It is never reset while something is under way.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.axi.channels import FIXED, check_width, failed, held, memory_ports

OUTSTANDING = 64


class AxiMemory(wiring.Component):
    """`o_quiet`: nothing is under way. `o_failed`: memory has refused something since `i_clear`."""

    def __init__(self, spec: AcceleratorSpec):
        check_width(spec)
        self.spec = spec
        super().__init__(
            {
                "i_request": In(stream.Signature(signatures.memory_request(spec))),
                "o_response": Out(signatures.flow(signatures.beat(spec))),
                "i_clear": In(1),
                "o_quiet": Out(1),
                "o_failed": Out(1),
                **memory_ports(spec),
            }
        )

    def elaborate(self, platform):
        m, request = Module(), self.i_request.payload
        reads, writes = Signal(range(OUTSTANDING + 1)), Signal(range(OUTSTANDING + 1))
        take = self.i_request.valid & self.i_request.ready
        read, write = take & ~request.write, take & request.write
        aw, ar = (self._address(m, c, taken) for c, taken in (("aw", write), ("ar", read)))
        w_valid, w, w_room = held(m, signatures.write_request(self.spec), write, self.m_axi_wready, "w")
        with m.If(write):
            m.d.sync += [w.data.eq(request.data), w.mask.eq(request.mask)]
        read_room = ar & (writes == 0) & (reads != OUTSTANDING)
        write_room = aw & w_room & (reads == 0) & (writes != OUTSTANDING)
        answered, written = self.m_axi_rvalid & self.m_axi_rready, self.m_axi_bvalid & self.m_axi_bready
        m.d.comb += [
            self.i_request.ready.eq(Mux(request.write, write_room, read_room)),
            self.m_axi_wvalid.eq(w_valid),
            self.m_axi_wdata.eq(w.data),
            self.m_axi_wstrb.eq(w.mask),
            self.m_axi_wlast.eq(1),
            self.m_axi_bready.eq(writes != 0),
            self.m_axi_rready.eq(reads != 0),
            self.o_response.valid.eq(answered),
            self.o_response.payload.eq(self.m_axi_rdata),
            self.o_quiet.eq((reads == 0) & (writes == 0)),
        ]
        m.d.sync += [reads.eq(reads + read - answered), writes.eq(writes + write - written)]
        with m.If(self.i_clear):
            m.d.sync += self.o_failed.eq(0)
        with m.Elif((answered & failed(self.m_axi_rresp)) | (written & failed(self.m_axi_bresp))):
            m.d.sync += self.o_failed.eq(1)
        return m

    def _address(self, m: Module, channel: str, take):
        """Returns whether the channel has room."""
        size = (self.spec.memory.beat_bytes - 1).bit_length()
        valid, payload, room = held(m, signatures.read_request(self.spec), take, getattr(self, f"m_axi_{channel}ready"), channel)
        with m.If(take):
            m.d.sync += payload.address.eq(Cat(Const(0, size), self.i_request.payload.address[size:]))
        m.d.comb += [
            getattr(self, f"m_axi_{channel}valid").eq(valid),
            getattr(self, f"m_axi_{channel}addr").eq(payload.address),
            getattr(self, f"m_axi_{channel}size").eq(size),
            *(getattr(self, f"m_axi_{channel}{name}").eq(value) for name, (_, value) in FIXED.items()),
        ]
        return room

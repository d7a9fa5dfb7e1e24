"""The machine as a block of a larger chip: AXI4 to memory, AXI4-Lite to its registers. It stands outside the twin boundary: the machine
inside is held equal to the engine, what memory answers here has no fixed cycle.
"""

from amaranth.hdl import ClockDomain, ClockSignal, DomainRenamer, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hwsim.spec.machine import AcceleratorSpec
from rtl.axi.channels import control_ports, memory_ports
from rtl.axi.control import AxiControl
from rtl.axi.memory import AxiMemory
from rtl.top import Top


class AxiTop(wiring.Component):
    """`o_interrupt`: the Program has ended, everything that it wrote is in memory; or memory has refused an access."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec = spec
        super().__init__({"o_interrupt": Out(1), **memory_ports(spec), **control_ports()})

    def elaborate(self, platform):
        m, stopped = Module(), Signal()
        m.domains.machine = domain = ClockDomain("machine", local=True)
        m.d.comb += [domain.clk.eq(ClockSignal()), domain.rst.eq(ResetSignal() | stopped)]
        m.submodules.control = control = AxiControl(self.spec)
        m.submodules.memory = memory = AxiMemory(self.spec)
        m.submodules.machine = machine = DomainRenamer("machine")(Top(self.spec))
        for side, ports in ((control, control_ports()), (memory, memory_ports(self.spec))):
            for name, member in ports.items():
                inner, outer = getattr(side, name), getattr(self, name)
                m.d.comb += outer.eq(inner) if member.flow is Out else inner.eq(outer)
        started, ended = Signal(), Signal()
        with m.If(~control.o_run):
            m.d.sync += started.eq(0)
        with m.Elif(memory.o_quiet):  # what a stopped Program has asked is answered before the next one starts
            m.d.sync += started.eq(1)
        m.d.comb += [
            stopped.eq(~(control.o_run & started)),
            ended.eq(started & machine.o_ended & memory.o_quiet),
            machine.i_base.eq(control.o_base),
            machine.i_words.eq(control.o_words),
            memory.i_clear.eq(~started),
            control.i_ended.eq(ended),
            control.i_failed.eq(memory.o_failed),
            self.o_interrupt.eq(control.o_run & (ended | memory.o_failed)),
        ]
        wiring.connect(m, machine.o_request, memory.i_request)
        m.d.comb += [machine.i_response.payload.eq(memory.o_response.payload), machine.i_response.valid.eq(memory.o_response.valid)]
        return m

"""A machine on a small board: the image in block RAM, a host on a serial line. docs/fpga.md says how to speak with it."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl.boards.bridge import Bridge
from rtl.boards.ram import Ram
from rtl.boards.resets import Resets
from rtl.boards.serial import Receiver, Sender
from rtl.top import Top

SILENCE_BITS = 1 << 14  # what a host's driver may pause inside a frame: 0.14 s at 115200 bits a second


class System(wiring.Component):
    """`size`: bytes of memory, a power of two. Between Programs the machine is held in reset."""

    def __init__(self, spec: AcceleratorSpec, size: int, clocks_per_bit: int, silence_bits: int = SILENCE_BITS):
        self.spec, self.size, self.clocks_per_bit = spec, size, clocks_per_bit
        self.silence = silence_bits * clocks_per_bit
        super().__init__({"i_serial": In(1, init=1), "o_serial": Out(1, init=1), "o_running": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = Receiver(self.clocks_per_bit)
        m.submodules.sender = sender = Sender(self.clocks_per_bit)
        m.submodules.bridge = bridge = Bridge(self.spec, self.size, self.silence)
        m.submodules.ram = ram = Ram(self.spec, self.size)
        started, self.machine = Signal(), Top(self.spec)
        m.submodules.machine = Resets(m, bridge.o_run).held(self.machine, platform)
        wiring.connect(m, receiver.o, bridge.i)
        wiring.connect(m, bridge.o, sender.i)
        machine, running, request = self.machine, bridge.o_run & started, ram.i_request
        m.d.sync += started.eq(bridge.o_run)
        m.d.comb += [
            receiver.i.eq(self.i_serial),
            self.o_serial.eq(sender.o),
            self.o_running.eq(running),
            bridge.i_started.eq(started),
            machine.i_base.eq(bridge.o_base),
            machine.i_words.eq(bridge.o_words),
            bridge.i_ended.eq(machine.o_ended),
            request.valid.eq(Mux(running, machine.o_request.valid, bridge.o_request.valid)),
            request.payload.eq(Mux(running, machine.o_request.payload.as_value(), bridge.o_request.payload.as_value())),
            machine.o_request.ready.eq(running & request.ready),
            bridge.o_request.ready.eq(~running & request.ready),
        ]
        for side in (machine, bridge):
            m.d.comb += [side.i_response.payload.eq(ram.o_response.payload), side.i_response.valid.eq(ram.o_response.valid)]
        return m

"""Bridge: bytes of a serial line to a machine and its memory. hwsim/spec/serial.py has the frames, docs/fpga.md what they do.

A frame is checked before anything happens; data goes to memory as it comes, so that a wrong checksum behind it leaves its range to be
written again. What is refused is answered once the line has been silent for `silence` clocks, since its end cannot be told otherwise.
"""

from amaranth.hdl import Array as Select
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import WORD_BYTES
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.serial import (
    ANSWER_BYTE,
    CHECKSUM_BYTES,
    CHECKSUM_POLYNOMIAL,
    CHECKSUM_START,
    CYCLES_BYTES,
    HEADER_BYTES,
    START_BYTE,
    VERSION,
    Operation,
    State,
    Status,
)
from rtl import signatures

ANSWER_HEAD = 5  # ANSWER_BYTE, operation, status, length (2)


class Bridge(wiring.Component):
    """`size`: bytes of memory, a power of two. `o_run`: the machine is to run, from the cycle after START until `i_ended`;
    it does from `i_started` on."""

    def __init__(self, spec: AcceleratorSpec, size: int, silence: int):
        self.spec, self.size, self.silence = spec, size, silence
        super().__init__(
            {
                "i": In(stream.Signature(signatures.serial_byte())),
                "o": Out(stream.Signature(8)),
                "o_request": Out(stream.Signature(signatures.memory_request(spec))),
                "i_response": In(signatures.flow(signatures.beat(spec))),
                "o_run": Out(1),
                "o_base": Out(signatures.address(spec)),
                "o_words": Out(32),
                "i_started": In(1),
                "i_ended": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self.header, self.check = Signal(8 * HEADER_BYTES), Signal(8 * CHECKSUM_BYTES)
        self.bits = (self.size - 1).bit_length()  # of an address that is inside
        self.count, self.status = Signal(range(self.size + ANSWER_HEAD + CHECKSUM_BYTES)), Signal(range(len(Status)))
        self.operation, self.address, self.length = self.header[:8], self.header[8:40], self.header[40:]
        self.ended, self.cycles = Signal(), Signal(8 * CYCLES_BYTES)
        self.byte, self.there = Signal(8), Signal()  # of memory, read for the answer
        self._ranges(m)
        taken, silent = self._silence(m)
        self.summed = Signal(8)  # what goes into the checksum: a byte that comes, or one of the answer
        m.d.comb += self.summed.eq(self.i.payload.byte)
        self.checked = self._checked(self.summed)
        with m.If(self.o_run & self.i_started):
            m.d.sync += [self.cycles.eq(self.cycles + ~self.i_ended), self.o_run.eq(~self.i_ended), self.ended.eq(self.i_ended)]
        with m.FSM():
            with m.State("FIRST"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [self.count.eq(0), self.check.eq(CHECKSUM_START), self.status.eq(Status.OK)]
                with m.If(taken & ~self.i.payload.bad & (self.i.payload.byte == START_BYTE)):
                    m.next = "HEADER"
                with m.Elif(taken):
                    self._refuse(m, Mux(self.i.payload.bad, Status.LINE, Status.FIRST))
            with m.State("HEADER"):
                self._header(m, taken, silent)
            with m.State("DECIDE"):
                self._decide(m)
            with m.State("DATA"):
                self._data(m, taken, silent)
            with m.State("REFUSE"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(silent):
                    self._answer(m)
            with m.State("ASK"):
                m.d.comb += self.o_request.valid.eq(1)
                with m.If(self.o_request.ready):
                    m.next = "WAIT"
            with m.State("WAIT"):
                with m.If(self.i_response.valid):
                    bits = (self.spec.memory.beat_bytes - 1).bit_length()
                    m.d.sync += [self.byte.eq(self.i_response.payload.word_select(self.address[:bits], 8)), self.there.eq(1)]
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                self._send(m)
        self._request(m)
        return m

    def _silence(self, m: Module) -> tuple[Signal, Value]:
        """Whether a byte is taken, and whether none has been for `silence` clocks."""
        taken, left = Signal(), Signal(range(self.silence + 1), init=self.silence)
        m.d.comb += taken.eq(self.i.valid & self.i.ready)
        m.d.sync += left.eq(Mux(taken | ~self.i.ready, self.silence, left - (left != 0)))
        return taken, (left == 0) & ~self.i.valid

    def _refuse(self, m: Module, status: Value | int) -> None:
        m.d.sync += self.status.eq(status)
        m.next = "REFUSE"

    def _answer(self, m: Module) -> None:
        m.d.sync += [self.count.eq(0), self.check.eq(CHECKSUM_START)]
        m.next = "ANSWER"

    def _checked(self, byte: Value) -> Value:
        """The checksum with one byte more."""
        value: Value = self.check ^ (byte << 8)
        for _ in range(8):
            moved = Cat(Const(0, 1), value[: 8 * CHECKSUM_BYTES - 1])
            value = moved ^ Mux(value[8 * CHECKSUM_BYTES - 1], CHECKSUM_POLYNOMIAL, 0)
        return value

    def _next_address(self):
        return self.address[: self.bits].eq(self.address[: self.bits] + 1)

    def _header(self, m: Module, taken: Value, silent: Value) -> None:
        m.d.comb += self.i.ready.eq(1)
        with m.If(taken & self.i.payload.bad):
            self._refuse(m, Status.LINE)
        with m.Elif(taken):
            m.d.sync += [self.check.eq(self.checked), self.count.eq(self.count + 1)]
            with m.If(self.count < HEADER_BYTES):
                m.d.sync += self.header.eq(Cat(self.header[8:], self.i.payload.byte))
            with m.If(self.count == HEADER_BYTES + CHECKSUM_BYTES - 1):
                m.next = "DECIDE"
        with m.Elif(silent):
            m.d.sync += self.status.eq(Status.SHORT)
            self._answer(m)

    def _ranges(self, m: Module) -> None:
        """Whether the header's range is inside, of bytes and of commands: a cycle later, when its checksum has not come yet."""
        self.inside, self.commands = Signal(), Signal()
        bits, word = self.bits, (WORD_BYTES - 1).bit_length()
        somewhere = (self.length != 0) & (self.address[bits:] == 0)
        m.d.sync += [
            self.inside.eq(somewhere & (self.address[:bits] + self.length <= self.size)),
            self.commands.eq(somewhere & (self.address[:word] == 0) & (self.address[word:bits] + self.length <= self.size >> word)),
        ]

    def _decide(self, m: Module) -> None:
        """A checksum over data and its own checksum is 0."""
        op, bits, word = self.operation, self.bits, (WORD_BYTES - 1).bit_length()
        m.d.sync += [self.count.eq(self.length), self.check.eq(CHECKSUM_START)]
        with m.If(self.check != 0):
            self._refuse(m, Status.HEADER)
        with m.Elif((op == Operation.HELLO) | (op == Operation.STATUS)):
            self._answer(m)
        with m.Elif(op == Operation.STOP):
            m.d.sync += [self.o_run.eq(0), self.ended.eq(0)]
            self._answer(m)
        with m.Elif((op == 0) | (op > max(Operation))):
            self._refuse(m, Status.OPERATION)
        with m.Elif(self.o_run):
            self._refuse(m, Status.BUSY)
        with m.Elif(op == Operation.START):
            with m.If(self.commands):
                m.d.sync += [self.o_run.eq(1), self.ended.eq(0), self.cycles.eq(0)]
                m.d.sync += [self.o_base.eq(self.address[word:bits] << word), self.o_words.eq(self.length[: bits - word + 1])]
                self._answer(m)
            with m.Else():
                self._refuse(m, Status.RANGE)
        with m.Elif(~self.inside):
            self._refuse(m, Status.RANGE)
        with m.Elif(op == Operation.WRITE):
            m.next = "DATA"
        with m.Else():
            self._answer(m)

    def _data(self, m: Module, taken: Value, silent: Value) -> None:
        """`count` bytes to memory, then their checksum."""
        last, check = Signal(), self.checked
        m.d.comb += self.i.ready.eq((self.count == 0) | self.o_request.ready)
        with m.If(taken & self.i.payload.bad):
            self._refuse(m, Status.LINE)
        with m.Elif(taken):
            m.d.sync += [self.check.eq(check), last.eq(self.count == 0)]
            with m.If(self.count != 0):
                m.d.sync += [self.count.eq(self.count - 1), self._next_address()]
            with m.Elif(last & (check == 0)):
                self._answer(m)
            with m.Elif(last):
                self._refuse(m, Status.DATA)
        with m.Elif(silent):
            m.d.sync += self.status.eq(Status.SHORT)
            self._answer(m)
        m.d.comb += self.o_request.valid.eq(self.i.valid & ~self.i.payload.bad & (self.count != 0))

    def _request(self, m: Module) -> None:
        """One byte of a beat."""
        beat, out = self.spec.memory.beat_bytes, self.o_request.payload
        bits = (beat - 1).bit_length()
        m.d.comb += [
            out.write.eq(self.operation == Operation.WRITE),
            out.address.eq(self.address & ~(beat - 1)),
            out.mask.eq(1 << self.address[:bits]),
            out.data.eq(self.i.payload.byte.replicate(beat)),
        ]

    def _send(self, m: Module) -> None:
        """Byte `count` of the answer: head, payload, checksum, whose low byte moves up once the high one is checked."""
        ok = self.status == Status.OK
        fixed = {
            Operation.HELLO: [VERSION, *bytes.fromhex(self.spec.digest), self.size.bit_length() - 1],
            Operation.STATUS: [
                Mux(self.o_run, State.RUNNING, Mux(self.ended, State.ENDED, State.IDLE)),
                *(self.cycles.word_select(n, 8) for n in range(CYCLES_BYTES)),
            ],
        }
        size, byte, at, reads, memory = Signal(range(self.size + 1)), Signal(8), Signal.like(self.count), Signal(), Signal()
        check, last = Signal.like(self.count), Signal.like(self.count, init=ANSWER_HEAD + 1)  # bytes before the checksum, before its last
        # size and memory: from the second cycle on; check and last from the third
        m.d.sync += [size.eq(0), memory.eq(ok & (self.operation == Operation.READ))]
        m.d.sync += [check.eq(size + ANSWER_HEAD), last.eq(size + ANSWER_HEAD + CHECKSUM_BYTES - 1)]
        m.d.comb += [at.eq(self.count - ANSWER_HEAD), byte.eq(self.byte)]
        m.d.comb += reads.eq(memory & (self.count >= ANSWER_HEAD) & (self.count < check) & ~self.there)
        with m.If(ok & (self.operation == Operation.READ)):
            m.d.sync += size.eq(self.length)
        for operation, items in fixed.items():
            with m.If(ok & (self.operation == operation)):
                m.d.sync += size.eq(len(items))
                m.d.comb += byte.eq(Select(items)[at[: (len(items) - 1).bit_length()]])
        head, out = [Const(ANSWER_BYTE, 8), Mux(ok, self.operation, 0), self.status, size[:8], size[8:]], self.o.payload
        m.d.comb += [self.summed.eq(out), self.o.valid.eq(~reads), out.eq(Mux(self.count < check, byte, self.check[8:]))]
        with m.If(self.count < ANSWER_HEAD):
            m.d.comb += out.eq(Select(head)[self.count[:3]])
        with m.If(reads):
            m.next = "ASK"
        with m.Elif(self.o.ready):
            m.d.sync += [self.count.eq(self.count + 1), self.there.eq(0)]
            with m.If(self.there):
                m.d.sync += self._next_address()
            with m.If(self.count != 0):
                m.d.sync += self.check.eq(self.checked)
            with m.If(self.count == last):
                m.next = "FIRST"

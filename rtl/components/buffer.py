"""Levels in gates. Twin: hwsim/values/state.py, bytes in order; docs/machine.md says who may touch a bank in which cycle.

A bank is as many memories of one byte as a port is wide, byte k of the bank in memory k mod lanes, so that a read or write may begin at any
byte. What is asked in a cycle is there in the next, with all that was written until then.
"""

from amaranth.hdl import Array as Select
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import LEVELS
from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures, turns

RACES = {"no_rw_check": True}  # what a row reads while it is written is not taken from the memory
READERS = {"vec": ("vector", "store")}


class Bank(wiring.Component):
    """One write (each lane at a row of its own) and one read (as many bytes as lanes, from `i_read` on) a cycle. `o_data`: the lanes as
    they stand, byte j of the read in lane (i_read + j) mod lanes."""

    def __init__(self, size: int, lanes: int, init: bytes = b""):
        self.size, self.lanes, self.init = size, lanes, init.ljust(size, b"\0")
        self.address, row = (size - 1).bit_length(), range(max(2, -(-size // lanes)))
        super().__init__(
            {
                "i_read": In(self.address),
                "o_data": Out(8 * lanes),
                **{f"i_write_{k}": In(wiring.Signature({"en": Out(1), "row": Out(row), "data": Out(8)})) for k in range(lanes)},
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits = (self.lanes - 1).bit_length()
        start, row = self.i_read[:bits], self.i_read[bits:]
        m.d.comb += self.o_data.eq(Cat(self._lane(m, k, row + (k < start)) for k in range(self.lanes)))
        return m

    def _lane(self, m: Module, k: int, row: Value) -> Value:
        """Byte k of each row. What is written in the cycle of a read is put in behind the memory, whose own word for it does not count."""
        rows, port = max(2, -(-self.size // self.lanes)), getattr(self, f"i_write_{k}")
        init = list(self.init[k :: self.lanes])
        m.submodules[f"lane_{k}"] = memory = Memory(shape=8, depth=rows, init=init, attrs=RACES)
        write, read = memory.write_port(), memory.read_port(domain="comb")
        read_row, old = Signal(range(rows), name=f"read_row_{k}", reset_less=True), Signal(8, name=f"old_{k}", reset_less=True)
        wrote = Signal(data.StructLayout({"en": 1, "row": range(rows), "data": 8}), name=f"wrote_{k}", reset_less=True)
        m.d.comb += [write.en.eq(port.en), write.addr.eq(port.row), write.data.eq(port.data), read.addr.eq(row)]
        m.d.sync += [old.eq(read.data), read_row.eq(row), wrote.en.eq(port.en), wrote.row.eq(port.row), wrote.data.eq(port.data)]
        return Mux(wrote.en & (wrote.row == read_row), wrote.data, old)


class Buffer(wiring.Component):
    """One level. `i_write`: a beat of fetch, if it is for this level. Level vec: `i_vector` is written where fetch does not write; a bank
    that the vector unit reads in this cycle (`i_held`) answers `vector`, any other one `store`. Level act gives its lanes as they stand:
    feed turns them for each row of PEs."""

    def __init__(self, spec: AcceleratorSpec, level: str, init: bytes = b""):
        self.spec, self.level, self.part, self.init = spec, level, getattr(spec.levels, level), init
        self.lanes, self.readers = signatures.lanes_of(spec, level), READERS.get(level, ("only",))
        if self.part.bank_bytes % self.lanes:
            bound = f"{self.part.bank_bytes} bytes a bank have no gates; use a multiple of {self.lanes}"
            raise SpecError(f"levels.{level}.capacity_bits: {bound}")
        vector = {"i_vector": In(signatures.flow(signatures.vec_write(spec))), "i_held": In(self.part.banks)}
        super().__init__(
            {
                "i_write": In(signatures.flow(signatures.level_write(spec))),
                **{f"i_read_{r}": In(signatures.read_side(spec)) for r in self.readers},
                **{f"o_{r}": Out(8 * self.lanes) for r in self.readers},
                **(vector if level == "vec" else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        banks = self.part.banks if self.level == "vec" else 1
        size = self.part.capacity_bytes // banks
        made = [Bank(size, self.lanes, self.init[k * size : (k + 1) * size]) for k in range(banks)]
        beat, mine = self.i_write.payload, Signal()
        m.d.comb += mine.eq(self.i_write.valid & (beat.level == LEVELS.index(self.level)))
        ways, scattered = self._ways(m), self._scattered(m) if self.level == "vec" else []
        for k, bank in enumerate(made):
            m.submodules[f"bank_{k}"] = bank
            loads = mine & (beat.bank == k) if banks > 1 else mine
            for lane, (row, byte, en) in enumerate(scattered):
                port = getattr(bank, f"i_write_{lane}")
                here = en & (self.i_vector.payload.bank == k) if banks > 1 else en
                m.d.comb += [port.en.eq(here), port.row.eq(row - k * (size // self.lanes)), port.data.eq(byte)]
            with m.If(loads):
                for lane, (row, byte, en) in enumerate(ways):
                    port = getattr(bank, f"i_write_{lane}")
                    m.d.comb += [port.en.eq(en), port.row.eq(row - k * (size // self.lanes)), port.data.eq(byte)]
            reads = [getattr(self, f"i_read_{r}").address - k * size for r in self.readers]
            wanted = Mux(self.i_held[k], *reads) if len(reads) > 1 else reads[0]
            m.d.comb += bank.i_read.eq(wanted)
        for reader in self.readers:
            asked, out = getattr(self, f"i_read_{reader}"), getattr(self, f"o_{reader}")
            start = Signal((self.lanes - 1).bit_length(), name=f"start_of_{reader}")
            which = Signal.like(asked.bank, name=f"bank_of_{reader}")
            m.d.sync += [start.eq(asked.address), which.eq(asked.bank)]
            lanes = Select([bank.o_data for bank in made])[which] if banks > 1 else made[0].o_data
            m.d.comb += out.eq(lanes if self.level == "act" else turns.right(lanes, start, 8))
        return m

    def _ways(self, m: Module) -> list[tuple[Value, Value, Value]]:
        """The beat of fetch, lane by lane: row, byte, whether it is written."""
        beat, bits = self.i_write.payload, (self.lanes - 1).bit_length()
        start, row = beat.address[:bits], beat.address[bits:]
        data, mask = Signal(8 * self.lanes), Signal(self.lanes)
        m.d.comb += [
            data.eq(turns.left(beat.data, start, 8, 8 * self.lanes)),
            mask.eq(turns.left(beat.mask, start, 1, self.lanes)),
        ]
        return [(row + (k < start), data[8 * k : 8 * k + 8], mask[k]) for k in range(self.lanes)]

    def _scattered(self, m: Module) -> list[tuple[Value, Value, Value]]:
        """What the vector unit writes, byte by byte into the lanes: row, byte, whether it is written."""
        new, bits, size = self.i_vector.payload, (self.lanes - 1).bit_length(), self.spec.pe.element_bytes
        ways = [(Signal(range(self.part.capacity_bytes // self.lanes)), Signal(8), Signal()) for _ in range(self.lanes)]
        for n in range(signatures.scattered(self.spec)):
            item = new.elements[n]
            for k in range(size):
                address = item.address + k
                for lane, (row, byte, en) in enumerate(ways):
                    with m.If(item.valid & (address[:bits] == lane)):  # whether it writes at all is known late
                        m.d.comb += [en.eq(self.i_vector.valid), row.eq(address[bits:]), byte.eq(item.data[8 * k : 8 * k + 8])]
        return ways


class Sums(wiring.Component):
    """Level acc: the accumulator reads and writes rows, the vector unit reads them."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, row = spec, signatures.acc_row(spec)
        super().__init__(
            {
                "i_write": In(signatures.flow(signatures.acc_write(spec))),
                "i_read_accumulator": In(row),
                "i_read_vector": In(row),
                "o_accumulator": Out(signatures.sums_row(spec)),
                "o_vector": Out(signatures.sums_row(spec)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        shape = self.o_vector.shape()
        m.submodules.rows = memory = Memory(shape=shape, depth=self.spec.acc_rows, init=[], attrs=RACES)
        write, wrote = memory.write_port(), Signal(self.i_write.payload.shape(), name="wrote", reset_less=True)
        written = Signal()
        m.d.comb += [write.en.eq(self.i_write.valid), write.addr.eq(self.i_write.payload.row), write.data.eq(self.i_write.payload.sums)]
        m.d.sync += [wrote.eq(self.i_write.payload), written.eq(self.i_write.valid)]
        for reader in ("accumulator", "vector"):
            read, old = memory.read_port(domain="comb"), Signal(shape, name=f"old_{reader}", reset_less=True)
            row = Signal(range(self.spec.acc_rows), name=f"row_{reader}", reset_less=True)
            m.d.comb += read.addr.eq(getattr(self, f"i_read_{reader}"))
            m.d.sync += [old.eq(read.data), row.eq(read.addr)]
            m.d.comb += getattr(self, f"o_{reader}").eq(Mux(written & (wrote.row == row), wrote.sums.as_value(), old.as_value()))
        return m

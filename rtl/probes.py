"""Probed: the whole machine with everything that its model also knows brought out, a vector of bits a cycle. For comparison; no product.

A probe has the name of the port that it watches (rtl/watched.py). Counters add up actions (rtl/counted.py); `i_peek` chooses a row of every
storage on chip, `o_peek` is what stands there.
"""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Fragment, Module, Signal, Value
from amaranth.hdl._mem import MemoryInstance
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import LEVELS
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.counted import COUNT_BITS, Counted
from rtl.top import Top
from rtl.trace import WORD_BYTES, bytes_of, trace_words
from rtl.watched import watched


@dataclass(frozen=True)
class Storage:
    """One memory of a level: bits `start` and on of `o_peek`."""

    level: str
    bank: int
    lane: int
    rows: int
    start: int
    bits: int


def level_storages(spec: AcceleratorSpec) -> list[Storage]:
    """Lane by lane, as rtl/components/buffer.py has them; acc is one memory of whole rows."""
    out, start = [], 0
    for level in LEVELS:
        part, lanes = getattr(spec.levels, level), signatures.lanes_of(spec, level)
        banks = part.banks if level == "vec" else 1
        for bank in range(banks):
            for lane in range(lanes):
                out.append(Storage(level, bank, lane, part.capacity_bytes // banks // lanes, start, 8))
                start += 8
    return [*out, Storage("acc", 0, 0, spec.acc_rows, start, spec.array.cols * spec.pe.sum_bits)]


class Probed(wiring.Component):
    """Ports of Top, flat. `probes` and `counts` name the parts of `o_trace` and `o_counts`, lowest first; `signed`: probes of
    numbers with a sign."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.top = spec, Top(spec)
        self.storages = level_storages(spec)
        self.fragment = Fragment.get(self.top, None)
        self._probes = watched(spec, self.top)
        self.probes = {name: len(value) for name, value in self._probes.items()}
        self.signed = frozenset(name for name, value in self._probes.items() if value.shape().signed)
        self._counted = Counted(spec, self.top)
        self.counts = tuple(self._counted.grows)
        rows = max(s.rows for s in self.storages)
        super().__init__(
            {
                "i_base": In(signatures.address(spec)),
                "i_words": In(32),
                "i_valid": In(1),
                "i_data": In(signatures.beat(spec)),
                "i_peek": In(range(rows)),
                "o_valid": Out(1),
                "o_write": Out(1),
                "o_address": Out(signatures.address(spec)),
                "o_mask": Out(spec.memory.beat_bytes),
                "o_data": Out(signatures.beat(spec)),
                "o_ended": Out(1),
                "o_trace": Out(8 * WORD_BYTES * trace_words(self.probes)),
                "o_counts": Out(COUNT_BITS * len(self.counts)),
                "o_peek": Out(sum(s.bits for s in self.storages)),
            }
        )

    def elaborate(self, platform):
        m, top = Module(), self.top
        m.submodules.machine = self.fragment
        request = top.o_request
        m.d.comb += [
            top.i_base.eq(self.i_base),
            top.i_words.eq(self.i_words),
            top.i_response.valid.eq(self.i_valid),
            top.i_response.payload.eq(self.i_data),
            request.ready.eq(1),
            self.o_valid.eq(request.valid),
            *(getattr(self, f"o_{n}").eq(request.payload[n]) for n in ("write", "address", "mask", "data")),
            self.o_ended.eq(top.o_ended),
            self.o_trace.eq(Cat(Cat(v, Const(0, 8 * bytes_of(len(v)) - len(v))) for v in self._probes.values())),
            self.o_peek.eq(self._peek()),
        ]
        m.d.sync += self._counted.registers
        sums = []
        for name, value in self._counted.grows.items():
            total = Signal(COUNT_BITS, name=f"count_{name.replace('.', '_')}")
            m.d.sync += total.eq(total + value)
            sums.append(total)
        m.d.comb += self.o_counts.eq(Cat(sums))
        return m

    def _peek(self) -> Value:
        """A reader more for each memory of the levels, which is not there in the machine."""
        found = {}
        for path, memory in _memories(self.fragment, ()):
            if path[0].startswith("level_"):
                numbers = [int(p.rsplit("_", 1)[1]) for p in path[1:] if p.startswith(("bank_", "lane_"))]
                found[path[0].removeprefix("level_"), *(numbers or (0, 0))] = memory
        out = []
        for s in self.storages:
            read = Signal(s.bits, name=f"peek_{s.level}_{s.bank}_{s.lane}")
            row = self.i_peek[: max(1, (s.rows - 1).bit_length())]
            found[s.level, s.bank, s.lane].read_port(domain="comb", addr=row, data=read, en=Const(1), transparent_for=())
            out.append(read)
        return Cat(out)


def _memories(fragment: Fragment, path: tuple[str, ...]):
    for inside, name, _ in fragment.subfragments:
        if isinstance(inside, MemoryInstance):
            yield (*path, name), inside
        else:
            yield from _memories(inside, (*path, name))

"""Probed: the whole machine with everything that its model also knows brought out, a vector of bits a cycle. For comparison; no product.

A probe has the name of the port that it watches, `array.i_batch.taken`. Ports of links are watched on both ends: what is given and taken in
this cycle, and whether there is room and an item. What a port carries is 0 while there is no item. Counters add up the actions of
hwsim/result.py where ports show them; `i_peek` chooses a row of every storage on chip, `o_peek` is what stands there.
"""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Fragment, Module, Mux, Signal, Value
from amaranth.hdl._mem import MemoryInstance
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import LEVELS, QUEUE_NAMES
from hwsim.spec.machine import AcceleratorSpec, PESpec
from rtl import signatures
from rtl.top import REQUESTERS, Top

UNITS = ("fetch", "feed", "vector", "writeback")  # of the queues
# link of top.py: who gives, through which port, who takes
ENDS = {
    **{f"to_{op}": ("sequencer", f"o_{op}", unit, "i") for op, unit in zip(QUEUE_NAMES, UNITS, strict=True)},
    **{f"ask_{name}": (name, "o_request", "memory", f"i_{name}") for name in REQUESTERS},
    "context": ("feed", "o_weights", "weight_loader", "i"),
    "batch": ("feed", "o_batch", "array", "i_batch"),
    "weight": ("weight_loader", "o", "array", "i_weight"),
}
COUNT_BITS = 64


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
    """Ports of Top, flat. `probes` and `counts` name the parts of `o_trace` and `o_counts`, lowest first; known after `elaborate`."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, self.top = spec, Top(spec)
        self.storages = level_storages(spec)
        self.fragment = Fragment.get(self.top, None)
        self._probes = self._watched()
        self.probes = {name: len(value) for name, value in self._probes.items()}
        self._counted = self._actions()
        self.counts = tuple(self._counted)
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
                "o_trace": Out(sum(self.probes.values())),
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
            self.o_trace.eq(Cat(self._probes.values())),
            self.o_peek.eq(self._peek()),
        ]
        m.d.sync += self._was_ended.eq(top.sequencer.o_ended)
        sums = []
        for name, value in self._counted.items():
            total = Signal(COUNT_BITS, name=f"count_{name.replace('.', '_')}")
            m.d.sync += total.eq(total + value)
            sums.append(total)
        m.d.comb += self.o_counts.eq(Cat(sums))
        return m

    def _watched(self) -> dict[str, Value]:
        """What a cycle begins with stands ahead of what happens in it: of several that differ the first is the cause."""
        top, links = self.top, dict[str, Value]()
        names = [(p, q) for p in range(4) for q in range(4)]
        tokens = {f"tokens.{QUEUE_NAMES[p]}_{QUEUE_NAMES[q]}": top.tokens.held[p][q] for p, q in names}
        for link, (giver, port_out, taker, port_in) in ENDS.items():
            i, o = top.links[link].i, top.links[link].o
            links[f"{taker}.{port_in}.taken"] = o.valid & o.ready
            links[f"{giver}.{port_out}.given"] = i.valid & i.ready
            links[f"{taker}.{port_in}.valid"] = o.valid
            links[f"{giver}.{port_out}.ready"] = i.ready
        write = top.fetch.o_write
        return {
            **tokens,
            **self._array(),
            **self._carried(),
            **links,
            **{f"{unit}.i_answer.valid": getattr(top, unit).i_answer.valid for unit in ("sequencer", "fetch")},
            "fetch.o_write.valid": write.valid,
            "fetch.o_write.level": _while(write.valid, write.payload.level),
            "accumulator.o_write.valid": top.accumulator.o_write.valid,
            **{f"{unit}.o_done": getattr(top, unit).o_done for unit in ("fetch", "accumulator", "vector", "writeback")},
            "top.o_ended": top.o_ended,
        }

    def _carried(self) -> dict[str, Value]:
        """What the model knows of the payload of ports."""
        top, out = self.top, dict[str, Value]()
        batch, weight, request = top.links["batch"].o, top.links["weight"].o, top.o_request
        config = batch.payload.config
        for name in ("os", "kept", "block_log2"):
            out[f"array.i_batch.{name}"] = _while(batch.valid, config[name])
        for name in ("steps", "pixels", "first", "last", "end"):
            out[f"array.i_batch.{name}"] = _while(batch.valid, batch.payload[name])
        for name in ("os", "kept", "last"):
            out[f"array.i_weight.{name}"] = _while(weight.valid, weight.payload[name])
        for name in ("write", "address"):
            out[f"memory.o_request.{name}"] = _while(request.valid, request.payload[name])
        out["memory.o_request.mask"] = _while(request.valid & request.payload.write, request.payload.mask)
        return out

    def _array(self) -> dict[str, Value]:
        array = self.top.array
        pes = [(f"array.pe[{r},{c}]", pe) for r, line in enumerate(array.pes) for c, pe in enumerate(line)]
        return {
            "array.o.valid": array.o.valid,
            "array.o.end": array.o.valid & array.o.payload.end,
            **{f"{name}.i_step": pe.i_step.valid for name, pe in pes},
            **{f"{name}.i_swap": pe.i_swap for name, pe in pes},
        }

    def _actions(self) -> dict[str, Value]:
        """What each action's count grows by in this cycle."""
        top, spec, links = self.top, self.spec, self.top.links
        given = {name: link.i.valid & link.i.ready for name, link in links.items()}
        write, request, pe = top.fetch.o_write, top.o_request, spec.pe
        was_ended = self._was_ended = Signal()
        loaded = Mux(write.valid, _ones(write.payload.mask) << 3, 0)
        answered = top.fetch.i_answer.valid
        word = Mux(top.sequencer.i_answer.valid, min(spec.memory.width_bits, 512), 0)
        stored = Mux(request.valid & request.payload.write, _ones(request.payload.mask) << 3, 0)
        into = {name: Mux(write.payload.level == n, loaded, 0) for n, name in enumerate(LEVELS)}
        written = sum(e.valid for e in top.vector.o_write.payload.elements)
        into["vec"] = into["vec"] + Mux(top.vector.o_write.valid, written * pe.element_bits, 0)
        return {
            "sequencer.command": sum(given[f"to_{op}"] for op in QUEUE_NAMES) + (top.sequencer.o_ended & ~was_ended),
            "memory.read_bits": word + Mux(answered, loaded, 0),
            "memory.write_bits": stored,
            **{f"{name}.write_bits": value for name, value in into.items()},
            "weight.read_bits": Mux(given["weight"], spec.array.cols * pe.element_bits, 0),
            "acc.write_bits": Mux(top.accumulator.o_write.valid, spec.array.cols * pe.sum_bits, 0),
            "pe.mac": sum(p.i_step.valid & _nonzero(pe, p.weight) & _nonzero(pe, p.act) for line in top.array.pes for p in line),
        }

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


def _while(valid: Value, value) -> Value:
    return Mux(valid, value, 0)


def _nonzero(pe: PESpec, operand) -> Value:
    """A zero of either sign is a zero."""
    return Value.cast(operand)[: 8 if pe.number == "int8" else 15].any()


def _ones(value: Value) -> Value:
    return sum((value[k] for k in range(len(value))), start=Const(0, 1))


def _memories(fragment: Fragment, path: tuple[str, ...]):
    for inside, name, _ in fragment.subfragments:
        if isinstance(inside, MemoryInstance):
            yield (*path, name), inside
        else:
            yield from _memories(inside, (*path, name))

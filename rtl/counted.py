"""Actions of hwsim/result.py, counted where ports show them: what each count grows by in a cycle.

Products that are skipped or only pad are not here: commands do not tell them from each other.
"""

from dataclasses import dataclass, field
from typing import Any

from amaranth.hdl import Array, Const, Mux, Signal, Value

from hwsim.spec.commands import LEVELS, QUEUE_NAMES
from hwsim.spec.machine import AcceleratorSpec, PESpec
from rtl import signatures
from rtl.signatures import Stage
from rtl.top import Top

COUNT_BITS = 64


@dataclass
class Counted:
    """`grows`: modulo 2**64. `registers`: statements of the clock domain that remember what a later cycle needs."""

    spec: AcceleratorSpec
    top: Top
    grows: dict[str, Value] = field(default_factory=dict)
    registers: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.given = {name: link.i.valid & link.i.ready for name, link in self.top.links.items()}
        self.taken = {name: link.o.valid & link.o.ready for name, link in self.top.links.items()}
        self._memory()
        self._products()
        self._sums()
        self._vector()

    def _later(self, value: Value, name: str) -> Signal:
        later = Signal(len(value), name=name)
        self.registers.append(later.eq(value))
        return later

    def _kept(self, when: Value, value: Value, name: str) -> Signal:
        """What a value was when last `when` held; from the next cycle on."""
        kept = Signal(len(value), name=name)
        self.registers.append(kept.eq(Mux(when, value, kept)))
        return kept

    def _memory(self) -> None:
        """Commands, loads, stores."""
        top, spec, write, request = self.top, self.spec, self.top.fetch.o_write, self.top.o_request
        loaded = Mux(write.valid, _ones(write.payload.mask) << 3, 0)
        word = Mux(top.sequencer.i_answer.valid, min(spec.memory.width_bits, 512), 0)
        asked = top.links["ask_writeback"].i.payload.mask
        begun = top.sequencer.o_ended & ~self._later(top.sequencer.o_ended, "was_ended")
        self.read_by_store = Mux(self.given["ask_writeback"], _ones(asked) << 3, 0)
        self.grows |= {
            "sequencer.command": sum(self.given[f"to_{op}"] for op in QUEUE_NAMES) + begun,
            "memory.read_bits": word + Mux(top.fetch.i_answer.valid, loaded, 0),
            "memory.write_bits": Mux(request.valid & request.payload.write, _ones(request.payload.mask) << 3, 0),
            **{f"{name}.write_bits": Mux(write.payload.level == n, loaded, 0) for n, name in enumerate(LEVELS)},
        }

    def _products(self) -> None:
        """Reads of act, weight and meta, and what the PEs do with them."""
        top, spec, pe, cols = self.top, self.spec, self.spec.pe, self.spec.array.cols
        new, batch, row = self.given["batch"], top.links["batch"].i.payload, self.given["weight"]
        chunk = sum(Mux(batch.steps == batch.config.kept * (k * pe.adder_latency_cycles), k, 0) for k in range(1, most_blocks(spec) + 1))
        blocks = batch.pixels * Mux(batch.config.os, chunk, batch.blocks)
        context = top.links["context"].o.payload
        log2 = self._kept(self.taken["context"], context.block_log2, "block_log2_of_rows")
        meta = Array(Const(8 * -(-cols * k // 8), 16) for k in range(pe.offset_bits + 1))[log2]
        pruned = self._kept(self.taken["batch"], top.links["batch"].o.payload.config.block_log2 != 0, "pruned")
        pes = [p for line in top.array.pes for p in line]
        macs = sum(p.i_step.valid & _nonzero(pe, p.weight) & _nonzero(pe, p.act) for p in pes)
        self.grows |= {
            "act.read_bits": Mux(new, (blocks << batch.config.block_log2) * pe.element_bits, 0),
            "weight.read_bits": Mux(row, cols * pe.element_bits, 0),
            "meta.read_bits": Mux(row, meta, 0),
            "nm_select.select": Mux(pruned, sum(p.i_step.valid for p in pes), 0),
            "pe.mac": macs,
            "pe.gated_mac": Mux(new, blocks * batch.config.kept * cols, 0) - macs,
        }

    def _sums(self) -> None:
        """Every row adds to what stands in acc, but those of the first fold of a command that does not accumulate."""
        unit, row_bits = self.top.accumulator, self.spec.array.cols * self.spec.pe.sum_bits
        walk = unit.i_walk
        fresh = Mux(walk.valid & ~walk.payload.accumulate, walk.payload.pixels * row_bits, 0)
        self.grows["acc.write_bits"] = Mux(unit.o_write.valid, row_bits, 0)
        self.grows["acc.read_bits"] = Mux(unit.i.valid, row_bits, 0) - fresh

    def _vector(self) -> None:
        """Of each beat what is in the row."""
        pe, walk, write = self.spec.pe, self.top.vector.walk, self.top.vector.o_write
        beat, c, fixed, width = walk.o_beat.payload, walk.o_command, walk.o_settled, self.spec.levels.vec.width_bits
        left = c.len - beat.e
        elements = Mux(left > fixed.lanes, fixed.lanes, left)
        words = Mux(fixed.by_row, elements, c.len)
        sizes = {
            Stage.A: elements * pe.element_bits, Stage.B: elements * pe.element_bits,
            Stage.BIAS: _part(words << 5, beat.k, width), Stage.SCALE: _part(words << 5, beat.k, width),
            Stage.WEIGHT: _part(((fixed.weights + 3) >> 2) << 5, beat.k, width), Stage.TABLE: _part(fixed.tables << 3, beat.k, width),
        }  # fmt: skip
        read = sum(Mux(walk.o_beat.valid & (beat.stage == stage), size, 0) for stage, size in sizes.items())
        of_acc = walk.o_beat.valid & ~c.from_vec & beat.ends
        of_vec = walk.o_beat.valid & (beat.stage == Stage.A)
        written = sum(e.valid for e in write.payload.elements)
        self.grows["acc.read_bits"] = self.grows["acc.read_bits"] + Mux(of_acc, elements * pe.sum_bits, 0)
        self.grows["vec.write_bits"] = self.grows["vec.write_bits"] + Mux(write.valid, written * pe.element_bits, 0)
        self.grows["vec.read_bits"] = read + self.read_by_store
        self.grows["vector.op"] = Mux(of_acc | of_vec, elements, 0)


def most_blocks(spec: AcceleratorSpec) -> int:
    """Blocks of one read of level act, at most."""
    return signatures.chunk_elements(spec)


def _part(whole: Value, k: Value, width: int) -> Value:
    """Bits of `whole` that read k gives."""
    left = (whole - k * width)[: len(whole) + len(k) + width.bit_length() + 1].as_signed()
    return Mux(left > width, width, Mux(left > 0, left, 0))


def _nonzero(pe: PESpec, operand) -> Value:
    """A zero of either sign is a zero."""
    return Value.cast(operand)[: 8 if pe.number == "int8" else 15].any()


def _ones(value: Value) -> Value:
    return sum((value[k] for k in range(len(value))), start=Const(0, 1))


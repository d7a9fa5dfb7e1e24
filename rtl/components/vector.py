"""Vector unit in gates. Twin: hwsim/components/vector.py, which says what it does and in which cycle.

`Walk` goes through the beats of a command, the lanes make results of what they read, `Results` writes them.
"""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.vector.float_plan import operation_cycles
from rtl.vector.floats import FloatLanes
from rtl.vector.integer import IntegerLanes, check_lanes
from rtl.vector.results import Results
from rtl.vector.walk import Walk


def check_vector(spec: AcceleratorSpec) -> None:
    width, lanes = spec.levels.vec.width_bits, spec.vector.lanes
    stores = signatures.table_bytes(spec) > 0 or {"depthwise", "layernorm"} & set(spec.vector.functions)
    if width & (width - 1) or (stores and width < 32):
        raise SpecError(f"levels.vec.width_bits: {width} has no gates; use a power of two{' from 32 on' if stores else ''}")
    if spec.vector.chunk_beats > 1 and (spec.pe.number != "int8" or {*spec.vector.functions} - {"map", "gelu", "silu"}):
        raise SpecError(f"vector.chunk_beats: {spec.vector.chunk_beats} has gates for int8 and map, gelu and silu alone; use 1")
    if lanes * spec.pe.element_bits > width:
        raise SpecError(f"vector.lanes: {lanes} elements are more than the {width} bits of a read; widen levels.vec.width_bits")
    if spec.pe.number == "int8":
        check_lanes(spec)
    else:
        operation_cycles(spec)


class Vector(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        check_vector(spec)
        self.spec = spec
        super().__init__(
            {
                "i": In(stream.Signature(signatures.command(spec, "vector"))),
                "tokens": Out(signatures.token_side()),
                "i_written": In(signatures.flow(data.StructLayout({"bank": signatures.vec_bank(spec)}))),  # by fetch, in this cycle
                "o_holds": Out(spec.levels.vec.banks),  # banks read in this cycle
                "o_reads": Out(spec.levels.vec.banks),  # banks read in the last cycle
                "o_read": Out(signatures.read_side(spec)),
                "i_data": In(spec.levels.vec.width_bits),
                "o_read_acc": Out(signatures.acc_row(spec)),
                "i_acc": In(signatures.sums_row(spec)),
                "o_write": Out(signatures.flow(signatures.vec_write(spec))),
                "o_done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walk = self.walk = walk = Walk(self.spec)
        m.submodules.lanes = lanes = (IntegerLanes if self.spec.pe.number == "int8" else FloatLanes)(self.spec)
        m.submodules.results = self.results = results = Results(self.spec)
        wiring.connect(m, wiring.flipped(self.i), walk.i)
        wiring.connect(m, walk.tokens, wiring.flipped(self.tokens))
        m.d.comb += [
            lanes.i_command.eq(walk.o_command),
            lanes.i_settled.eq(walk.o_settled),
            lanes.i_beat.payload.eq(walk.o_beat.payload),
            lanes.i_beat.valid.eq(walk.o_beat.valid),
            lanes.i_data.eq(self.i_data),
            lanes.i_acc.eq(self.i_acc),
            results.i.payload.eq(lanes.o.payload),
            results.i.valid.eq(lanes.o.valid),
            results.i_lane.eq(walk.o_command.dst_lane),
            results.i_written.payload.eq(self.i_written.payload),
            results.i_written.valid.eq(self.i_written.valid),
            walk.i_popped.eq(results.o_write.valid),
            self.o_write.payload.eq(results.o_write.payload),
            self.o_write.valid.eq(results.o_write.valid),
            self.o_holds.eq(walk.o_holds),
            self.o_read.address.eq(walk.o_read.address),
            self.o_read.bank.eq(walk.o_read.bank),
            self.o_read_acc.eq(walk.o_read_acc),
            self.o_done.eq(walk.o_done),
        ]
        m.d.sync += self.o_reads.eq(walk.o_holds)
        return m

"""CopyWalk: the beats of one load or store command, run by run, as docs/isa.md has them.

Byte j of a beat is byte `at` + j of the run, where that is one; `at` begins at -(mem mod W) (at 0 without memory), so that `mem` + `at`
is always the address of a whole beat.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


class CopyWalk(wiring.Component):
    """`i_open` loads a command, for the next cycle; `i_move` goes one beat on. `o_buf` is where byte 0 of the beat stands in its level;
    `o_next_buf` is that of the next cycle; `o_run`: byte 0 of the run does."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, level = spec, signatures.level_address(spec)
        super().__init__(
            {
                "i_open": In(1),
                "i_command": In(signatures.copy()),
                "i_move": In(1),
                "o_mem": Out(signatures.address(spec)),
                "o_buf": Out(level),
                "o_next_buf": Out(level),
                "o_run": Out(level),
                "o_next_run": Out(level),
                "o_mask": Out(spec.memory.beat_bytes),
                "o_last": Out(1),  # the last beat of the command
            }
        )

    def elaborate(self, platform):
        m = Module()
        level, mem = signatures.level_address(self.spec), signatures.address(self.spec)
        place = data.StructLayout(
            {
                "i0": 16, "i1": 16, "mem": mem, "mem_line": mem, "buf": level, "buf_line": level,
                "at": signed(level.width + 2),
            }
        )  # fmt: skip
        command, beat = Signal(signatures.copy()), self.spec.memory.beat_bytes
        now, later = Signal(place), Signal(place)
        run_ends = now.at + beat >= command.run
        line_ends = now.i0 + 1 == command.count0
        m.d.comb += [
            later.eq(now),
            self.o_mem.eq(now.mem + now.at),
            self.o_buf.eq(now.buf + now.at),
            self.o_next_buf.eq(later.buf + later.at),
            self.o_run.eq(now.buf),
            self.o_next_run.eq(later.buf),
            self.o_mask.eq(Cat((now.at + j >= 0) & (now.at + j < command.run) for j in range(beat))),
            self.o_last.eq(run_ends & line_ends & (now.i1 + 1 == command.count1)),
        ]
        m.d.sync += now.eq(later)
        with m.If(self.i_open):
            new = self.i_command
            m.d.sync += command.eq(new)
            m.d.comb += [later.i0.eq(0), later.i1.eq(0), later.at.eq(self._first(new.mem, new.fill))]
            for side in ("mem", "buf"):
                m.d.comb += [later[side].eq(new[side]), later[f"{side}_line"].eq(new[side])]
        with m.Elif(self.i_move & ~run_ends):
            m.d.comb += later.at.eq(now.at + beat)
        with m.Elif(self.i_move):
            m.d.comb += [
                later.i0.eq(Mux(line_ends, 0, now.i0 + 1)),
                later.i1.eq(now.i1 + line_ends),
                later.at.eq(self._first(later.mem, command.fill)),
            ]
            for side in ("mem", "buf"):
                here, line = now[side], now[f"{side}_line"]
                stride0, stride1 = command[f"{side}_stride0"], command[f"{side}_stride1"]
                moved = Mux(line_ends, line + stride1, here + stride0)
                m.d.comb += [
                    later[side].eq(moved),
                    later[f"{side}_line"].eq(Mux(line_ends, line + stride1, line)),
                ]
        return m

    def _first(self, mem, fill):
        bits = self.spec.memory.beat_bytes.bit_length() - 1
        return Mux(fill != 0, 0, -mem[:bits])

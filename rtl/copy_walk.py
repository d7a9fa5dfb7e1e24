"""CopyWalk: the beats of one load or store command, run by run, as docs/isa.md has them.

A run has the bytes `skip` to W - 1 of its first beat (`skip` = mem mod W, 0 without memory), whole beats behind it, and `tail` bytes of
its last (0: all). Where the next run starts is in registers, so a move only lets registers load: what they load is early in the cycle.
While no beat is there they load what `i_command` would begin with, and `i_open`, which is late, only says that it does.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures


class CopyWalk(wiring.Component):
    """`i_open` loads a command, for the next cycle, while no beat is there or with the last one's move; `i_move` goes one beat on.
    `o_buf` is where byte 0 of the beat stands in its level, `o_bank` the bank of its run; `o_next_buf`, `o_next_bank` are those of the
    next cycle, if it has a beat."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, level, bank = spec, signatures.level_address(spec), signatures.vec_bank(spec)
        super().__init__(
            {
                "i_open": In(1),
                "i_command": In(signatures.copy(spec)),
                "i_move": In(1),
                "o_there": Out(1),  # there is a beat
                "o_mem": Out(signatures.address(spec)),
                "o_buf": Out(level),
                "o_next_buf": Out(level),
                "o_bank": Out(bank),
                "o_next_bank": Out(bank),
                "o_mask": Out(spec.memory.beat_bytes),
                "o_last": Out(1),  # the last beat of the command
            }
        )

    def elaborate(self, platform):
        m = Module()
        # of byte 0 of a beat: of the next one, and, in registers, of the next run's first and of one more in this run
        self.next_buf, self.after_buf, self.further_buf = (Signal.like(self.o_buf, name=f"{n}_buf") for n in ("next", "after", "further"))
        new, command, wanted = self.i_command, Signal(self.i_command.shape()), Signal(self.i_command.shape())
        rests, moves = Signal(init=1), Signal()  # what may be loaded now is a command's first run; a run is loaded
        run_ends, last_run, next_ends, next_last = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            wanted.eq(Mux(rests, new, command)),
            moves.eq(~self.o_there | (self.i_move & run_ends)),
            self.o_last.eq(run_ends & last_run),
        ]
        with m.If(~self.o_there | self.i_move):
            m.d.sync += rests.eq((rests & ~self.i_open) | (next_ends & Mux(moves, next_last, last_run)))
        m.d.sync += self.o_there.eq(self.i_open | (self.o_there & ~(self.i_move & self.o_last)))
        with m.If(rests & moves):
            m.d.sync += command.eq(new)
        line_ends, first_of_line = self._counts(m, wanted, rests, moves, next_last), Signal()
        fresh = rests | first_of_line
        with m.If(moves):
            m.d.sync += [first_of_line.eq(line_ends), last_run.eq(next_last)]
        (mem, mem_after), (buf, buf_after) = (self._starts(m, side, wanted, rests, moves, fresh, line_ends) for side in ("mem", "buf"))
        with m.If(moves):
            m.d.sync += self.after_buf.eq(buf_after - self._skipped(wanted, mem_after))
        m.d.comb += self.next_buf.eq(
            Mux(rests, new.buf - self._skipped(new, new.mem), Mux(run_ends, self.after_buf, self.further_buf))
        )
        self._beats(m, wanted, rests | run_ends, moves, next_ends, run_ends, mem, buf)
        return m

    def _counts(self, m: Module, wanted, rests: Signal, moves: Signal, next_last: Signal) -> Signal:
        """Runs left in the line, and lines left, from the next run on. Returns whether the run that is loaded is the last of its line."""
        runs, runs_left = (Signal.like(wanted.count0, name=n) for n in ("runs", "runs_left"))
        lines, lines_left = (Signal.like(wanted.count1, name=n) for n in ("lines", "lines_left"))
        line_ends = Signal()
        m.d.comb += [
            runs.eq(Mux(rests, wanted.count0, runs_left)),
            lines.eq(Mux(rests, wanted.count1, lines_left)),
            line_ends.eq(Mux(rests, self.i_command.count0 == 1, runs_left == 1)),
            next_last.eq(line_ends & (lines == 1)),
        ]
        with m.If(moves):
            m.d.sync += [
                runs_left.eq(Mux(line_ends, wanted.count0, runs - 1)),
                lines_left.eq(lines - line_ends),
            ]
        return line_ends

    def _skipped(self, command, mem: Value) -> Value:
        """Bytes of a run's first beat that stand before it, if it starts at `mem`."""
        return Mux(command.fill == 0, mem[: (self.spec.memory.beat_bytes - 1).bit_length()], 0)

    def _starts(
        self, m: Module, side: str, wanted, rests: Signal, moves: Signal, fresh: Value, line_ends: Signal
    ) -> tuple[Signal, Signal]:
        """Where the run that is loaded starts, `fresh`: and its line; and where the next one does."""
        shape = signatures.level_address(self.spec) if side == "buf" else signatures.address(self.spec)
        start, line, after, following = (Signal(shape, name=f"{side}_{n}") for n in ("start", "line", "after", "following"))
        base, stride = Mux(line_ends & ~fresh, line, start), Mux(line_ends, wanted[f"{side}_stride1"], wanted[f"{side}_stride0"])
        m.d.comb += [start.eq(Mux(rests, wanted[side], after)), following.eq(base + stride)]
        with m.If(moves):
            m.d.sync += after.eq(following)
        with m.If(moves & fresh):
            m.d.sync += line.eq(start)
        return start, following

    def _beats(
        self, m: Module, wanted, new_run: Value, moves: Signal, next_ends: Signal, run_ends: Signal, mem: Signal, buf: Signal
    ) -> None:
        """The beat that is there, from registers. `left`, `tail`: whole beats and bytes of the run, from the start of the beat on."""
        beat = self.spec.memory.beat_bytes
        bits, most = (beat - 1).bit_length(), len(buf) + 1  # of a run: no more bytes than a level has
        row, skip, tail, left = (
            Signal(shape, name=name)
            for name, shape in (("row", len(mem) - bits), ("skip", bits), ("tail", bits), ("left", most - bits + 1))
        )
        first, ends, one, last, loads = Signal(bits), Signal(most + 1), Signal(), Signal(), Signal()
        next_buf, next_bank = self.next_buf, Signal.like(self.o_bank)
        m.d.comb += [
            first.eq(self._skipped(wanted, mem)),
            ends.eq(wanted.run[:most] + first),
            one.eq((wanted.run[bits + 1 : most] == 0) & (wanted.run[: bits + 1] + first <= beat)),
            last.eq((left == 1) | ((left == 2) & (tail == 0))),
            next_bank.eq(signatures.bank_of(self.spec, buf)),
            next_ends.eq(Mux(new_run, one, last)),
            loads.eq(~self.o_there | self.i_move),
            self.o_next_buf.eq(Mux(loads, next_buf, self.o_buf)),
            self.o_next_bank.eq(Mux(moves, next_bank, self.o_bank)),
            self.o_mem.eq(row << bits),
            self.o_mask.eq(Cat((j >= skip) & ((j < tail) | (tail == 0) | ~run_ends) for j in range(beat))),
        ]
        with m.If(loads):
            m.d.sync += [
                row.eq(Mux(new_run, mem[bits:], row + 1)),
                self.o_buf.eq(next_buf),
                self.further_buf.eq(next_buf + beat),
                skip.eq(Mux(new_run, first, 0)),
                left.eq(Mux(new_run, ends[bits:], left - 1)),
                run_ends.eq(next_ends),
            ]
        with m.If(moves):
            m.d.sync += [tail.eq(ends[:bits]), self.o_bank.eq(next_bank)]

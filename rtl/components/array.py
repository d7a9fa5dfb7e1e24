"""Array in gates, PE by PE. Twin: hwsim/components/array.py, which says what it does and in which cycle.

A batch is taken whole. Row 0 works from the next cycle on; row r + 1 starts when row r has used its last slot (ws), or one cycle after
it (os). Blocks wait in a triangle of registers that moves with these starts. Columns follow a cycle apart; the sums that leave are put
in step again at the bottom. Weights go to the shadow registers of a row at once in all columns (ws), or enter a column a cycle later
than its neighbour and flow south (os).
"""

from dataclasses import dataclass

from amaranth.hdl import Array as Select
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.components.pe import PE


@dataclass
class Folds:
    """ws: folds loaded, swap waves started, and waves that have passed each row; all modulo a power of two."""

    loads: Signal
    waves: Signal
    passed: list[Signal]
    loaded: Signal
    row: Signal
    slot: Signal


class Array(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        signatures.check_gates(spec)
        self.spec, self.rows, self.cols = spec, spec.array.rows, spec.array.cols
        super().__init__(
            {
                "i_batch": In(stream.Signature(signatures.batch(spec))),
                "i_weight": In(stream.Signature(signatures.weight_row(spec))),
                "o": Out(signatures.flow(signatures.row(spec))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self.pes = pes = [[PE(self.spec.pe) for _ in range(self.cols)] for _ in range(self.rows)]
        for r, line in enumerate(pes):
            for c, pe in enumerate(line):
                m.submodules[f"pe_{r}_{c}"] = pe
        folds, now = self._folds(), Signal(signatures.batch(self.spec))
        go, begin = Signal(), Signal(signatures.step(self.spec.pe))
        self._issue(m, folds, now, go, begin)
        self._load_shadow(m, folds, pes)
        self._rows(m, folds, now, go, begin, pes)
        self._south(m, now.config.os, pes)
        return m

    def start_rows(self, kept: int) -> int:
        """Weight rows in the shadow registers before a swap wave may start; a link of depth 1 brings one every second cycle."""
        if self.spec.link_depth > 1:
            return kept
        return self.rows * kept - (self.rows - 1) * kept // 2

    def _folds(self) -> Folds:
        wide, slots = bits_for(self.rows + 4), self.rows * self.spec.pe.kept_max
        return Folds(
            loads=Signal(wide),
            waves=Signal(wide),
            passed=[Signal(wide, name=f"passed_{r}") for r in range(self.rows)],
            loaded=Signal(range(slots + 1)),
            row=Signal(range(self.rows + 1)),
            slot=Signal(range(self.spec.pe.kept_max + 1)),
        )

    def _issue(self, m: Module, folds: Folds, now, go: Signal, begin) -> None:
        """Takes batches and issues their steps. `now`: the batch that is being issued; `go`: row 0 gets a block; `begin`: with what."""
        new, held, weights = self.i_batch.payload, Signal.like(now, name="held"), self.i_weight
        rows, cols, kept_max = self.rows, self.cols, self.spec.pe.kept_max
        stages = self.spec.pe.multiplier_latency_cycles
        take, step, block_done, ends = Signal(), Signal(), Signal(), Signal()
        slot, slot_now = Signal(range(kept_max)), Signal(range(kept_max))
        # until the last row has left; os: until the sums of the group before have left
        leaving = (
            (ends, rows + cols + stages + now.pixels),
            (take & ~now.config.os, rows * now.config.kept + cols + stages),
        )
        in_flight = self._countdown(m, "in_flight", rows * (kept_max + 1) + cols + stages, *leaving)
        group_wait = self._countdown(m, "group_wait", 2 * rows + cols, (ends, 2 * rows + cols - 2))
        may_start = new.config.os | ~new.first | self._fold_ready(m, folds, new.config.kept)
        drained = (new.config.as_value() == held.config.as_value()) | (in_flight == 0)
        last = now.last & (now.steps == 1)
        fed = weights.valid & weights.payload.os & ~(last & (group_wait != 0))
        m.d.comb += [
            self.i_batch.ready.eq((held.steps == 0) & drained & may_start),
            take.eq(self.i_batch.valid & self.i_batch.ready),
            now.eq(Mux(take, new.as_value(), held.as_value())),
            step.eq((now.steps != 0) & (~now.config.os | fed)),
            ends.eq(step & now.config.os & last),
            slot_now.eq(Mux(take, 0, slot)),
            block_done.eq(slot_now == now.config.kept - 1),
            go.eq(Mux(now.config.os, step, take)),
            begin.first.eq(now.first),
            begin.capture.eq(now.config.os & last),
            begin.end.eq(now.end),
        ]
        m.d.sync += [held.eq(now), slot.eq(slot_now)]
        with m.If(step):
            m.d.sync += [held.steps.eq(now.steps - 1), held.first.eq(0)]
            m.d.sync += slot.eq(Mux(block_done, 0, slot_now + 1))
        with m.If(step & now.config.os & block_done):
            for r in range(rows):
                m.d.sync += held.acts[r].eq(self._next_block(now.acts[r], now.config.block_log2))
        self._group = Signal.like(now.pixels)  # os: pixels of the group that is leaving
        with m.If(ends):
            m.d.sync += self._group.eq(now.pixels)
        with m.If(take & ~now.config.os & now.first):
            m.d.sync += folds.waves.eq(folds.waves + 1)

    @staticmethod
    def _countdown(m: Module, name: str, most: int, *starts: tuple[Value, Value | int]) -> Signal:
        """Cycles that are left; each of `starts` is when it begins anew, and from where."""
        left = Signal(range(most + 1), name=name)
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        for when, cycles in starts:
            with m.If(when):
                m.d.sync += left.eq(cycles)
        return left

    def _fold_ready(self, m: Module, folds: Folds, kept: Value) -> Value:
        """Enough weights of the next fold are in the shadow registers; the loader is at it, or done with it."""
        enough = Signal()
        with m.Switch(kept):
            for n in range(1, self.spec.pe.kept_max + 1):
                with m.Case(n):
                    m.d.comb += enough.eq(folds.loaded >= self.start_rows(n))
        return (folds.loads == (folds.waves + 1)[: len(folds.waves)]) | (
            (folds.loads == folds.waves) & enough
        )

    def _next_block(self, acts, block_log2: Value) -> Value:
        bits = self.spec.pe.element_bits
        moved = [acts.as_value() >> (bits << n) for n in range(self.spec.pe.block_max.bit_length())]
        return Select(moved)[block_log2]

    def _load_shadow(self, m: Module, folds: Folds, pes: list[list[PE]]) -> None:
        """ws: one weight row into row `row`, slot `slot`, once the wave of the fold before has passed the row."""
        new, f = self.i_weight.payload, folds
        ahead = f.loads == (f.waves + 1)[: len(f.waves)]
        free = Select(f.passed)[f.row] == f.loads
        load = Signal()
        m.d.comb += load.eq(self.i_weight.valid & ~new.os & ~ahead & free)
        for r, line in enumerate(pes):
            for c, pe in enumerate(line):
                m.d.comb += [
                    pe.i_load.eq(load & (f.row == r)),
                    pe.i_slot.eq(f.slot),
                    pe.i_weight.eq(new.weights[c]),
                ]
        with m.If(load):
            m.d.sync += [f.loaded.eq(f.loaded + 1), f.slot.eq(f.slot + 1)]
            with m.If(f.slot == new.kept - 1):
                m.d.sync += [f.slot.eq(0), f.row.eq(f.row + 1)]
            with m.If(new.last):
                m.d.sync += [f.loads.eq(f.loads + 1), f.loaded.eq(0), f.slot.eq(0), f.row.eq(0)]
        self._loading = load

    def _rows(self, m: Module, folds: Folds, now, go: Signal, begin, pes: list[list[PE]]) -> None:
        """The start of each row and what enters its first PE; tells `_south` when a row of sums leaves."""
        os, kept = now.config.os, now.config.kept
        m.d.comb += self.i_weight.ready.eq(self._loading | (os & go))
        blocks = [
            now.acts[r].as_value()[: signatures.block(self.spec.pe).size] for r in range(self.rows)
        ]
        for r, line in enumerate(pes):
            at = Signal(signatures.step(self.spec.pe), name=f"step_{r}")
            m.d.sync += at.valid.eq(go | (at.valid & ~os & (at.slot != kept - 1)))
            m.d.sync += at.slot.eq(at.slot + 1)
            with m.If(go):
                m.d.sync += [
                    at.slot.eq(0),
                    at.first.eq(begin.first),
                    at.capture.eq(begin.capture),
                    at.end.eq(begin.end),
                ]
                blocks = self._advance(m, r, blocks)
            m.d.comb += [
                line[0].i_step.eq(at),
                line[0].i_acts.eq(blocks[r]),
                line[0].i_swap.eq(self._swap(m, r, go & ~os & begin.first)),
            ]
            for west, east in zip(line, line[1:], strict=False):
                m.d.comb += [
                    east.i_step.eq(west.o_step),
                    east.i_acts.eq(west.o_acts),
                    east.i_swap.eq(west.o_swap),
                ]
            with m.If(line[-1].i_swap):
                m.d.sync += folds.passed[r].eq(folds.passed[r] + 1)
            go, begin = at.valid & (os | (at.slot == kept - 1)), at
        self._leaving(m, go & ~os, go & os & begin.capture, begin.end)

    def _advance(self, m: Module, r: int, blocks: list[Value]) -> list[Value]:
        """The diagonal r of the triangle: rows r and below move one register on, those above stay."""
        moved = list(blocks)
        for q in range(r, self.rows):
            moved[q] = Signal(signatures.block(self.spec.pe).size, name=f"block_{q}_{r}")
            m.d.sync += moved[q].eq(blocks[q])
        return moved

    def _swap(self, m: Module, r: int, swap: Value) -> Value:
        """ws: tells row r to bring its shadow weights into use from the next cycle on."""
        return swap

    def _leaving(self, m: Module, ws: Value, os: Value, end: Value) -> None:
        """Rows of sums leave column 0 when the last product has met them: at once (ws), or one a cycle from the next on (os); the last
        column follows C - 1 cycles later."""
        told = self._delayed(m, "summed", Cat(ws, os, end, self._group), self.spec.pe.multiplier_latency_cycles)
        ws, os, end, group = told[0], told[1], told[2], told[3:]
        left, group_end = Signal(range(self.rows + 1)), Signal()
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.If(os):
            m.d.sync += [left.eq(group), group_end.eq(end)]
        self._shift = left > 1
        leaving = Cat(ws | (left != 0), (ws & end) | ((left == 1) & group_end))
        for c in range(self.cols):
            later = Signal(2, name=f"leaving_{c}")
            m.d.sync += later.eq(leaving)
            leaving = later
        m.d.comb += [self.o.valid.eq(leaving[0]), self.o.payload.end.eq(leaving[1])]

    def _south(self, m: Module, os: Value, pes: list[list[PE]]) -> None:
        """What goes down each column: sums, weights (os), drained sums (os)."""
        shift = self._shift
        for c in range(self.cols):
            column, flow = [line[c] for line in pes], self.i_weight.payload.weights[c].as_value()
            m.d.comb += column[0].i_flow.eq(self._delayed(m, f"flow_{c}", flow, c))
            for north, south in zip(column, column[1:], strict=False):
                m.d.comb += [
                    south.i_flow.eq(north.o_flow),
                    south.i_sum.eq(north.o_sum),
                    south.i_drain.eq(north.o_drain),
                ]
            m.d.comb += [pe.i_shift.eq(shift) for pe in column] + [pe.i_os.eq(os) for pe in column]
            drained = self._delayed(m, f"drained_{c}", column[-1].o_drain, 1)
            out = Mux(os, drained, column[-1].o_sum)
            m.d.comb += self.o.payload.sums[c].eq(self._deskew(m, c, out))
            shift = self._delayed(m, f"shift_{c}", shift, 1)

    def _deskew(self, m: Module, c: int, out: Value) -> Value:
        """Column c is C - 1 - c cycles ahead of the last one."""
        return self._delayed(m, f"deskew_{c}", out, self.cols - 1 - c)

    @staticmethod
    def _delayed(m: Module, name: str, value: Value, cycles: int) -> Value:
        for k in range(cycles):
            later = Signal(Value.cast(value).shape(), name=f"{name}_{k}")
            m.d.sync += later.eq(value)
            value = later
        return value

"""Array in gates, PE by PE. Twin: hwsim/components/array.py, which says what it does and in which cycle.

A batch is taken whole, into a register from which it is issued. Row 0 works from the cycle after that on; row r + 1 starts when row r has
used its last slot (ws), or one cycle after it (os). Blocks, one for each sum in flight (a lane), wait in a triangle of registers that
moves with these starts. Columns follow a cycle apart; the sums that leave are put in step again at the bottom. Weights go to the shadow
registers of a row at once in all columns (ws), or enter a column a cycle later than its neighbour and flow south (os).
"""

from dataclasses import dataclass

from amaranth.hdl import Array as Select
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.array_rows import Issued, Waiting
from rtl.components.pe import PE
from rtl.floats.pipe import delayed


@dataclass
class Folds:
    """ws: `ahead`, folds loaded less swap waves started; `owed`, for each row, less those that have passed it; modulo a power of two.
    `load`, `wave`: in this cycle. Of the fold that is being loaded: rows loaded, and where the next one goes."""

    ahead: Signal
    owed: list[Signal]
    load: Signal
    wave: Signal
    loaded: Signal
    row: Signal
    slot: Signal


@dataclass
class Begin:
    """What a row of PEs begins: its first step, and what is told when the sums leave."""

    step: Signal
    pixels: Signal
    blocks: Signal
    end: Signal


@dataclass
class Take:
    """take: a batch is taken; step: one is issued; ends: os, it is the last of its group."""

    take: Signal
    step: Signal
    ends: Signal


def check_array(spec: AcceleratorSpec) -> None:
    if spec.pe.adder_latency_cycles > spec.array.cols + 1:
        bound = f"above array.cols {spec.array.cols} + 1 has no gates, the sums of a group would not have left; use more columns"
        raise SpecError(f"pe.adder_latency_cycles: {spec.pe.adder_latency_cycles} {bound}")


class Array(wiring.Component):
    def __init__(self, spec: AcceleratorSpec):
        check_array(spec)
        self.spec, self.rows, self.cols, self.lanes = spec, spec.array.rows, spec.array.cols, spec.pe.adder_latency_cycles
        super().__init__(
            {
                "i_batch": In(stream.Signature(signatures.batch(spec))),
                "i_acts": In(signatures.acts(spec)).array(spec.array.rows),
                "i_weight": In(stream.Signature(signatures.weight_row(spec))),
                "o": Out(signatures.flow(signatures.row(spec))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._flowing = Signal()  # os: a weight row is taken
        self.pes = pes = [[PE(self.spec.pe) for _ in range(self.cols)] for _ in range(self.rows)]
        for r, line in enumerate(pes):
            for c, pe in enumerate(line):
                m.submodules[f"pe_{r}_{c}"] = pe
        folds, now = self._folds(), Signal(signatures.batch(self.spec), name="now")
        go, begin = Signal(name="go"), self._begin("begin")
        blocks = self._issue(m, folds, now, go, begin, self._take(m, folds, now))
        self._load_shadow(m, folds, pes)
        self._rows(m, folds, now, go, begin, blocks, pes)
        self._south(m, now.config.os, pes)
        return m

    def start_rows(self, kept: int) -> int:
        """Weight rows in the shadow registers before a swap wave may start; a link of depth 1 brings one every second cycle."""
        if self.spec.link_depth > 1 or self.lanes > 1:
            return kept
        return self.rows * kept - (self.rows - 1) * kept // 2

    def _begin(self, name: str) -> Begin:
        step, batch = signatures.step(self.spec.pe), signatures.batch(self.spec).members
        return Begin(Signal(step, name=name), *(Signal(batch[n], name=f"{name}_{n}") for n in ("pixels", "blocks", "end")))

    def _folds(self) -> Folds:
        wide, slots = bits_for(self.rows + 4), self.rows * self.spec.pe.kept_max
        return Folds(
            ahead=Signal(2, name="ahead"),
            owed=[Signal(wide, name=f"owed_{r}") for r in range(self.rows)],
            load=Signal(name="fold_load"),
            wave=Signal(name="fold_wave"),
            loaded=Signal(range(slots + 1)),
            row=Signal(range(self.rows + 1)),
            slot=Signal(range(self.spec.pe.kept_max + 1)),
        )

    def _take(self, m: Module, folds: Folds, now) -> Take:
        """Takes a batch for the next cycle on, when the one that is issued has its last step."""
        new, way = self.i_batch.payload, self.rows + self.cols + self.spec.pe.multiplier_latency_cycles
        take = Take(*(Signal(name=n) for n in ("take", "step", "ends")))
        # until the last row has left
        leaving = (
            (take.ends, way + self.lanes - 1 + now.pixels),
            (take.take & ~new.config.os, way - self.rows + self.rows * self.lanes * new.config.kept + new.pixels),
        )
        most = way + self.rows * self.lanes * (self.spec.pe.kept_max + 1) + self.lanes
        in_flight = self._countdown(m, "in_flight", most, *leaving)
        may_start = new.config.os | ~new.first | self._fold_ready(m, folds, new.config.kept)
        drained = (new.config.as_value() == now.config.as_value()) | ((in_flight <= 1) & ~take.ends)
        free = (now.steps == 0) | (take.step & (now.steps == 1))
        m.d.comb += [
            self.i_batch.ready.eq(free & drained & may_start),
            take.take.eq(self.i_batch.valid & self.i_batch.ready),
        ]
        m.d.comb += folds.wave.eq(take.take & ~new.config.os & new.first)
        m.d.sync += folds.ahead.eq(folds.ahead + folds.load - folds.wave)
        return take

    def _issue(self, m: Module, folds: Folds, now, go: Signal, begin: Begin, take: Take) -> list[Value]:
        """Steps of the batch that was taken, `now`. `go`: row 0 gets a block, of those returned; `begin`: with what."""
        rows, lanes, weights, os = self.rows, self.lanes, self.i_weight, now.config.os
        fresh, row_done, block_done = (Signal(name=n) for n in ("fresh", "row_done", "block_done"))
        slot, lane = Signal(range(self.spec.pe.kept_max), name="slot"), Signal(range(lanes), name="lane")
        # os: until the sums of the group before have left
        gap = rows + self.cols - 1 + rows * lanes
        group_wait = self._countdown(m, "group_wait", gap, (take.ends, gap - lanes))
        last = now.last & (now.steps <= lanes)  # os: the last product of each sum
        fed = (lane != 0) | (weights.valid & weights.payload.os & ~(last & (group_wait != 0)))
        m.d.comb += [
            take.step.eq((now.steps != 0) & (~os | fed)),
            take.ends.eq(take.step & os & now.last & (now.steps == 1)),
            row_done.eq(lane == lanes - 1),
            block_done.eq(row_done & (slot == now.config.kept - 1)),
            go.eq(Mux(os, take.step, fresh)),
            self._flowing.eq(os & take.step & (lane == 0)),
            begin.step.lane.eq(lane),
            begin.step.first.eq(now.first),
            begin.step.capture.eq(os & last),
            begin.pixels.eq(now.pixels),
            begin.blocks.eq(now.blocks),
            begin.end.eq(now.end),
        ]
        with m.If(take.step):
            m.d.sync += [now.steps.eq(now.steps - 1), lane.eq(Mux(row_done, 0, lane + 1))]
        with m.If(take.step & row_done):
            m.d.sync += [now.first.eq(0), slot.eq(Mux(block_done, 0, slot + 1))]
        m.d.sync += fresh.eq(take.take)
        with m.If(take.take):
            m.d.sync += [now.eq(self.i_batch.payload), slot.eq(0), lane.eq(0)]
        return [self._issued(m, r, take.take, take.step & os & block_done, now.config.block_log2) for r in range(rows)]

    def _issued(self, m: Module, r: int, take: Value, goes_on: Value, block_log2: Value) -> Value:
        m.submodules[f"issued_{r}"] = row = Issued(self.spec)
        m.d.comb += [row.i.eq(self.i_acts[r]), row.i_take.eq(take), row.i_next.eq(goes_on), row.i_block_log2.eq(block_log2)]
        return row.o.as_value()

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
        return (folds.ahead == 1) | ((folds.ahead == 0) & enough)

    def _load_shadow(self, m: Module, folds: Folds, pes: list[list[PE]]) -> None:
        """ws: one weight row into row `row`, slot `slot`, once the wave of the fold before has passed the row."""
        new, f = self.i_weight.payload, folds
        free, load = Select([owed == 0 for owed in f.owed])[f.row], Signal()
        m.d.comb += [load.eq(self.i_weight.valid & ~new.os & (f.ahead != 1) & free), f.load.eq(load & new.last)]
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
                m.d.sync += [f.loaded.eq(0), f.slot.eq(0), f.row.eq(0)]
        self._loading = load

    def _rows(self, m: Module, folds: Folds, now, go: Signal, begin: Begin, blocks: list[Value], pes: list[list[PE]]) -> None:
        """The start of each row and what enters its first PE; tells `_south` when a row of sums leaves."""
        os, kept, size = now.config.os, now.config.kept, signatures.block(self.spec.pe).size
        m.d.comb += self.i_weight.ready.eq(self._loading | self._flowing)
        for r, line in enumerate(pes):
            row = self._begin(f"row_{r}")
            at, lane_ends, ends = row.step, Signal(name=f"lane_ends_{r}"), Signal(name=f"row_ends_{r}")
            m.d.comb += [lane_ends.eq(at.lane == self.lanes - 1), ends.eq(lane_ends & (at.slot == kept - 1))]
            m.d.sync += [at.valid.eq(go | (at.valid & ~os & ~ends)), at.lane.eq(Mux(lane_ends, 0, at.lane + 1))]
            with m.If(lane_ends):
                m.d.sync += at.slot.eq(at.slot + 1)
            with m.If(go):
                m.d.sync += [
                    at.eq(begin.step),
                    at.valid.eq(1),
                    at.slot.eq(0),
                    at.lane.eq(Mux(os, begin.step.lane, 0)),
                    at.there.eq(os | (r < begin.blocks)),
                    row.pixels.eq(begin.pixels),
                    row.blocks.eq(begin.blocks),
                    row.end.eq(begin.end),
                ]
            blocks = self._advance(m, r, go, blocks)
            m.d.comb += [
                line[0].i_step.eq(at),
                line[0].i_acts.eq(Select(blocks[r][k * size : (k + 1) * size] for k in range(self.lanes))[at.lane]),
                line[0].i_swap.eq(self._swap(m, r, go & ~os & begin.step.first)),
            ]
            for west, east in zip(line, line[1:], strict=False):
                m.d.comb += [
                    east.i_step.eq(west.o_step),
                    east.i_acts.eq(west.o_acts),
                    east.i_swap.eq(west.o_swap),
                ]
            m.d.sync += folds.owed[r].eq(folds.owed[r] + folds.load - line[-1].i_swap)
            go, begin = at.valid & (os | ends), row
        self._leaving(m, os, kept, row)

    def _advance(self, m: Module, r: int, go: Value, blocks: list[Value]) -> list[Value]:
        """The diagonal r of the triangle: with `go`, rows r and below move one register on, those above stay."""
        moved = list(blocks)
        for q in range(r, self.rows):
            m.submodules[f"block_{q}_{r}"] = place = Waiting(self.spec)
            m.d.comb += [place.i.eq(blocks[q]), place.i_go.eq(go)]
            moved[q] = place.o
        return moved

    def _swap(self, m: Module, r: int, swap: Value) -> Value:
        """ws: tells row r to bring its shadow weights into use from the next cycle on."""
        return swap

    def _leaving(self, m: Module, os: Value, kept: Value, row: Begin) -> None:
        """Rows of sums leave column 0 when the last product has met them: at once (ws), or one a cycle from the next on (os); the last
        column follows C - 1 cycles later. `row`: the last row of PEs."""
        at = row.step
        ws = at.valid & ~os & (at.slot == kept - 1) & (at.lane < row.pixels)
        ws_end = ws & row.end & (at.lane + 1 == row.pixels)
        group = at.valid & os & at.capture & (at.lane == self.lanes - 1)
        told = Cat(ws, ws_end, group, row.end, row.pixels)
        told = delayed(m, told, self.spec.pe.multiplier_latency_cycles + self.lanes - 1, "summed", reset_less=False)
        ws, ws_end, group, end, pixels = told[0], told[1], told[2], told[3], told[4:]
        left, group_end = Signal(range(self.rows * self.lanes + 1), name="left"), Signal(name="group_end")
        with m.If(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.If(group):
            m.d.sync += [left.eq(pixels), group_end.eq(end)]
        self._shift = delayed(m, left > 1, 1, "leaves", reset_less=False)
        leaving = Cat(ws | (left != 0), ws_end | ((left == 1) & group_end))
        leaving = delayed(m, leaving, self.cols, "leaving", reset_less=False)
        m.d.comb += [self.o.valid.eq(leaving[0]), self.o.payload.end.eq(leaving[1])]

    def _south(self, m: Module, os: Value, pes: list[list[PE]]) -> None:
        """What goes down each column: sums, weights (os), drained sums (os)."""
        shift = self._shift
        for c in range(self.cols):
            column, new = [line[c] for line in pes], self.i_weight.payload.weights[c].as_value()
            flow = self._held(m, f"held_flow_{c}", new) if self.lanes > 1 else new
            m.d.comb += column[0].i_flow.eq(delayed(m, flow, c, f"flow_{c}"))
            for north, south in zip(column, column[1:], strict=False):
                m.d.comb += [
                    south.i_flow.eq(north.o_flow),
                    south.i_sum.eq(north.o_sum),
                    south.i_drain.eq(north.o_drain),
                ]
            m.d.comb += [pe.i_shift.eq(shift) for pe in column] + [pe.i_os.eq(os) for pe in column]
            out = Mux(os, column[-1].o_drain, column[-1].o_sum)
            m.d.comb += self.o.payload.sums[c].eq(self._deskew(m, c, out))
            shift = delayed(m, shift, 1, f"shift_{c}", reset_less=False)

    def _held(self, m: Module, name: str, new: Value) -> Value:
        """os: a weight row is taken with its first step and stays for the others."""
        held = Signal(len(new), name=name, reset_less=True)
        with m.If(self._flowing):
            m.d.sync += held.eq(new)
        return Mux(self._flowing, new, held)

    def _deskew(self, m: Module, c: int, out: Value) -> Value:
        """Column c is C - 1 - c cycles ahead of the last one."""
        return delayed(m, out, self.cols - 1 - c, f"deskew_{c}")

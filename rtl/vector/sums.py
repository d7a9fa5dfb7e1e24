"""What INT8 softmax and layernorm reduce a row to: its largest element, its sum, and the inverse by which its elements are scaled.

Lanes are reduced by a tree with a register behind each level, chunks behind it one after the other; each row in flight has an `Inverse` of
its own.
"""

from collections.abc import Callable

from amaranth.hdl import Array as Select
from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import FN
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.vector.inverse import NORM_CYCLES, OUT_BITS, SOFTMAX_CYCLES, VALUE_BITS, Inverse
from rtl.vector.products import split_product

SUM_BITS = 25  # of up to 65,535 INT8 elements
VALUE_STEPS = 3  # cycles from the sums of a row to its value


def levels(spec: AcceleratorSpec) -> int:
    return (spec.vector.lanes - 1).bit_length()


def least_cycles(spec: AcceleratorSpec) -> int:
    """Of `vector.reduce_cycles`: from the last terms to the inverse in the multiplier; 0 where nothing is summed."""
    cycles = {"layernorm": NORM_CYCLES, "softmax": SOFTMAX_CYCLES}
    return max((cycles[f] + levels(spec) + VALUE_STEPS + 1 for f in cycles if f in spec.vector.functions), default=0)


def part(spec: AcceleratorSpec) -> data.StructLayout:
    """Of a row, what one beat brings. `first`, `last`: chunk of the row."""
    return data.StructLayout({"row": signatures.rows_in_flight(spec), "first": 1, "last": 1})


class Sums(wiring.Component):
    """`i_largest`, `i_terms`: elements; e of softmax or squares, beside `i_elements`. `o_top` is there some cycles behind the last chunk,
    `o_sum` and `o_inverse` (of `i_row`) by the end of `reduce_cycles`."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec, lanes = spec, spec.vector.lanes
        rows, bytes_, words = signatures.rows_in_flight(spec), data.ArrayLayout(signed(8), lanes), data.ArrayLayout(signed(32), lanes)
        super().__init__(
            {
                "i_command": In(signatures.command(spec, "vector")),
                "i_largest": In(signatures.flow(data.StructLayout({"part": part(spec), "elements": bytes_}))),
                "i_terms": In(signatures.flow(data.StructLayout({"part": part(spec), "terms": words, "elements": bytes_}))),
                "i_row_top": In(rows),
                "i_row_sum": In(rows),
                "i_row_inverse": In(rows),
                "o_top": Out(signed(8)),
                "o_sum": Out(signed(SUM_BITS)),
                "o_inverse": Out(OUT_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rows, functions = self.spec.vector.rows_in_flight, self.spec.vector.functions
        tops = [Signal(signed(8), name=f"top_{r}", reset_less=True) for r in range(rows)]
        sums = [Signal(signed(SUM_BITS), name=f"sum_{r}", reset_less=True) for r in range(rows)]
        units = [Inverse() for _ in range(rows)]
        for r, unit in enumerate(units):
            m.submodules[f"inverse_{r}"] = unit
        if "softmax" in functions:
            self._largest(m, tops)
        ready, total, elements = self._total(m)
        if "layernorm" in functions:
            self._keep(m, sums, ready, elements)
        self._start(m, units, ready, *self._value(m, total, elements))
        m.d.comb += [
            self.o_top.eq(Select(tops)[self.i_row_top]),
            self.o_sum.eq(Select(sums)[self.i_row_sum]),
            self.o_inverse.eq(Select([u.o for u in units])[self.i_row_inverse]),
        ]
        return m

    def _tree(self, m: Module, name: str, values: list[Value], join: Callable[[Value, Value], Value], grows: int) -> Value:
        """One value, `levels` cycles later; each level is wider by `grows` bits."""
        for level in range(levels(self.spec)):
            pairs, odd = list(zip(values[::2], values[1::2], strict=False)), values[len(values) // 2 * 2 :]
            joined = [join(a, b) for a, b in pairs] + odd
            values = [Signal(signed(len(values[0]) + grows), name=f"{name}_{level}_{n}", reset_less=True) for n in range(len(joined))]
            m.d.sync += [v.eq(j) for v, j in zip(values, joined, strict=True)]
        return values[0]

    def _later(self, m: Module, name: str, flow, cycles: int) -> tuple[Value, data.View]:
        """Whether a part was there so many cycles ago, and which."""
        valid, which = flow.valid, flow.payload.part
        for n in range(cycles):
            valid, before = Signal.like(valid, name=f"{name}_valid_{n}"), (valid, which)
            which = Signal(part(self.spec), name=f"{name}_part_{n}", reset_less=True)
            m.d.sync += [valid.eq(before[0]), which.eq(before[1])]
        return valid, which

    def _largest(self, m: Module, tops: list[Signal]) -> None:
        def larger(a: Value, b: Value) -> Value:
            return Mux(a > b, a, b)

        elements = [self.i_largest.payload.elements[n] for n in range(self.spec.vector.lanes)]
        found, kept, top = self._tree(m, "largest", elements, larger, 0), Signal(signed(8)), Signal(signed(8))
        valid, which = self._later(m, "largest", self.i_largest, levels(self.spec))
        m.d.comb += top.eq(Mux(which.first, found, larger(found, kept)))
        with m.If(valid):
            m.d.sync += kept.eq(top)
            with m.Switch(which.row):
                for r, register in enumerate(tops):
                    with m.Case(r):
                        m.d.sync += register.eq(top)

    def _total(self, m: Module) -> tuple[tuple[Value, Value], Signal, Signal]:
        """(whether the sums of a row are there, its place), the sum of its terms, and that of its elements."""
        out, add = [], lambda a, b: a + b
        valid, which = self._later(m, "terms", self.i_terms, levels(self.spec))
        for name, lanes, bits in (("terms", self.i_terms.payload.terms, VALUE_BITS), ("elements", self.i_terms.payload.elements, SUM_BITS)):
            found = self._tree(m, name, [lanes[n] for n in range(self.spec.vector.lanes)], add, 1)
            total = Signal(signed(bits), name=f"total_{name}", reset_less=True)
            with m.If(valid):
                m.d.sync += total.eq(found + Mux(which.first, 0, total))
            out.append(total)
        there, row = Signal(), Signal.like(which.row)
        m.d.sync += [there.eq(valid & which.last), row.eq(which.row)]
        return (there, row), out[0], out[1]

    def _keep(self, m: Module, sums: list[Signal], ready: tuple[Value, Value], elements: Signal) -> None:
        with m.If(ready[0]), m.Switch(ready[1]):
            for r, register in enumerate(sums):
                with m.Case(r):
                    m.d.sync += register.eq(elements)

    def _value(self, m: Module, total: Signal, elements: Signal) -> tuple[Value, Value]:
        """`VALUE_STEPS` later: whether a root comes first, and the sum of softmax or the variance of layernorm, len*Q - S**2 + epsilon.
        Multipliers stand between registers."""
        c, functions = self.i_command, self.spec.vector.functions
        norm = c.fn == FN.index("layernorm") if "layernorm" in functions else Value.cast(0)
        first, second, value = (Signal(signed(VALUE_BITS), name=f"value_{n}", reset_less=True) for n in ("first", "second", "both"))
        kept = Signal.like(total, name="value_sum")
        m.d.sync += [kept.eq(total), first.eq(kept), value.eq(first - second)]
        if "layernorm" in functions:
            m.d.sync += second.eq(Mux(norm, split_product(m, "square", elements, elements) - c.imm, 0))
            with m.If(norm):
                m.d.sync += first.eq(split_product(m, "scaled", c.len, total[: SUM_BITS + 6]))
        return norm, value

    def _start(self, m: Module, units: list[Inverse], ready: tuple[Value, Value], norm: Value, value: Value) -> None:
        there, row = ready
        for n in range(VALUE_STEPS):
            there, before = Signal(name=f"start_{n}"), (there, row)
            row = Signal.like(row, name=f"start_row_{n}")
            m.d.sync += [there.eq(before[0]), row.eq(before[1])]
        for r, unit in enumerate(units):
            m.d.comb += [unit.i_start.eq(there & (row == r)), unit.i_norm.eq(norm), unit.i_value.eq(value)]

"""PE in gates: one kept weight a cycle. Twin: hwsim/components/array.py, where the PEs are folded into one component.

A step chooses its operands in its cycle; its product meets the sum `multiplier_latency_cycles` later. The first stage holds the operands
where there are two stages or more, the others the product.
ws: `active` holds the weights of one block; the sums come from the north, `slot` 0 takes them in. os: weights flow south through
`active[0]`, the sum stays; `capture` copies it to `drain`, which shifts south.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import PESpec
from rtl import signatures
from rtl.components.nm_select import NMSelect


class PE(wiring.Component):
    def __init__(self, spec: PESpec):
        self.spec = spec
        block, step, weight, sums = (
            getattr(signatures, n)(spec) for n in ("block", "step", "weight", "sums")
        )
        super().__init__(
            {
                "i_os": In(1),
                # eastwards: activations, what to do with them, and the swap that goes one cycle ahead
                "i_acts": In(block), "o_acts": Out(block),
                "i_step": In(step), "o_step": Out(step),
                "i_swap": In(1), "o_swap": Out(1),
                # ws: one shadow register is written
                "i_load": In(1), "i_slot": In(range(spec.kept_max)), "i_weight": In(weight),
                # southwards: sums (ws), weights and drained sums (os)
                "i_sum": In(sums), "o_sum": Out(sums),
                "i_flow": In(weight), "o_flow": Out(weight),
                "i_shift": In(1), "i_drain": In(sums), "o_drain": Out(sums),
            }
        )  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        weights = data.ArrayLayout(signatures.weight(self.spec), self.spec.kept_max)
        shadow, active = Signal(weights), Signal(weights)
        with m.If(self.i_load):
            m.d.sync += shadow[self.i_slot].eq(self.i_weight)
        with m.If(self.i_os):
            m.d.sync += active[0].eq(self.i_flow)
        with m.Elif(self.i_swap):
            m.d.sync += active.eq(shadow)

        m.submodules.nm_select = select = NMSelect(self.spec)
        weight = Signal(signatures.weight(self.spec))
        begins = Mux(self.i_os, self.i_step.first, self.i_step.slot == 0)
        m.d.comb += [
            weight.eq(active[self.i_step.slot]),
            select.i_block.eq(self.i_acts),
            select.i_offset.eq(weight.offset),
            self.o_flow.eq(active[0]),
        ]
        self.weight, self.act = weight.payload, select.o  # the operands of this cycle's step
        product = self._product(m, self.weight, self.act)
        told = Cat(begins, self.i_step.valid, self.i_step.valid & self.i_step.capture)
        begins, valid, capture = self._staged(m, "told", told, self.spec.multiplier_latency_cycles)
        start = Mux(self.i_os, 0, self.i_sum)
        total = Signal(signatures.sums(self.spec))
        m.d.comb += total.eq(Mux(begins, start, self.o_sum) + product)
        with m.If(valid):
            m.d.sync += self.o_sum.eq(total)
        with m.If(capture):
            m.d.sync += self.o_drain.eq(total)
        with m.Elif(self.i_shift):
            m.d.sync += self.o_drain.eq(self.i_drain)
        m.d.sync += [
            self.o_acts.eq(self.i_acts),
            self.o_step.eq(self.i_step),
            self.o_swap.eq(self.i_swap),
        ]
        return m

    def _product(self, m: Module, weight: Value, act: Value) -> Value:
        stages = self.spec.multiplier_latency_cycles
        if stages > 1:
            weight, act = self._staged(m, "weight", weight, 1), self._staged(m, "act", act, 1)
            stages -= 1
        return self._staged(m, "product", weight * act, stages)

    @staticmethod
    def _staged(m: Module, name: str, value: Value, stages: int) -> Value:
        for k in range(stages):
            later = Signal(value.shape(), name=f"{name}_{k}")
            m.d.sync += later.eq(value)
            value = later
        return value

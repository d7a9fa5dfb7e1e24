"""PE in gates: one kept weight a cycle. Twin: hwsim/components/array.py, where the PEs are folded into one component.

A step chooses its operands in its cycle; its product meets the sum `multiplier_latency_cycles` later, and the sum is there
`adder_latency_cycles` after that, for the next step of the same lane. The multiplier's first stage holds the operands where it has two
stages or more.

ws: `active` holds the weights of one block; the sums come from the north, `slot` 0 takes them in. os: weights flow south through
`active[0]`, the sums stay; `capture` copies each to `drain`, which shifts south.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import PESpec
from rtl import signatures
from rtl.components.nm_select import NMSelect
from rtl.floats.pipe import delayed
from rtl.floats.units import Add, Product


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
        shadow, active = (Signal(weights, name=n, reset_less=True) for n in ("shadow", "active"))
        with m.If(self.i_load):
            m.d.sync += shadow[self.i_slot].eq(self.i_weight)
        with m.If(self.i_os):
            m.d.sync += active[0].eq(self.i_flow)
        with m.Elif(self.i_swap):
            m.d.sync += active.eq(shadow)

        m.submodules.nm_select = select = NMSelect(self.spec)
        step, weight = self.i_step, Signal(signatures.weight(self.spec), name="weight")
        payload = Signal(signatures.element(self.spec))
        m.d.comb += [
            weight.eq(active[step.slot]),
            payload.eq(Mux(step.there, weight.payload, 0)),
            select.i_block.eq(self.i_acts),
            select.i_offset.eq(weight.offset),
            self.o_flow.eq(active[0]),
        ]
        self.weight, self.act = payload, select.o  # the operands of this cycle's step
        begins = Mux(self.i_os, step.first, step.slot == 0)
        told = Cat(begins, step.valid, step.valid & step.capture, step.lane)
        told = delayed(m, told, self.spec.multiplier_latency_cycles, "told")
        self._sum(m, self._product(m, self.weight, self.act), told)
        self._drain(m, delayed(m, told[2:], self.spec.adder_latency_cycles, "summed"))
        m.d.comb += self.o_acts.eq(delayed(m, self.i_acts.as_value(), 1, "acts"))
        m.d.sync += [self.o_step.eq(self.i_step), self.o_swap.eq(self.i_swap)]
        return m

    def _product(self, m: Module, weight: Value, act: Value) -> Value:
        stages = self.spec.multiplier_latency_cycles
        if stages > 1:
            weight, act = delayed(m, weight, 1, "weight_stage"), delayed(m, act, 1, "act_stage")
            stages -= 1
        if self.spec.number == "int8":
            return delayed(m, weight * act, stages, "product")
        m.submodules.product = product = Product(stages)
        m.d.comb += [product.i_a.eq(weight), product.i_b.eq(act)]
        return product.o

    def _sum(self, m: Module, product: Value, told: Value) -> None:
        begins, valid, lane = told[0], told[1], told[3:]
        start = Mux(self.i_os, 0, self.i_sum)
        if self.spec.number == "int8":
            self.sum = Signal(self.o_sum.shape(), name="sum", reset_less=True)
            with m.If(valid):
                m.d.sync += self.sum.eq(Mux(begins, start, self.sum) + product)
            m.d.comb += self.o_sum.eq(self.sum)
            return
        latency = self.spec.adder_latency_cycles
        m.submodules.add = add = Add(latency)
        left = delayed(m, Cat(valid, lane), latency, "added")
        held = Signal(data.ArrayLayout(self.o_sum.shape(), latency), reset_less=True)  # while os waits for weights
        with m.If(left[0]):
            m.d.sync += held[left[1:]].eq(add.o)
        before = Mux(left[0] & (left[1:] == lane), add.o, held[lane])
        m.d.comb += [
            add.i_a.eq(Mux(begins, start, before)),
            add.i_b.eq(product),
            self.o_sum.eq(add.o),
        ]

    def _drain(self, m: Module, told: Value) -> None:
        """`told`: whether the sum that is there now is a group's last, and its lane. A sum of each lane; lane 0 leaves first."""
        lanes = [Signal(self.o_sum.shape(), name=f"drain_{k}", reset_less=True) for k in range(self.spec.adder_latency_cycles)]
        for k, (lane, north) in enumerate(zip(lanes, [*lanes[1:], self.i_drain], strict=True)):
            with m.If(told[0] & (told[1:] == k)):
                m.d.sync += lane.eq(self.o_sum)
            with m.Elif(self.i_shift):
                m.d.sync += lane.eq(north)
        m.d.comb += self.o_drain.eq(lanes[0])

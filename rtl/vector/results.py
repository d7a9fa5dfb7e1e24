"""Results of the vector unit, on their way into level vec: written in order, one beat's a cycle, except into the bank that fetch writes."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.queue import Queue


class Results(wiring.Component):
    """Never full: the walk counts what is under way. `i_lane`: dst_lane of the command, for as long as it has results here."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec = spec
        super().__init__(
            {
                "i": In(signatures.flow(signatures.vector_results(spec))),
                "i_lane": In(signatures.level_address(spec)),
                "i_written": In(signatures.flow(data.StructLayout({"bank": signatures.vec_bank(spec)}))),  # by fetch, in this cycle
                "o_write": Out(signatures.flow(signatures.vec_write(spec))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layout, out = signatures.vector_results(self.spec), self.o_write.payload
        m.submodules.queue = queue = Queue(layout, self.spec.vector.results)
        head = queue.o.payload
        m.d.comb += [
            queue.i.payload.eq(self.i.payload),
            queue.i.valid.eq(self.i.valid),
            out.bank.eq(head.bank),
            self.o_write.valid.eq(queue.o.valid & ~(self.i_written.valid & (self.i_written.payload.bank == out.bank))),
            queue.o.ready.eq(self.o_write.valid),
        ]
        for t, place in enumerate(self._places(m)):
            item = out.elements[t]
            m.d.comb += [item.valid.eq(head.mask[t]), item.address.eq(head.out + place), item.data.eq(head.elements[t])]
        return m

    def _places(self, m: Module) -> list[Value]:
        """dst_lane times 0, 1, ...: in registers, a few cycles after the command has come, long before its first result."""
        places: list[Value] = [Value.cast(0), self.i_lane]
        for t in range(2, signatures.scattered(self.spec)):
            high = 1 << (t.bit_length() - 1)
            parts = (places[high], places[t - high]) if t > high else (places[high // 2], places[high // 2])
            places.append(place := Signal.like(self.i_lane, name=f"place_{t}"))
            m.d.sync += place.eq(parts[0] + parts[1])
        return places[: signatures.scattered(self.spec)]

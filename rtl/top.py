"""The tile machine in gates, in the order of the tick of its model, hwsim/engine/tick.py.

Memory is a port of requests and responses: `o_request` gives one beat's request a cycle, the requester that was served last asked last;
`i_response` brings what was read, in the order of the requests, and is never refused.
"""

from amaranth.hdl import Array as Select
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.commands import LEVELS, QUEUE_OF
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.components.accumulator import Accumulator
from rtl.components.array import Array
from rtl.components.buffer import Buffer, Sums
from rtl.components.feed import Feed
from rtl.components.fetch import Fetch
from rtl.components.link import Link
from rtl.components.sequencer import Sequencer, Tokens
from rtl.components.vector import Vector
from rtl.components.weight_loader import WeightLoader
from rtl.components.writeback import Writeback

REQUESTERS = ("sequencer", "fetch", "writeback")


class Top(wiring.Component):
    """Runs `i_words` commands at `i_base`, from the cycle in which `i_words` is above 0. `o_ended`: all before the end is done."""

    def __init__(self, spec: AcceleratorSpec):
        self.spec = spec
        super().__init__(
            {
                "i_base": In(signatures.address(spec)),
                "i_words": In(32),
                "o_request": Out(stream.Signature(signatures.memory_request(spec))),
                "i_response": In(signatures.flow(signatures.beat(spec))),
                "o_ended": Out(1),
            }
        )

    def elaborate(self, platform):
        m, spec = Module(), self.spec
        self.links: dict[str, Link] = {}
        m.submodules.sequencer = self.sequencer = sequencer = Sequencer(spec)
        m.submodules.tokens = self.tokens = tokens = Tokens(spec)
        m.submodules.fetch = self.fetch = fetch = Fetch(spec)
        m.submodules.array = self.array = array = Array(spec)
        m.submodules.feed = self.feed = feed = Feed(spec)
        m.submodules.weight_loader = self.loader = loader = WeightLoader(spec)
        m.submodules.accumulator = self.accumulator = accumulator = Accumulator(spec)
        m.submodules.vector = self.vector = vector = Vector(spec)
        m.submodules.writeback = self.writeback = writeback = Writeback(spec)
        m.d.comb += [sequencer.i_base.eq(self.i_base), sequencer.i_words.eq(self.i_words)]
        depth, queues = spec.sequencer.queue_depth, dict(zip(QUEUE_OF, (fetch, feed, vector, writeback), strict=True))
        for op, unit in queues.items():
            self._link(m, f"to_{op}", getattr(sequencer, f"o_{op}"), unit.i, depth)
            side = getattr(tokens, f"i_{op}")
            m.d.comb += [unit.tokens.there.eq(side.there), side.take.eq(unit.tokens.take)]
            m.d.comb += side.give.eq(accumulator.o_give if op == "compute" else unit.tokens.give)
        self._link(m, "context", feed.o_weights, loader.i, spec.link_depth)
        self._link(m, "batch", feed.o_batch, array.i_batch, spec.link_depth)
        self._acts(m)
        self._link(m, "weight", loader.o, array.i_weight, spec.link_depth)
        m.d.comb += [
            accumulator.i_walk.payload.eq(feed.o_sums.payload),
            accumulator.i_walk.valid.eq(feed.o_sums.valid),
            accumulator.i.payload.eq(array.o.payload),
            accumulator.i.valid.eq(array.o.valid),
        ]
        self._memory(m)
        self._levels(m)
        self._end(m)
        return m

    def _link(self, m: Module, name: str, source, sink, depth: int) -> None:
        m.submodules[name] = self.links[name] = link = Link(source.payload.shape(), depth)
        wiring.connect(m, source, link.i)
        if sink is not None:
            wiring.connect(m, link.o, sink)

    def _acts(self, m: Module) -> None:
        """The link of a batch, row by row: all of them give and take at once, and no port is as wide as the whole."""
        batch, depth = self.links["batch"], self.spec.link_depth
        for r, (given, taken) in enumerate(zip(self.feed.o_acts, self.array.i_acts, strict=True)):
            m.submodules[f"acts_{r}"] = self.links[f"acts_{r}"] = link = Link(given.shape(), depth)
            m.d.comb += [link.i.payload.eq(given), link.i.valid.eq(batch.i.valid), taken.eq(link.o.payload), link.o.ready.eq(batch.o.ready)]

    def _memory(self, m: Module) -> None:
        """Round robin over the three request links; who asked for a read waits in `asked`, in order."""
        for name, unit in zip(REQUESTERS, (self.sequencer, self.fetch, self.writeback), strict=True):
            self._link(m, f"ask_{name}", unit.o_request, None, self.spec.link_depth)
        asks = [self.links[f"ask_{name}"].o for name in REQUESTERS]
        last, served, out = Signal(range(3)), Signal(range(3)), self.o_request
        m.submodules.asked = asked = Link(1, self.spec.memory.latency_cycles + 2)
        with m.Switch(last):
            for k in range(3):
                with m.Case(k):
                    order = [(k + n) % 3 for n in (1, 2, 3)]
                    choice: Value = Value.cast(order[2])
                    for n in reversed(order[:2]):
                        choice = Mux(asks[n].valid, n, choice)
                    m.d.comb += served.eq(choice)
        write = asks[2].payload
        m.d.comb += [
            out.valid.eq(Cat(a.valid for a in asks).any() & asked.i.ready),
            out.payload.write.eq(served == 2),
            out.payload.address.eq(Select([a.payload.address for a in asks])[served]),
            out.payload.mask.eq(write.mask),
            out.payload.data.eq(write.data),
            asked.i.payload.eq(served == 1),
            asked.i.valid.eq(out.valid & out.ready & (served != 2)),
            asked.o.ready.eq(self.i_response.valid),
            self.sequencer.i_answer.payload.eq(self.i_response.payload),
            self.sequencer.i_answer.valid.eq(self.i_response.valid & ~asked.o.payload),
            self.fetch.i_answer.payload.eq(self.i_response.payload),
            self.fetch.i_answer.valid.eq(self.i_response.valid & asked.o.payload),
            self.writeback.i_written.eq(~asks[2].valid),
        ]
        for k, ask in enumerate(asks):
            m.d.comb += ask.ready.eq(out.valid & out.ready & (served == k))
        with m.If(out.valid & out.ready):
            m.d.sync += last.eq(served)

    def _levels(self, m: Module) -> None:
        spec, write, self.levels = self.spec, self.fetch.o_write, {}
        for level in LEVELS:
            m.submodules[f"level_{level}"] = self.levels[level] = buffer = Buffer(spec, level)
            m.d.comb += [buffer.i_write.payload.eq(write.payload), buffer.i_write.valid.eq(write.valid)]
        act, weight, meta, vec = self.levels.values()
        m.submodules.level_acc = self.acc = acc = Sums(spec)
        feed, loader, vector, store, sums = self.feed, self.loader, self.vector, self.writeback, self.accumulator
        for port, read, out, answer in (
            (act.i_read_only, feed.o_read, act.o_only, feed.i_data),
            (weight.i_read_only, loader.o_read_weight, weight.o_only, loader.i_weight),
            (meta.i_read_only, loader.o_read_meta, meta.o_only, loader.i_meta),
            (vec.i_read_vector, vector.o_read, vec.o_vector, vector.i_data),
            (vec.i_read_store, store.o_read, vec.o_store, store.i_data),
        ):
            m.d.comb += [port.address.eq(read.address), port.bank.eq(read.bank), answer.eq(out)]
        m.d.comb += [
            vec.i_vector.payload.eq(vector.o_write.payload),
            vec.i_vector.valid.eq(vector.o_write.valid),
            vec.i_held.eq(vector.o_holds),
            vector.i_written.valid.eq(write.valid & (write.payload.level == LEVELS.index("vec"))),
            vector.i_written.payload.bank.eq(write.payload.bank),
            store.i_reads.eq(vector.o_reads),
            acc.i_write.payload.eq(sums.o_write.payload),
            acc.i_write.valid.eq(sums.o_write.valid),
            acc.i_read_accumulator.eq(sums.o_read),
            acc.i_read_vector.eq(vector.o_read_acc),
            sums.i_data.eq(acc.o_accumulator),
            vector.i_acc.eq(acc.o_vector),
        ]

    def _end(self, m: Module) -> None:
        """As many commands done as dispatched, after the end."""
        out, left = [getattr(self.sequencer, f"o_{op}") for op in QUEUE_OF], Signal(signatures.words(self.spec))
        done = [self.fetch.o_done, self.accumulator.o_done, self.vector.o_done, self.writeback.o_done]
        sent = Cat(o.valid & o.ready for o in out).any()
        m.d.sync += left.eq(left + sent - sum(done))
        m.d.comb += self.o_ended.eq(self.sequencer.o_ended & (left == 0))

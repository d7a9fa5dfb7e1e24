"""The whole machine: gates beside the engine's tick. Every link is compared at every clock edge, memory at the end."""

from collections import Counter, deque
from typing import Any

import numpy as np

from hwsim.components.config import ENDED
from hwsim.engine.state import new_state
from hwsim.engine.tick import tick
from hwsim.functional import Functional, fill_memory
from hwsim.spec.commands import QUEUE_OF
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from rtl.limits import check_program
from rtl.top import Top
from tests.harness.twins import differ, simulate

# the model's link: the gates' link
LINKS = {
    "to_fetch": "to_load", "to_feed": "to_compute", "to_vector": "to_vector", "to_writeback": "to_store",
    "ask_sequencer": "ask_sequencer", "ask_fetch": "ask_fetch", "ask_writeback": "ask_writeback",
    "context": "context", "batch": "batch", "weight": "weight",
}  # fmt: skip


class MachineBench:
    """Memory of kind `ideal`; the commands stand behind the memory of the Program."""

    def __init__(self, spec: AcceleratorSpec, program: Program, inputs: dict[str, Any]) -> None:
        self.spec, self.program, self.state = spec, program, new_state(spec, program)
        self.size = spec.memory.beat_bytes
        self.base = -(-program.memory_bytes // 64 // self.size) * 64 * self.size
        words = program.words.ravel()
        self.memory = np.zeros(self.base + len(words) + self.size, np.uint8)
        self.inputs = inputs
        fill_memory(self.memory[: program.memory_bytes], program, inputs)
        self.memory[self.base : self.base + len(words)] = words
        self.answers: deque[bytes | None] = deque([None] * (spec.memory.latency_cycles + 1))
        self.held = Counter[str]()
        self.count = Counter[str]()

    def cycle(self, dut: Any, ctx: Any, n: int) -> bool:
        m, s = self.state.machine, self.state
        finished = m.run.remaining == 0 and bool(m.sequencer.ended)
        answer = self.answers.popleft()
        ctx.set(dut.i_response.valid, answer is not None)
        if answer is not None:
            ctx.set(dut.i_response.payload, int.from_bytes(answer, "little"))
        ctx.set(dut.o_request.ready, 1)
        for model, gates in LINKS.items():
            link, held = dut.links[gates], int(getattr(m, model).held)
            differ(n, model, "room", ctx.get(link.i.ready), int(held < getattr(m, model).depth))
            differ(n, model, "an item", ctx.get(link.o.valid), int(held > 0))
            differ(n, model, "how many items it holds", self.held[gates], held)
            pushed, popped = ctx.get(link.i.valid & link.i.ready), ctx.get(link.o.valid & link.o.ready)
            self.held[gates] += pushed - popped
            self.count[model] += pushed
        for q, name in enumerate(QUEUE_OF):
            there = sum(1 << p for p in range(4) if m.tokens.held[p, q])
            differ(n, "tokens", f"tokens for {name}", ctx.get(getattr(dut.tokens, f"i_{name}").there), there)
        differ(n, "top", "the end", ctx.get(dut.o_ended), int(finished))
        self.answers.append(self.serve(ctx.get(dut.o_request.valid), dut, ctx))
        tick(m, s.table, s.log, s.left_in_layer)
        self.count["cycle"] += 1
        assert n < 20_000, "the machine stands still"
        return not finished

    def serve(self, valid: int, dut: Any, ctx: Any) -> bytes | None:
        if not valid:
            return None
        request = ctx.get(dut.o_request.payload)
        at = request.address
        if not request.write:
            return self.memory[at : at + self.size].tobytes()
        data = np.frombuffer(request.data.to_bytes(self.size, "little"), np.uint8)
        where = [k for k in range(self.size) if request.mask >> k & 1]
        self.memory[[at + k for k in where]] = data[where]
        return None

    def check_memory(self) -> None:
        """Every byte, against the values of the Program in the order in which the engine ended its commands."""
        run = Functional(self.spec, self.program)
        run.run(self.inputs, np.argsort(self.state.log[:-1, ENDED], kind="stable"))
        size = self.program.memory_bytes
        wrong = np.flatnonzero(self.memory[:size] != run.values.memory[:size])
        if len(wrong):
            at = int(wrong[0])
            differ(self.count["cycle"], "memory", f"byte {at}", int(self.memory[at]), int(run.values.memory[at]))


def compare(spec: AcceleratorSpec, program: Program, inputs: dict[str, Any] | None = None) -> Counter[str]:
    """What was compared: cycles, and items a link."""
    check_program(program)
    dut, bench = Top(spec), MachineBench(spec, program, inputs or {})

    def cycle(ctx: Any, n: int) -> bool:
        if n == 0:
            ctx.set(dut.i_base, bench.base)
            ctx.set(dut.i_words, len(program.words))
        return bench.cycle(dut, ctx, n)

    simulate(dut, cycle)
    bench.check_memory()
    return bench.count

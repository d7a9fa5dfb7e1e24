"""How much faster is the engine than its own gates, on the same Program, which both end in the same cycle?

Gates: rtl/top.py in Amaranth's simulator, with an ideal memory beside it. The tests compare every link at every edge; here they only run.
"""

import time
from collections import deque
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from benchmarks.layers import gemm
from benchmarks.measure import Figure, median_cpu_s, show
from hwsim import trip
from hwsim.engine import run_cycles
from hwsim.functional import fill_memory
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.trip.stages import machine_inputs
from rtl.top import Top

MACHINES, GEMM, PATTERN = ("tiny4", "tiny8"), (8, 32, 16), "2:8"
LONGEST = 50_000


class IdealMemory:
    """Answers a read `latency_cycles` + 1 cycles after it was asked. The commands stand behind the Program's own memory."""

    def __init__(self, spec: AcceleratorSpec, program: Program, inputs: dict[str, Any]) -> None:
        self.size = spec.memory.beat_bytes
        self.base = -(-program.memory_bytes // (64 * self.size)) * 64 * self.size
        words = program.words.ravel()
        self.bytes = np.zeros(self.base + len(words) + self.size, np.uint8)
        fill_memory(self.bytes[: program.memory_bytes], program, inputs)
        self.bytes[self.base : self.base + len(words)] = words
        self.answers: deque[bytes | None] = deque([None] * (spec.memory.latency_cycles + 1))

    def cycle(self, dut: Top, ctx: Any) -> None:
        answer = self.answers.popleft()
        ctx.set(dut.i_response.valid, answer is not None)
        if answer is not None:
            ctx.set(dut.i_response.payload, int.from_bytes(answer, "little"))
        self.answers.append(self._serve(ctx.get(dut.o_request.payload)) if ctx.get(dut.o_request.valid) else None)

    def _serve(self, request: Any) -> bytes | None:
        at = request.address
        if not request.write:
            return self.bytes[at : at + self.size].tobytes()
        data = np.frombuffer(request.data.to_bytes(self.size, "little"), np.uint8)
        where = [k for k in range(self.size) if request.mask >> k & 1]
        self.bytes[[at + k for k in where]] = data[where]
        return None


def run_gates(spec: AcceleratorSpec, program: Program, memory: IdealMemory) -> tuple[int, float]:
    """Cycles until the machine has ended, and CPU seconds without elaboration."""
    dut, cycles = Top(spec), 0

    async def bench(ctx: Any) -> None:
        nonlocal cycles
        ctx.set(dut.i_base, memory.base)
        ctx.set(dut.i_words, len(program.words))
        ctx.set(dut.o_request.ready, 1)
        while not ctx.get(dut.o_ended):
            assert cycles < LONGEST, "the machine stands still"
            memory.cycle(dut, ctx)
            await ctx.tick()
            cycles += 1

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    start = time.process_time()
    sim.run()
    return cycles, time.process_time() - start


def main() -> None:
    figures = []
    rows, depth, cols = GEMM
    network = trip.prune(gemm("fc", rows, depth, cols), PATTERN)
    for name in MACHINES:
        spec = load_machine(name)
        program = trip.compile(network, spec)
        memory = IdealMemory(spec, program, machine_inputs(program, network.inputs))
        cycles, gates_s = run_gates(spec, program, memory)
        engine_s, (_, _, same) = median_cpu_s(lambda s=spec, p=program: run_cycles(s, p), times=50)
        assert cycles == int(same.sum()), (cycles, int(same.sum()))
        figures += [
            Figure(f"{name}: {cycles:,} cycles in the gates, Amaranth's simulator", f"{cycles / gates_s / 1e3:.2f} k cycles/s"),
            Figure(f"{name}: the engine, {engine_s * 1e6:.0f} us with the decoding of commands", f"{gates_s / engine_s:,.0f} x"),
        ]
    show(f"gates beside the engine, {rows} x {depth} x {cols}, {PATTERN}", figures)


if __name__ == "__main__":
    main()

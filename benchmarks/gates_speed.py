"""How fast are compiled gates, and how much faster is the engine on the same Program, ended in the same cycle?

Gates: rtl/probes.py beside an ideal memory in C++, as the tests have them, without a comparison. Verilator where it is installed.
"""

import time

from benchmarks.layers import gemm
from benchmarks.measure import Figure, median_cpu_s, show
from hwsim import trip
from hwsim.engine import run_cycles
from hwsim.spec.load import load_machine
from hwsim.spec.program import Program
from hwsim.trip.stages import machine_inputs
from hwsim.twin.compare import laid_out
from rtl.machine import CompiledMachine, machine_of
from rtl.simulators import choose

MACHINES, GEMM, PATTERN = ("tiny4", "tiny8"), (64, 128, 64), "2:8"
LONGEST = 1 << 30


def run_gates(machine: CompiledMachine, program: Program, network: trip.Network) -> tuple[int, float]:
    """Cycles until the machine has ended, and CPU seconds."""
    memory, base = laid_out(machine.spec, program, machine_inputs(program, network.inputs))
    run = machine.run(memory, base, len(program.words))
    start = time.process_time()
    cycles = run.finish(LONGEST)
    return cycles, time.process_time() - start


def main() -> None:
    figures = []
    rows, depth, cols = GEMM
    network = trip.prune(gemm("fc", rows, depth, cols), PATTERN)
    for name in MACHINES:
        spec = load_machine(name)
        program = trip.compile(network, spec)
        engine_s, (_, _, same) = median_cpu_s(lambda s=spec, p=program: run_cycles(s, p), times=20)
        total = int(same.sum())
        figures.append(Figure(f"{name}: {total:,} cycles, the engine", f"{total / engine_s / 1e6:.1f} M cycles/s"))
        cycles, gates_s = run_gates(machine_of(spec), program, network)
        assert cycles == total, (cycles, total)
        figures.append(Figure(f"{name}: the gates, {choose().name}", f"{cycles / gates_s / 1e3:,.0f} k cycles/s"))
        figures.append(Figure(f"{name}: engine / gates", f"{gates_s / engine_s:,.0f} x"))
    show(f"gates beside the engine, {rows} x {depth} x {cols}, {PATTERN}", figures)


if __name__ == "__main__":
    main()

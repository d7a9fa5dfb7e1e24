"""How many machine cycles does the engine simulate in a second of one core, without values, for arrays of each size?

The same network on dense32 with its array, and what feeds it, made smaller and larger. `every component` steps also those
that wait (tests hold the counts of both equal); it is what the speed would be without that.
"""

import time
from dataclasses import replace
from statistics import median

from benchmarks.measure import Figure, show
from hwsim import trip
from hwsim.engine import run_cycles
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.trip.stages import lower

NETWORK = "resnet18"
SIDES = (8, 16, 32, 64, 128)
ASKED = ">= 20 M cycles/s"
ROUNDS, LEAST_CYCLES = 7, 4_000_000


def square(side: int) -> AcceleratorSpec:
    """dense32 around a side x side array, each width for each row or column as before."""
    base = load_machine("dense32")
    wide = {
        f"levels__{level}__width_bits": getattr(base.levels, level).width_bits * side // base.array.rows
        for level in ("act", "weight", "acc", "vec")
    }
    return base.with_(name=f"dense{side}", array__rows=side, array__cols=side, vector__lanes=side, **wide)


def rates() -> dict[int, tuple[int, float, float]]:
    """Side -> cycles, M cycles a second, the same with every component stepped. The sizes take turns, as the host's speed changes."""
    network = trip.load(NETWORK)
    network = replace(network, graph=lower(network, load_machine("dense32")))
    programs = {side: (square(side), trip.compile(network, square(side))) for side in SIDES}
    totals = {side: int(run_cycles(m, p)[2].sum()) for side, (m, p) in programs.items()}
    fast: dict[int, list[float]] = {side: [] for side in SIDES}
    slow: dict[int, list[float]] = {side: [] for side in SIDES}
    for _ in range(ROUNDS):
        for side, (machine, program) in programs.items():
            repeat = max(1, LEAST_CYCLES // totals[side])
            fast[side].append(seconds(machine, program, repeat, totals[side], eager=False))
            slow[side].append(seconds(machine, program, repeat, totals[side], eager=True))
    return {side: (n, n / median(fast[side]) / 1e6, n / median(slow[side]) / 1e6) for side, n in totals.items()}


def seconds(machine: AcceleratorSpec, program: Program, repeat: int, cycles: int, *, eager: bool) -> float:
    """CPU seconds of one run, by so many."""
    start = time.process_time()
    for _ in range(repeat):
        assert int(run_cycles(machine, program, eager=eager)[2].sum()) == cycles
    return (time.process_time() - start) / repeat


def main() -> None:
    found = rates()
    figures = [
        Figure(f"{side:>3} x {side:<3} {cycles:>12,} cycles; every component: {slow:.1f} M/s", f"{fast:.1f} M cycles/s", ASKED)
        for side, (cycles, fast, slow) in found.items()
    ]
    of_32 = found[32][1]
    ratios = ", ".join(f"{side}: {fast / of_32:.2f}" for side, (_, fast, _) in found.items())
    show(f"engine, {NETWORK}, no values, one core", [*figures, Figure("speed beside 32 x 32", "", ratios)])


if __name__ == "__main__":
    main()

"""How many machine cycles does the engine simulate in a second of one core, without values, for arrays of each size?

The same network on dense32 with its array, and what feeds it, made smaller and larger. `every component` steps also those
that wait (tests hold the counts of both equal); it is what the speed would be without that.
"""

from dataclasses import replace

from benchmarks.measure import Figure, median_cpu_s, show
from hwsim import trip
from hwsim.engine import run_cycles
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.trip.stages import lower

NETWORK = "resnet18"
SIDES = (8, 16, 32, 64, 128)
ASKED = ">= 20 M cycles/s"


def square(side: int) -> AcceleratorSpec:
    """dense32 around a side x side array, each width for each row or column as before."""
    base = load_machine("dense32")
    wide = {
        f"levels__{level}__width_bits": getattr(base.levels, level).width_bits * side // base.array.rows
        for level in ("act", "weight", "acc", "vec")
    }
    return base.with_(name=f"dense{side}", array__rows=side, array__cols=side, vector__lanes=side, **wide)


def rates() -> dict[int, tuple[int, float, float]]:
    """Side -> cycles, M cycles a second, the same with every component stepped."""
    network = trip.load(NETWORK)
    network = replace(network, graph=lower(network, load_machine("dense32")))
    out = {}
    for side in SIDES:
        machine = square(side)
        program = trip.compile(network, machine)
        fast_s, (_, _, cycles) = median_cpu_s(lambda m=machine, p=program: run_cycles(m, p))
        slow_s, (_, _, same) = median_cpu_s(lambda m=machine, p=program: run_cycles(m, p, eager=True), times=1)
        total = int(cycles.sum())
        assert total == int(same.sum())
        out[side] = (total, total / fast_s / 1e6, total / slow_s / 1e6)
    return out


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

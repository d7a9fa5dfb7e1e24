"""How many machine cycles does the engine simulate in a second of one core, without values, for arrays of each size?"""

from benchmarks.measure import Figure, best_cpu_s, show
from hwsim import trip
from hwsim.engine import run_cycles
from hwsim.explore import resized
from hwsim.spec.load import load_machine

SIDES = (8, 16, 32, 64, 128)
ASKED = ">= 20 M"


def main() -> None:
    network = trip.load("resnet18")
    figures = []
    for side in SIDES:
        machine = resized(load_machine("dense32"), side, side)
        program = trip.compile(network, machine)
        cpu_s, (_, _, cycles) = best_cpu_s(lambda m=machine, p=program: run_cycles(m, p))
        rate = int(cycles.sum()) / cpu_s / 1e6
        figures.append(Figure(f"{side:>3} x {side:<3} {int(cycles.sum()):>12,} cycles", f"{rate:.1f} M cycles/s", ASKED))
    show("engine, ResNet-18, no values, one core", figures)


if __name__ == "__main__":
    main()

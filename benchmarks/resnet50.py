"""What does ResNet-50 at batch 1 cost: in the engine alone, and as a whole command?"""

from benchmarks.measure import Figure, best_cpu_s, run_python, show
from hwsim import trip
from hwsim.engine import run_cycles, simulate
from hwsim.spec.load import load_machine

COMMAND = "from hwsim.cli import main; main(['run', 'resnet50', '--machine', 'dense32', '--no-values', '--json'])"


def main() -> None:
    machine = load_machine("dense32")
    network = trip.load("resnet50")
    program = trip.compile(network, machine)
    cpu_s, (_, _, cycles) = best_cpu_s(lambda: run_cycles(machine, program))
    whole_s, _ = best_cpu_s(lambda: simulate(machine, program, values=False))
    run_python(COMMAND)
    command = run_python(COMMAND)
    show(
        f"ResNet-50, batch 1, dense32, no values: {int(cycles.sum()):,} cycles",
        [
            Figure("engine", f"{cpu_s:.2f} CPU s", "< 0.5 s"),
            Figure("engine with verifier and action counts", f"{whole_s:.2f} CPU s"),
            Figure("whole command, mapping included", f"{command.cpu_s:.2f} CPU s", "< 5 s"),
            Figure("peak memory of the command", f"{command.peak_mib:,.0f} MiB", "< 1,024 MiB"),
        ],
    )


if __name__ == "__main__":
    main()

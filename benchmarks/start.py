"""How long does a first call take, with the kernels compiled on disk?"""

from benchmarks.measure import Figure, run_python, show

ENGINE = """
from hwsim import trip
from hwsim.spec.load import load_machine
machine, network = load_machine("tiny4"), trip.load("mlp", layers="fc3")
trip.simulate(network, trip.compile(network, machine), machine)
"""
COMMAND = "from hwsim.cli import main; main(['machines'])"


def main() -> None:
    run_python(ENGINE)
    cold, listing = run_python(ENGINE), run_python(COMMAND)
    show(
        "cold start, kernels compiled before",
        [
            Figure("import, load kernels, run one small layer", f"{cold.cpu_s:.2f} CPU s, {cold.wall_s:.2f} s", "< 3 s"),
            Figure("hwsim machines", f"{listing.cpu_s:.2f} CPU s, {listing.wall_s:.2f} s"),
        ],
    )


if __name__ == "__main__":
    main()

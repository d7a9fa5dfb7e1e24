"""How much memory latency do the threads of a pipeline hide? The gather of thread_speed over threads a pipeline and DRAM latency."""

from benchmarks.measure import Figure, show
from benchmarks.thread_speed import gather
from hwsim.spec.load import load_thread_machine
from hwsim.spec.thread import ThreadMachineSpec

THREADS, LATENCIES, ELEMENTS = (1, 2, 4, 8, 12, 16), (1, 2, 3, 4), 60_000


def share(threads: int, latency: int) -> float:
    """Of the DRAM channel's peak."""
    r = gather(elements=ELEMENTS, threads=threads, latency=latency).result
    return r.counter("dram_busy_cycles") / r.cycles


def main() -> None:
    spec: ThreadMachineSpec = load_thread_machine("piuma")
    figures = []
    for latency in LATENCIES:
        curve = ", ".join(f"{t}: {100 * share(t, latency):.1f} %" for t in THREADS)
        figures.append(Figure(f"DRAM latency {latency * spec.dram.latency_cycles} cycles", "", curve))
    show("thread machine, DRAM bandwidth used by a gather, over threads a pipeline", figures)


if __name__ == "__main__":
    main()

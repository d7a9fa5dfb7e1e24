"""How many instructions a second does the thread machine's engine simulate on one core, and what does a run of 256 blocks take?

`issue`: integer and floating-point instructions alone, all 66 threads of a block issuing. `gather`: two loads an element. The last run has
16,896 threads on 256 blocks and checks its sum.
"""

import resource
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.measure import Figure, show, spent
from hwsim.spec.load import load_thread_machine
from hwsim.thread import Image, Memory, ThreadRun, load_image, run_threads

KERNELS = Path(__file__).parent / "kernels"
ASKED = ">= 20 M instructions/s"
ROUNDS, ITERATIONS, ELEMENTS = 5, 10_000, 400_000
BLOCKS, PER_BLOCK, PROCESSES = 256, 2_000, (1, 2)


def kernel(name: str) -> Image:
    return load_image(KERNELS / f"{name}.hex")


def issue(iterations: int = ITERATIONS) -> ThreadRun:
    spec = load_thread_machine("piuma")
    memory = Memory(spec)
    return run_threads(spec, kernel("issue"), memory, (iterations, memory.reserve(8 * spec.threads)))


def gather(blocks: int = 1, elements: int = ELEMENTS, processes: int = 1, threads: int = 16, latency: int = 1) -> ThreadRun:
    """Checked: the sum is NumPy's."""
    spec = load_thread_machine("piuma")
    spec = spec.with_(blocks=blocks, mtp__threads=threads, dram__latency_cycles=latency * spec.dram.latency_cycles)
    seeded, memory = np.random.default_rng(0), Memory(spec)
    x, index = seeded.random(elements), seeded.integers(0, elements, elements)
    out = memory.reserve(8)
    run = run_threads(spec, kernel("gather"), memory, (memory.place(x), memory.place(index), elements, out), processes=processes)
    assert np.isclose(run.read(out, 1, np.float64)[0], x[index].sum())
    return run


def rate(of: str) -> tuple[int, float]:
    """Instructions of a run, millions of them a CPU second."""
    run = {"issue": issue, "gather": gather}[of]
    count, found = run().result.instructions, []
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        found.append(count / (time.process_time() - start) / 1e6)
    return count, median(found)


def many(processes: int) -> Figure:
    start, before = time.perf_counter(), spent()
    r = gather(BLOCKS, BLOCKS * PER_BLOCK, processes).result
    wall, cpu = time.perf_counter() - start, spent() - before
    peak = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 2**20
    what = f"{BLOCKS} blocks, {len(r.threads):,} threads, {r.cycles:,} cycles, {r.instructions:,} instructions, {processes} processes"
    return Figure(what, f"{wall:.1f} s, {cpu:.1f} CPU s", f"peak of this process and its children so far {peak:.2f} GiB")


def main() -> None:
    figures = [
        Figure(f"{name}, {count:,} instructions", f"{speed:.1f} M instructions/s", ASKED)
        for name in ("issue", "gather")
        for count, speed in [rate(name)]
    ]
    show("thread machine, one block of piuma, one core", figures)
    show("thread machine, many blocks", [many(p) for p in PROCESSES])


if __name__ == "__main__":
    main()

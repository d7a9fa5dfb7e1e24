"""How does a kernel of my own in C scale with the threads of a pipeline on a thread machine?"""

from pathlib import Path

import numpy as np

from hwsim.report.thread import measures
from hwsim.spec.load import load_thread_machine
from hwsim.thread import Memory, compile_kernel, run_threads

N = 20_000
x = np.random.default_rng(0).random(N)
image = compile_kernel(Path(__file__).parent / "sum.c")
print("threads a pipeline     us  DRAM used  energy uJ")
for threads in (1, 2, 4, 8, 16):
    spec = load_thread_machine("piuma").with_(mtp__threads=threads)
    memory = Memory(spec)
    where, out = memory.place(x), memory.reserve(8)
    run = run_threads(spec, image, memory, (where, N, out))
    assert np.isclose(run.read(out, 1, np.float64)[0], x.sum())
    m = measures(run.result, spec)
    energy = sum(p.typical for p in m.energy_pj.values()) / 1e6
    print(f"{threads:>18} {m.time_us:>6.1f} {100 * m.dram_used:>8.1f} % {energy:>9.2f}")

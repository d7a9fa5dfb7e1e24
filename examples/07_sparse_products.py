"""What do tokens and fragmented memory gain in a product of two sparse matrices, and what did threads wait for before?"""

from hwsim.report.thread import measures
from hwsim.spec.load import load_thread_machine
from hwsim.workloads.run import run_workload
from hwsim.workloads.table import Options
from models.matrices import rmat

machine = load_thread_machine("piuma")
a, b = rmat(8, seed=0), rmat(8, seed=1)
print(f"{a}; times another one, on {machine.name}\n")
print("version       cycles  beside v1  instructions a cycle  DRAM used  at barriers")
first = 0
for version in ("v1", "v2", "v3"):
    run = run_workload("spgemm", machine, a, Options(version, second=b))
    m = measures(run.result, machine)
    first = first or m.cycles
    print(
        f"{version:8}{m.cycles:12,}{first / m.cycles:9.2f} x{m.instructions / m.cycles:22.2f}"
        f"{100 * m.dram_used:9.1f} %{100 * m.waits['collective']:11.1f} %"
    )
print(f"\nchecked against {run.checked.against}: {run.answer.nnz:,} entries")

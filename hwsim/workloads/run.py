"""Runs one workload: reads the matrix, lays it out, runs the kernel, checks the answer."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hwsim.spec.errors import MatrixError, SimulationError
from hwsim.spec.load import load_thread_machine
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.thread import Memory, run_threads
from hwsim.thread_result import ThreadResult
from hwsim.workloads.images import image
from hwsim.workloads.inputs import Source
from hwsim.workloads.layout import Checked, Layout
from hwsim.workloads.table import TABLE, Options
from models.matrices import Matrix

LARGEST = 1e100  # of a value: sums of products stay doubles


@dataclass(frozen=True)
class Outcome:
    """`answer`: as the workload gives it; `work`: named amounts, as multiplies or edges; `spans`: of the trace."""

    workload: str
    version: str
    matrix: Matrix
    machine: ThreadMachineSpec
    work: dict[str, int]
    checked: Checked
    result: ThreadResult
    answer: Any
    spans: Any


def run_workload(
    name: str, spec: ThreadMachineSpec, a: Matrix, options: Options, *, processes: int = 1, trace: bool = False
) -> Outcome:
    """Raises SimulationError where the answer is not the oracle's."""
    workload = TABLE[name]
    version = workload.check(options)
    for matrix in (a, options.second):
        _check_range(matrix)
    memory = Memory(spec)
    task = workload.prepare(Layout(memory, spec.blocks), spec, a, replace(options, version=version or None))
    run = run_threads(spec, image(task.image), memory, args=task.args, processes=processes, trace=trace)
    answer = task.read(run)
    checked = task.check(answer)
    if not checked.equal:
        said = f"differs from {checked.against} by {checked.worst:.3g} x what is allowed"
        raise SimulationError(f"{' '.join((name, version)).strip()}: {said}; report this")
    return Outcome(name, version, a, spec, task.work, checked, run.result, answer, run.spans)


def _check_range(matrix: Matrix | None) -> None:
    most = float(np.abs(matrix.values).max(initial=0)) if matrix is not None else 0.0
    if matrix is not None and most > LARGEST:
        raise MatrixError(f"{matrix.where}: a value of {most:.3g}, and sums of products may leave doubles; scale it to {LARGEST:g} or less")


@dataclass(frozen=True)
class WorkloadJob:
    """What `hwsim run` is asked for, as words. `options` without a second matrix: that comes from the source."""

    workload: str
    machine: str
    source: Source
    options: Options
    blocks: int | None = None
    processes: int = 1
    trace: bool = False


def run_job(job: WorkloadJob, progress: Any) -> Outcome:
    spec = load_thread_machine(job.machine)
    if job.blocks is not None:
        spec = spec.with_(blocks=job.blocks)
    TABLE[job.workload].check(job.options)
    progress("read", 0, 1)
    takes = "second" in TABLE[job.workload].takes
    a, second = job.source.read(), job.source.read_second(takes)
    progress("run", 0, 1)
    return run_workload(
        job.workload, spec, a, replace(job.options, second=second), processes=job.processes, trace=job.trace
    )

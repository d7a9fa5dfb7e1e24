"""Many trips at once: machines x patterns x networks over processes, or over a cluster."""

import csv
import io
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hwsim.report.report import ZERO, Range
from hwsim.spec.errors import HwsimError
from hwsim.spec.machine import AcceleratorSpec


@dataclass(frozen=True)
class Trial:
    """One trip. `network`: a name of the zoo or a path; `pattern`: kept:block, or dense."""

    network: str
    machine: AcceleratorSpec
    pattern: str = "dense"
    batch: int = 1
    seq: int | None = None


@dataclass(frozen=True)
class Point:
    """What a trip came to. `fault`: why there was none, else empty; the figures are then 0."""

    network: str
    machine: str
    digest: str
    pattern: str
    cycles: int = 0
    time_us: float = 0.0
    utilisation: float = 0.0
    dram_bits: int = 0
    energy_pj: Range = ZERO
    area_um2: Range = ZERO
    fault: str = ""


Trip = Callable[[Trial], Point]


def trials(
    machines: Sequence[AcceleratorSpec],
    patterns: Sequence[str],
    networks: Sequence[str],
    *,
    batch: int = 1,
    seq: int | None = None,
) -> list[Trial]:
    """All combinations; trials of one network and pattern stand together, so that a worker reads and
    prunes it once.
    """
    return [Trial(n, m, p, batch, seq) for n, p, m in product(networks, patterns, machines)]


def sweep(
    todo: Sequence[Trial], trip: Trip, *, workers: int | None = None, cluster: str | None = None
) -> list[Point]:
    """One point a trial, in the order of the trials however many workers there are. A trip that
    raises a HwsimError becomes a point with a fault. `cluster`: address of a Dask scheduler in
    place of `workers` local processes. A bar on stderr shows how far it is.
    """
    points: list[Point | None] = [None] * len(todo)
    with _executor(workers, cluster, len(todo)) as pool, _bar() as bar:
        task = bar.add_task("sweep", total=len(todo))
        places = {pool.submit(attempt, trip, trial): i for i, trial in enumerate(todo)}
        for future in as_completed(places):
            points[places[future]] = future.result()
            bar.advance(task)
    return [p for p in points if p is not None]


def attempt(trip: Trip, trial: Trial) -> Point:
    """Runs in the worker."""
    try:
        return trip(trial)
    except HwsimError as e:
        m = trial.machine
        return Point(trial.network, m.name, m.digest, trial.pattern, fault=str(e).splitlines()[0])


@contextmanager
def _executor(workers: int | None, cluster: str | None, most: int) -> Iterator[Executor]:
    if cluster is not None:
        from distributed import Client

        with Client(cluster) as client:
            yield client.get_executor()
        return
    count = max(1, min(workers or os.cpu_count() or 1, most))
    with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def to_csv(points: Sequence[Point]) -> str:
    """A line a point; energy and area as low, typical, high."""
    out = io.StringIO()
    columns = [*PLAIN, *(f"{r}_{end}" for r in RANGES for end in ENDS), "fault"]
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(columns)
    for p in points:
        ranges = [getattr(getattr(p, r), end) for r in RANGES for end in ENDS]
        rows.writerow([*(getattr(p, c) for c in PLAIN), *ranges, p.fault])
    return out.getvalue()


PLAIN = ("network", "machine", "digest", "pattern", "cycles", "time_us", "utilisation", "dram_bits")
RANGES, ENDS = ("energy_pj", "area_um2"), ("low", "typical", "high")

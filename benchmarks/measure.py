"""CPU time and memory of this process and of others, and lines for a table of figures."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """One measured number beside the asked one; `asked` empty: for information."""

    what: str
    value: str
    asked: str = ""

    def line(self) -> str:
        return f"  {self.what:<58} {self.value:>22}   {self.asked}".rstrip()


def show(title: str, figures: list[Figure]) -> None:
    print(title, flush=True)
    for f in figures:
        print(f.line(), flush=True)
    print(flush=True)


def best_cpu_s(work: Callable[[], T], times: int = 3) -> tuple[float, T]:
    """The least CPU time of several runs, after one that compiles, and the last run's value."""
    value = work()
    spent = []
    for _ in range(times):
        start = time.process_time()
        value = work()
        spent.append(time.process_time() - start)
    return min(spent), value


@dataclass(frozen=True)
class Finished:
    """`cpu_s`: user and system time of the process and its children; `peak_mib`: resident set."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    out: str


def run_python(code: str, *args: str, python: str = sys.executable, cwd: str | None = None) -> Finished:
    """Runs the code in a process of its own, on one thread."""
    wrapped = (
        "import resource as _r, sys as _s\n" + code + "\n"
        "_u, _c = _r.getrusage(_r.RUSAGE_SELF), _r.getrusage(_r.RUSAGE_CHILDREN)\n"
        "print('\\0', _u.ru_utime + _u.ru_stime + _c.ru_utime + _c.ru_stime, max(_u.ru_maxrss, _c.ru_maxrss), file=_s.stderr)\n"
    )
    start = time.perf_counter()
    done = subprocess.run([python, "-c", wrapped, *args], capture_output=True, text=True, check=False, cwd=cwd)
    wall = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    cpu, peak = done.stderr.rsplit("\0", 1)[1].split()
    return Finished(float(cpu), wall, int(peak) / (1024 if sys.platform != "darwin" else 2**20), done.stdout)


def own_peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

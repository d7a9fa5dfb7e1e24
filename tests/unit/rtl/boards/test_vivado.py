"""Vivado projects, as far as they can be checked without Vivado: Verilog that lints, a script that Tcl runs, pins for every port."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from hwsim.cli import main
from hwsim.spec.errors import BuildError
from hwsim.spec.load import dump_machine
from rtl.boards.vivado import VIVADO_BOARDS, constraints, project, script, wrapper
from rtl.simulators import Verilator, choose
from tests.harness.small_linear import TWO

SPEC = TWO
BOARDS = pytest.mark.parametrize("board", VIVADO_BOARDS)
# commands whose first word behind the options is a thing that the block design then has
MADE = {"create_bd_cell", "create_bd_port", "create_bd_intf_port"}
FOUND = {"get_bd_cells", "get_bd_ports", "get_bd_intf_ports", "get_bd_pins", "get_bd_intf_pins"}
REST = """create_project add_files update_compile_order create_bd_design set_property connect_bd_net connect_bd_intf_net assign_bd_address
get_bd_addr_spaces get_bd_addr_segs validate_bd_design save_bd_design make_wrapper get_files current_fileset launch_runs wait_on_run
open_run report_timing_summary report_utilization""".split()


def run_script(text: str) -> tuple[list[str], list[str], list[str]]:
    """What the script made, in order; what it asked for; and what of that nobody had made before."""
    tkinter = pytest.importorskip("tkinter", reason="this Python comes without Tcl")
    tcl, made, wired, lost = tkinter.Tcl(), list[str](), list[str](), list[str]()

    def make(*words: str) -> str:
        made.append(words[-1])
        return words[-1]

    def find(*words: str) -> str:
        (wired if words[-1].split("/")[0] in made else lost).append(words[-1])
        return words[-1]

    for name in MADE:
        tcl.createcommand(name, make)
    for name in FOUND:
        tcl.createcommand(name, find)
    for name in REST:
        tcl.createcommand(name, lambda *words: "x")
    tcl.eval(text)
    return made, wired, lost


@BOARDS
def test_the_script_runs_and_wires_what_it_made(board: str) -> None:
    made, wired, lost = run_script(script(SPEC, board, VIVADO_BOARDS[board], 1 << 20))
    assert len(made) == len(set(made)) == 12 and lost == []
    assert {name.split("/")[0] for name in wired} == set(made), "made, and connected with nothing"
    pins = [name for name in wired if "/" in name]
    assert len(pins) > 30
    assert run_script("get_bd_pins nothing/clk")[2] == ["nothing/clk"]


@BOARDS
def test_every_port_of_the_board_has_its_constraint(board: str) -> None:
    kind = VIVADO_BOARDS[board]
    text = constraints(SPEC, kind)
    pinned = dict(re.findall(r"PACKAGE_PIN (\w+).*\[get_ports (\w+)\]", text))
    assert pinned == {kind.clock_pins[0]: "pcie_refclk_clk_p", kind.clock_pins[1]: "pcie_refclk_clk_n", kind.reset_pin: "pcie_perstn"}
    assert "create_clock -period 10.000" in text
    ports = re.findall(r"^create_bd(?:_intf)?_port .* (\w+)$", script(SPEC, board, kind, 1 << 20), re.MULTILINE)
    # the lanes of PCIe stand where its block does
    assert {p for p in ports if p != "pci_express"} == {"pcie_refclk", "pcie_perstn"}


def test_the_verilog_is_whole(tmp_path: Path) -> None:
    """Every port of the machine is connected, with its width: Verilator's lint of pins and widths is fatal."""
    files = project(SPEC, "u280")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    tool = choose("verilator")
    assert isinstance(tool, Verilator)
    line = [tool.program, "--lint-only", "-Wno-lint", "-Wno-style", "-Wno-SYMRSVDWORD", "-Wwarn-PINMISSING", "-Wno-WIDTH"]
    line += ["--top-module", "hwsim_axi", "hwsim_axi.v", "machine.v"]
    environment = {"VERILATOR_ROOT": str(tool.root), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    (tmp_path / "hwsim_axi.v").write_text(wrapper(SPEC).replace("    .s_axi_rready(s_axi_rready)", "    .s_axi_bready(s_axi_rready)"))
    broken = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert broken.returncode != 0 and "s_axi_rready" in broken.stderr


def test_memory_that_the_part_has_not_is_refused() -> None:
    with pytest.raises(BuildError, match=r"^memory: 100000 bits; use a power of two from 65536 to 134217728$"):
        project(SPEC, "vcu1525", 100_000)


def test_the_command_line_writes_the_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "p"
    (tmp_path / "two.yaml").write_text(dump_machine(SPEC))
    assert main(["bitstream", "--board", "vcu1525", "-m", str(tmp_path / "two.yaml"), "-o", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["board"] == "vcu1525" and facts["digest"] == SPEC.digest
    assert {f.name for f in out.iterdir()} == {"machine.v", "hwsim_axi.v", "vcu1525.xdc", "build.tcl"}

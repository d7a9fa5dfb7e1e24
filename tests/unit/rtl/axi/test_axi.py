"""The machine between AXI4 and AXI4-Lite, as emitted Verilog, against the bus models of cocotbext-axi."""

import re
from pathlib import Path

import numpy as np
import pytest

from hwsim.functional import Functional
from hwsim.spec.errors import SpecError
from hwsim.spec.load import load_machine
from hwsim.twin.compare import laid_out
from rtl.axi.channels import control_ports, memory_ports
from rtl.axi.control import REGISTERS
from rtl.axi.memory import AxiMemory
from rtl.axi.top import AxiTop
from rtl.verilog import to_verilog
from tests.harness import cocotb_run
from tests.harness.small_linear import TWO, small_linear

SPEC = TWO


def case(folder: Path) -> Path:
    """Memory before and after a small layer's Program, from its functional run."""
    program, inputs, outputs = small_linear(SPEC, rows=3, k=16, n=4, kept=2, block=8)
    memory, base = laid_out(SPEC, program, inputs)
    run, after = Functional(SPEC, program), memory.copy()
    run.run(inputs)
    after[: program.memory_bytes] = run.values.memory[: program.memory_bytes]
    assert any(np.any(x) for x in outputs.values())
    np.savez(folder / "case.npz", memory=memory, after=after, base=base, words=len(program.words))
    return folder / "case.npz"


def run(patch: pytest.MonkeyPatch, folder: Path) -> tuple[int, list[str]]:
    ports = [*memory_ports(SPEC), *control_ports(), "o_interrupt"]
    env = {"AXI_CASE": str(case(folder)), "AXI_DIGEST": SPEC.digest}
    return cocotb_run.run(patch, to_verilog(AxiTop(SPEC), "axi_top"), "axi_top", ports, "tests.harness.cocotb_axi", folder, **env)


def test_programs_end_with_the_right_memory_whatever_the_bus_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path) == (3, [])


@pytest.mark.nightly
def test_writes_that_overtake_reads_are_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A planted fault: a beat's strobes are all on, so that a store wipes its neighbours."""
    elaborate = AxiMemory.elaborate

    def faulty(self: AxiMemory, platform: object) -> object:
        m = elaborate(self, platform)
        m.d.comb += self.m_axi_wstrb.eq((1 << self.spec.memory.beat_bytes) - 1)
        return m

    monkeypatch.setattr(AxiMemory, "elaborate", faulty)
    tests, said = run(monkeypatch, tmp_path)
    assert tests == 3 and any(re.search(r"\d+ bytes differ, the first at \d+", line) for line in said)


def test_a_memory_wider_than_the_bus_is_refused() -> None:
    spec = load_machine("dense32")
    with pytest.raises(SpecError, match=r"^memory\.width_bits: 2048 is wider than AXI4's 1024; use 1024 or less$"):
        AxiMemory(spec)


def test_registers_stand_apart() -> None:
    assert len({r.name for r in REGISTERS}) == len(REGISTERS)
    assert [r.address for r in REGISTERS] == list(range(0, 4 * len(REGISTERS), 4))

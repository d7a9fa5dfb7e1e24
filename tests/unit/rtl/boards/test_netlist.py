"""The smallest machine behind its serial line, as iCE40 cells: what Yosys makes of it gives the simulator's values and cycles."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hwsim.engine import simulate
from hwsim.host import connected
from hwsim.spec.commands import WORD_BYTES
from hwsim.spec.load import load_machine
from hwsim.spec.serial import State
from rtl.boards.build import BOARDS, build
from rtl.boards.system import System
from rtl.compiled import library
from tests.harness.board_gates import DRIVER, CompiledBoard, terminal
from tests.harness.netlist import netlist, packed
from tests.harness.small_linear import small_linear

CLOCKS_PER_BIT = 8
IMAGE_BYTES = 2048
SPEC = load_machine("tiny1")
PLANT = 'extern "C" void plant(board *b, long on) { set(b->g.i_fault(), on); }\n'


FAULT_AT, BOARD = "pe_0_0.product", "hx8k-evn"


def system() -> System:
    return System(SPEC, IMAGE_BYTES, CLOCKS_PER_BIT, silence_bits=64)


@pytest.fixture(scope="module")
def board() -> CompiledBoard:
    text = netlist(system(), BOARDS[BOARD].options, FAULT_AT)
    return CompiledBoard(ctypes.CDLL(str(library(text, "top", DRIVER + PLANT, "cxxrtl"))), CLOCKS_PER_BIT, stretch=5_000)


@pytest.fixture(scope="module")
def device(board: CompiledBoard) -> Iterator[str]:
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("hwsim.host.WAIT_SECONDS", 60.0)  # a simulated board is slow on a busy computer
    with terminal(board) as name:
        yield name
    monkeypatch.undo()


@pytest.mark.nightly
def test_the_netlist_gives_values_and_cycles_of_the_simulator(board: CompiledBoard, device: str) -> None:
    program, inputs, outputs = small_linear(SPEC, rows=4, k=16, n=4, kept=1, block=4)
    assert -(-program.memory_bytes // WORD_BYTES) * WORD_BYTES + program.words.size <= IMAGE_BYTES
    result, _ = simulate(SPEC, program, inputs, values=True)
    with connected(device, 115200) as host:
        for fault in (0, 1, 0):  # the last run finds what the faulty one left
            board.calls.plant(board.board, ctypes.c_long(fault))
            outcome = host.run(program, inputs, lambda stage, done, total: None)
            same = all(np.array_equal(outcome.outputs[name], values) for name, values in outputs.items())
            assert same != bool(fault), "the planted fault is not seen" if fault else "values differ"
            if not fault:
                assert outcome.cycles == result.cycles and host.status() == (State.ENDED, result.cycles)
    assert all(np.any(values) for values in outputs.values()), "the layer gives zeros alone"


def test_the_board_holds_the_smallest_machine() -> None:
    found = packed(system(), BOARDS[BOARD].options, FAULT_AT, BOARDS[BOARD].device)
    assert found["ICESTORM_LC"][0] > 5000 and all(used <= there for used, there in found.values()), found


@pytest.mark.nightly
def test_its_bitstream_is_routed_and_faster_than_the_boards_clock(tmp_path: Path) -> None:
    made = build(SPEC, BOARD, tmp_path, lambda stage, done, total: None)
    assert (tmp_path / made.file).stat().st_size > 100_000
    assert made.routed.fmax_mhz > 2 * made.clock_mhz and made.routed.used["lut"] <= made.routed.available["lut"]

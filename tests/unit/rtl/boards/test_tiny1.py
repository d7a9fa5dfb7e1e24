"""The smallest machine behind its serial line, as iCE40 cells: whether the board holds it."""

from pathlib import Path

import pytest

from hwsim.spec.commands import WORD_BYTES
from hwsim.spec.load import load_machine
from rtl.boards.build import BOARDS, build
from rtl.boards.system import System
from tests.harness.netlist import packed
from tests.harness.small_linear import small_linear

CLOCKS_PER_BIT = 8
IMAGE_BYTES = 2048
SPEC, BOARD = load_machine("tiny1"), "hx8k-evn"


def test_a_pruned_layer_fits_its_memory() -> None:
    program, _, _ = small_linear(SPEC, rows=4, k=16, n=4, kept=1, block=4)
    assert -(-program.memory_bytes // WORD_BYTES) * WORD_BYTES + program.words.size <= IMAGE_BYTES


def test_the_board_holds_the_smallest_machine() -> None:
    system = System(SPEC, IMAGE_BYTES, CLOCKS_PER_BIT, silence_bits=64)
    found = packed(system, BOARDS[BOARD].options, BOARDS[BOARD].device)
    assert found["ICESTORM_LC"][0] > 5000 and all(used <= there for used, there in found.values()), found


@pytest.mark.nightly
def test_its_bitstream_is_routed_and_faster_than_the_boards_clock(tmp_path: Path) -> None:
    made = build(SPEC, BOARD, tmp_path, lambda stage, done, total: None)
    assert (tmp_path / made.file).stat().st_size > 100_000
    assert made.routed.fmax_mhz > 2 * made.clock_mhz and made.routed.used["lut"] <= made.routed.available["lut"]

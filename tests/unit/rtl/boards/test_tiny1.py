"""The smallest machine behind its serial line, as iCE40 cells: whether the board holds it."""

from pathlib import Path

import pytest

from hwsim.spec.commands import WORD_BYTES
from rtl.boards.build import BOARDS, build
from tests.harness.netlist import packed, synthesised
from tests.harness.tiny1 import BAUD, BOARD, IMAGE_BITS, SPEC, layer


def test_a_pruned_layer_fits_its_memory() -> None:
    program, _, _ = layer()
    assert 8 * (-(-program.memory_bytes // WORD_BYTES) * WORD_BYTES + program.words.size) <= IMAGE_BITS


def test_the_board_holds_the_smallest_machine() -> None:
    with synthesised(SPEC, BOARD, IMAGE_BITS, BAUD) as folder:
        found = packed(folder, BOARDS[BOARD].device)
    assert found["ICESTORM_LC"][0] > 5000 and all(used <= there for used, there in found.values()), found


@pytest.mark.nightly
def test_its_bitstream_is_routed_and_faster_than_the_boards_clock(tmp_path: Path) -> None:
    made = build(SPEC, BOARD, tmp_path, lambda stage, done, total: None)
    assert (tmp_path / made.file).stat().st_size > 100_000
    assert made.routed.fmax_mhz > 2 * made.clock_mhz and made.routed.used["lut"] <= made.routed.available["lut"]

"""Program: file, text and regions."""

from pathlib import Path

import numpy as np

from hwsim.spec.program import Region, assemble, load_program
from tests.harness.programs import tiled_commands, tiled_program


def test_a_saved_program_loads_as_it_was(tmp_path: Path) -> None:
    made = tiled_program(3)
    made.save(tmp_path / "p.bin")
    read = load_program(tmp_path / "p.bin")
    for name in ("machine", "digest", "image_base", "memory_bytes", "inputs", "outputs", "layers"):
        assert getattr(read, name) == getattr(made, name), name
    np.testing.assert_array_equal(read.words, made.words)
    np.testing.assert_array_equal(read.image, made.image)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["p.bin"]


def test_text_reads_back() -> None:
    made = tiled_program(3)
    assert assemble(made.text()) == made.commands() == tiled_commands(3)


def test_text_leaves_out_what_is_default_and_reads_comments() -> None:
    short = assemble("# nothing\n\nstore waits=2 mem=640 run=32  # out\nend\n")
    assert short == assemble("store run=32 mem=640 waits=2 count0=1 buf=0\nend")
    assert tiled_program(1).text().splitlines()[0] == "load level=3 run=32"


def test_a_region_counts_bytes_beyond_64_bits() -> None:
    assert Region("x", 0, (2, 3), "fp16").bytes == 12
    assert Region("x", 0, (1 << 40, 1 << 40), "int32").bytes == 1 << 82

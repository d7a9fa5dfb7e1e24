"""Messages of hwsim.spec, whole: where, what, with the value; what to do."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hwsim.spec.errors import SpecError
from hwsim.spec.formats import Csr, RunLength, parse_format
from hwsim.spec.load import load_machine, machine_names
from hwsim.spec.patterns import NMPattern

NAMES = ", ".join(machine_names())
CASES: list[tuple[Callable[[], object], str]] = [
    (
        lambda: load_machine("sta"),
        f"machine: 'sta' is unknown; use {NAMES}, or a path to a .yaml file",
    ),
    (
        lambda: load_machine("no/such.yaml"),
        "no/such.yaml: cannot be read (No such file or directory); give a YAML file that exists and may be read",
    ),
    (
        lambda: load_machine(Path(__file__).parent),
        f"{Path(__file__).parent}: cannot be read (Is a directory); give a YAML file that exists and may be read",
    ),
    (
        lambda: NMPattern(2, 6),
        "pattern.block: 6 is not a power of two up to 32; use 1, 2, 4, 8, 16, 32",
    ),
    (lambda: NMPattern(5, 4), "pattern.kept: 5 of a block of 4; keep 1 to 4"),
    (lambda: NMPattern(True, 4), "pattern.kept: True is no whole number; write N:M, as 2:8"),
    (
        lambda: NMPattern.parse("two of eight"),
        "pattern: 'two of eight' does not read as N:M; write dense, or N:M as 2:8",
    ),
    (
        lambda: NMPattern(1, 2).check(np.ones(4)),
        "weights: block 0 has 2 non-zeros, 1:2 keeps 1; prune it to 1:2 first",
    ),
    (
        lambda: NMPattern(1, 2).select(np.array([np.nan])),
        "weights[0]: not a number; repair the network, a NaN has no magnitude",
    ),
    (
        lambda: NMPattern(1, 2).select(np.array(["a"])),
        "weights: of type <U1; give whole or floating-point numbers",
    ),
    (
        lambda: NMPattern(1, 2).select(np.zeros(4), axis=3),
        "axis: 3 of an array of 1 ranks; give a rank that it has",
    ),
    (
        lambda: parse_format("coo"),
        "format: 'coo' is unknown; use dense, bitmask, coordinate, rle, csr, rle:BITS or N:M",
    ),
    (lambda: RunLength(0), "format.run_bits: 0 is outside 1..16; use 4 or 5"),
    (
        lambda: Csr().encode(np.zeros(3)),
        "format: values of type float64 and 1 ranks; give one rank or more of int8, fp16, int32, fp32",
    ),
    (
        lambda: load_machine("sat").with_(array__row=3),
        "row: no such field; ArraySpec has rows, cols, dataflows",
    ),
]


@pytest.mark.parametrize(("act", "message"), CASES, ids=[m.split(";")[0][:40] for _, m in CASES])
def test_message(act: Callable[[], object], message: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        act()


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_bytes(b"name: \xff\n")
    with pytest.raises(
        SpecError, match=f"^{re.escape(str(file))}: byte 6 is not UTF-8; give a text file$"
    ):
        load_machine(file)

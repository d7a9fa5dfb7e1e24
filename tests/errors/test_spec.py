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
from hwsim.spec.prices import price_names, price_table
from hwsim.spec.prices.parts import PARTS

NAMES = ", ".join(machine_names())
TECHNOLOGIES = ", ".join(price_names())
SAT = load_machine("sat")
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
    (
        lambda: load_machine("sat").with_(vector__latency_cycles=300),
        "vector.latency_cycles: 300 asks for 302 results under way, 256 are the most; lower it",
    ),
    (
        lambda: price_table("3nm"),
        f"technology: '3nm' has no price table; use {TECHNOLOGIES}, or a path to a .yaml file",
    ),
    (
        lambda: price_table("45nm").price_pj(SAT, "pe.sneeze"),
        "actions: 'pe.sneeze' has no price; use pe.mac, pe.gated_mac, pe.skipped_mac, pe.padded_mac, nm_select.select, memory.read_bits,"
        " memory.write_bits, vector.op, sequencer.command or read_bits and write_bits of act, weight, meta, acc, vec",
    ),
    (
        lambda: price_table("45nm").energy_pj(SAT, {"pe.mac": None, "act.read_bits": None}),
        "actions: pe.mac, act.read_bits unknown; only pe.mac and pe.gated_mac may be, together, and with kept_macs",
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


TABLES = Path(__file__).parents[2] / "hwsim/spec/price_tables"
NODES = "HP45, HP32, HP20, HP16, HP14, HP10, HP7"
ORDER = "are not ascending from 0; put them in order"
PRICE_FAULTS = [
    (
        "volts: 0.9",
        "volts: 9",
        2,
        "volts: 9.0 is outside 0.4..1.3; the scaling rule holds there only",
    ),
    ("node: HP45", "node: N45", 1, f"node: 'N45' is unknown; use {NODES}"),
    (
        "sram: s",
        "base: 16nm\nsram: s",
        4,
        "sram: 's' with base '16nm'; name either a file of SRAM points or a table to scale",
    ),
    ("sram: s", "sram: t", 3, "sram: 't' has no file of points; use sram_45nm"),
    ("high: 4}", "high: 2}", 6, f"parts.add_fp32.pj.low: 1.0, typical 3.0, high 2.0 {ORDER}"),
    ("low: 1", "low: -1", 6, f"parts.add_fp32.pj.low: -1.0, typical 3.0, high 4.0 {ORDER}"),
    (
        "source: paper",
        "source: ' '",
        7,
        "parts.add_fp32.source: empty; say where the number is from",
    ),
    (
        "copy",
        "sure",
        8,
        "parts.add_fp32.confidence: 'sure' is unknown; use read, copy, run, derived, memory, assumed",
    ),
    ("add_fp32", "add_fp64", 5, f"parts.add_fp64: no such part; use {', '.join(PARTS)}"),
]
TABLE = """node: HP45
volts: 0.9
sram: s
parts:
  add_fp32:
    pj: {low: 1, typical: 3, high: 4}
    source: paper
    confidence: copy
name: mine
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"), PRICE_FAULTS, ids=[f[3][:30] for f in PRICE_FAULTS]
)
def test_price_fault(old: str, new: str, line: int, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    assert old in TABLE
    file.write_text(TABLE.replace(old, new, 1))
    with pytest.raises(SpecError) as e:
        price_table(file)
    assert f"{file}:{line}: {message}" in str(e.value).splitlines()


def test_every_missing_part_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(TABLE.replace("sram: s", "sram: sram_45nm"))
    with pytest.raises(SpecError) as e:
        price_table(file)
    missing = [
        f"{file}:4: parts.{p}: missing; add it, or name a base that has it"
        for p in PARTS
        if p != "add_fp32"
    ]
    assert str(e.value).splitlines() == missing

"""tiny4 and tiny8 on the ULX3S, from the spec to the bitstream: what it takes, and how fast its clock may be."""

import json
from pathlib import Path
from typing import Any

import pytest

from hwsim.cli import main
from hwsim.spec.load import load_machine
from rtl.boards.build import BOARDS


def bitstream(machine: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["bitstream", "--board", "ulx3s-85f", "--machine", machine, "-o", str(folder), "--json"]) == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert facts == json.loads((folder / "bitstream.json").read_text())
    assert (folder / facts["file"]).stat().st_size > 100_000
    return facts


FMAX_MHZ = {"tiny4": 60, "tiny8": 50}  # of seed 1


def test_tiny4_is_fast(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = bitstream("tiny4", tmp_path / "built", capsys)
    used, there = facts["used"], facts["available"]
    assert facts["digest"] == load_machine("tiny4").digest and facts["memory_bits"] == BOARDS["ulx3s-85f"].memory_bits
    assert facts["fmax_mhz"] >= FMAX_MHZ["tiny4"] > facts["clock_mhz"], f"{facts['fmax_mhz']} MHz; the longest path: {facts['path']}"
    assert 10_000 < used["lut"] < there["lut"] and 10_000 < used["ff"] < there["ff"]
    assert used["dsp"] >= 16 and used["bram"] * 16_384 >= BOARDS["ulx3s-85f"].memory_bits


@pytest.mark.nightly
def test_tiny8_is_fast(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = bitstream("tiny8", tmp_path / "built", capsys)
    assert facts["fmax_mhz"] >= FMAX_MHZ["tiny8"], f"{facts['fmax_mhz']} MHz; the longest path: {facts['path']}"

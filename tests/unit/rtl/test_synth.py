"""Counts of blocks add up to the flat machine, and a block counts what its cells say."""

import json

import pytest

from hwsim.cli import main
from hwsim.spec.errors import BuildError
from hwsim.spec.load import dump_machine, load_machine
from rtl.synth import _counted, count, count_flat, parts
from rtl.top import Top

SPEC = load_machine("tiny4").with_(
    name="two", array__rows=2, array__cols=2, vector__lanes=1, vector__functions=("map",), link_depth=1, sequencer__queue_depth=2
)


def test_every_submodule_is_a_part_once_and_what_is_alike_is_one_kind() -> None:
    found = {p.block: p.instances for p in parts(load_machine("tiny8"))}
    assert found["pe"] == 64 and found["array"] == 1 and found["top"] == 1
    assert (found["feed row"], found["array row"], found["array triangle"]) == (8, 8, 36)
    links = sum(n for block, n in found.items() if block.startswith("link"))
    assert links == 11 + 8 and {f"buffer {n}" for n in ("act", "weight", "meta", "acc", "vec")} <= found.keys()


def test_the_sum_of_blocks_is_the_flat_machine_but_for_what_constants_save(capsys: pytest.CaptureFixture[str], tmp_path) -> None:
    (tmp_path / "two.yaml").write_text(dump_machine(SPEC))
    assert main(["synth", "--machine", str(tmp_path / "two.yaml"), "--target", "gates", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["blocks"]
    total, flat = rows[-1], count_flat(Top(SPEC), "gates")
    assert total["block"] == "sum"
    for name in ("gate", "ff", "memory_bits"):
        assert total[name] == sum(row[name] for row in rows[:-1])
        assert flat[name] <= 1.02 * total[name] and total[name] <= 1.3 * flat[name], (name, total[name], flat[name])


def test_cells_count_as_their_table_says() -> None:
    cells = {"LUT6": 3, "RAM32M": 2, "FDRE": 5, "DSP48E2": 1, "RAMB18E2": 1, "RAMB36E2": 2, "CARRY4": 4, "MUXF7": 9, "box_ab": 1}
    assert _counted("pe", cells, "xcup", 0) == {"lut": 11, "ff": 5, "carry": 4, "dsp": 1, "bram": 2.5}
    assert _counted("pe", {"SB_DFFESR": 2, "SB_LUT4": 3}, "ice40", 0)["ff"] == 2
    assert _counted("pe", {"$_SDFFE_PP0P_": 2, "$_AND_": 3, "$memrd_v2": 1}, "gates", 64) == {"gate": 3, "ff": 2, "memory_bits": 64}
    with pytest.raises(BuildError, match="^pe: 2 cells XYZ of target xcup are not in the table of cells; report it$"):
        _counted("pe", {"XYZ": 2}, "xcup", 0)


def test_only_the_blocks_that_are_named_are_counted(capsys: pytest.CaptureFixture[str], tmp_path) -> None:
    (tmp_path / "two.yaml").write_text(dump_machine(SPEC))
    assert main(["synth", "-m", str(tmp_path / "two.yaml"), "-t", "gates", "-b", "tokens", "-b", "pe", "--json"]) == 0
    rows = {row["block"]: row for row in json.loads(capsys.readouterr().out)["blocks"]}
    assert rows.keys() == {"tokens", "pe", "sum"} and rows["pe"]["instances"] == 4 and rows["tokens"]["ff"] > 0
    with pytest.raises(BuildError, match="^block: 'bus' is unknown; two has top, sequencer, tokens, "):
        count(SPEC, "gates", lambda stage, done, total: None, ["bus"])


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(BuildError, match="^target: 'asic' is unknown; use xcup, ecp5, ice40, gates$"):
        count(SPEC, "asic", lambda stage, done, total: None)

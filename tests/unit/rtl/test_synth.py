"""Counts of blocks add up to the flat machine, and a block counts what its cells say."""

import json

import pytest

from hwsim.cli import main
from hwsim.spec.errors import BuildError
from hwsim.spec.load import dump_machine, load_machine
from rtl import parts as cut
from rtl.boards import tools
from rtl.parts import parts
from rtl.synth import _counted, count, count_flat, count_part
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


def test_floating_point_units_are_cut_out_of_accumulator_and_vector_unit_but_not_of_a_pe() -> None:
    spec = load_machine("tiny4_fp16")
    found = {p.block: p for p in parts(spec)}
    units = {block: p for block, p in found.items() if block.startswith("fp")}
    assert units["fp16 product x 0"].instances == spec.vector.lanes
    assert {block.rsplit(" x ")[0] for block in units} == {"fp32 add", "fp32 multiply", "fp16 product", "fp32 to fp16"}
    assert found["vector"].texts()[1].count("module box_") > 1 and "module box_source_" in found["pe"].texts()[1]
    assert found["pe"].texts()[1].count("module box_") == found["pe"].texts()[1].count("module box_source_")


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


def test_black_boxes_of_many_outputs_are_split_and_nothing_of_the_block_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {p.block: p for p in parts(SPEC)}
    texts, counts = whole["top"].texts(), count_part(whole["top"], "gates")
    monkeypatch.setattr(cut, "CELL_OUTPUT_BITS", 64)
    split = {p.block: p for p in parts(SPEC)}["top"]
    assert split.texts()[0].count("cell \\box_source_") > texts[0].count("cell \\box_source_") > 0
    found = count_part(split, "gates").each
    assert found["ff"] == counts.each["ff"] > 0
    assert 1 / 1.1 < found["gate"] / counts.each["gate"] < 1.1  # how well ABC does depends on the order of inputs


def test_equal_gates_are_counted_once(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("HWSIM_GATES_CACHE", str(tmp_path))
    tokens, runs = {p.block: p for p in parts(SPEC)}["tokens"], []

    def run(program: str, *words: object) -> str:
        runs.append(program)
        if len(runs) == 1:
            raise BuildError("yosys: gives up")
        return real(program, *words)

    real = tools.run
    monkeypatch.setattr(tools, "run", run)
    with pytest.raises(BuildError):
        count_part(tokens, "gates")
    first = count_part(tokens, "gates")
    assert count_part(tokens, "gates") == first and first.each["ff"] > 0 and runs == ["yosys"] * 2
    assert count_part(tokens, "ice40") != first and len(runs) == 3

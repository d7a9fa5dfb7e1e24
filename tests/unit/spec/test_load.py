"""Machines as YAML: the presets, the round trip, and which faults are found."""

import dataclasses
from pathlib import Path

import pytest

from hwsim.spec.errors import SpecError
from hwsim.spec.load import dump_machine, load_machine, machine_names, read_text
from hwsim.spec.machine import AcceleratorSpec

PRESET = Path(__file__).parents[3] / "hwsim/spec/presets"
SAT = (PRESET / "sat.yaml").read_text()


def read(text: str) -> AcceleratorSpec:
    return read_text(AcceleratorSpec, text, "m.yaml")


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as e:
        read(text)
    return str(e.value).splitlines()


def test_the_presets() -> None:
    assert {"dense32", "dense32_fp16", "sat", "sat_int8", "tiny1", "tiny4", "tiny4_fp16", "tiny8"} <= set(machine_names())
    for name in machine_names():
        spec = load_machine(name)
        assert spec.name == name and (
            spec.link_depth,
            spec.sequencer.queue_depth,
            spec.sequencer.token_depth,
        ) == ((1, 1, 2) if name == "tiny1" else (2, 8, 15))


@pytest.mark.parametrize("name", machine_names())
def test_round_trip(name: str, tmp_path: Path) -> None:
    spec = load_machine(name)
    file = tmp_path / "copy.yaml"
    file.write_text(dump_machine(spec))
    assert load_machine(file) == load_machine(str(file)) == spec
    changed = spec.with_(clock_mhz=333.25, name="yes", technology="12", assumed=())
    file.write_text(dump_machine(changed))
    assert load_machine(file) == changed and load_machine(file).digest == changed.digest


@pytest.mark.parametrize(
    ("name", "kept_block"),
    [("sat", ("1:8", "2:8", "4:8", "2:4", "1:16", "2:16")), ("tiny4", ("2:8", "2:4", "4:8"))],
)
def test_presets_hold_the_patterns_they_are_for(name: str, kept_block: tuple[str, ...]) -> None:
    pe = load_machine(name).pe
    for text in kept_block:
        kept, block = map(int, text.split(":"))
        assert kept <= pe.kept_max and block <= pe.block_max


def test_sat_takes_2_of_8_at_full_rate() -> None:
    for name in ("sat", "sat_int8"):
        s = load_machine(name)
        assert s.levels.act.width_bits == s.array.rows * 8 // 2 * s.pe.element_bits


def test_dense_machines_have_ample_memory_bandwidth() -> None:
    assert all(load_machine(n).memory.beat_bytes == 256 for n in ("dense32", "dense32_fp16"))


def test_all_faults_at_once_each_with_its_line() -> None:
    text = (
        SAT.replace("rows: 32", "rows: true")
        .replace("cols:", "colz:")
        .replace("clock_mhz: 200", "clock_mhz: fast")
    )
    lines = {
        k: i + 1 for i, k in enumerate(line.split(":")[0].strip() for line in text.splitlines())
    }
    assert faults(text + "link_depth: 3\n") == [
        f"m.yaml:{lines['clock_mhz']}: clock_mhz: fast is not a number; write digits, such as 200 or 0.5",
        f"m.yaml:{lines['array']}: array.cols: missing; add it (a whole number)",
        f"m.yaml:{lines['rows']}: array.rows: true is not a whole number; write digits only, at most 18",
        f"m.yaml:{lines['colz']}: array.colz: no such key; did you mean cols?",
        f"m.yaml:{text.count(chr(10)) + 1}: link_depth: given twice, first in line {lines['link_depth']}; keep one",
    ]


def test_faults_of_meaning_stand_beside_faults_of_form() -> None:
    got = faults(
        SAT.replace("kept_max: 8", "kept_max: 80").replace("- array.rows", "- array.row")
        + "more: 1\n"
    )
    assert [f.split(": ", 1)[1].split(":")[0] for f in got] == ["pe.kept_max", "assumed[5]", "more"]
    assert int(got[1].split(":")[1]) == SAT[: SAT.index("- array.rows")].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rows: 32", "rows: 32.0"),
        ("rows: 32", "rows: '32'"),
        ("rows: 32", "rows: 3_2"),
        ("rows: 32", "rows: 0x20"),
        ("rows: 32", "rows: 1e1"),
        ("rows: 32", "rows:"),
        ("rows: 32", "rows: [32]"),
        ("rows: 32", "rows: " + "9" * 5000),
        ("rows: 32", "rows: -32"),
        ("rows: 32", "rows: 0"),
        ("clock_mhz: 200", "clock_mhz: .nan"),
        ("clock_mhz: 200", "clock_mhz: .inf"),
        ("clock_mhz: 200", "clock_mhz: 1e999"),
        ("clock_mhz: 200", "clock_mhz: true"),
        ("name: sat", "name: 12"),
        ("name: sat", "name: null"),
        ("name: sat", "name: !!python/object:os.system sat"),
        ("dataflows: [ws, os]", "dataflows: ws"),
        ("dataflows: [ws, os]", "dataflows: [ws, 1]"),
        ("dataflows: [ws, os]", "dataflows: [is]"),
        ("dataflows: [ws, os]", "dataflows: []"),
    ],
)
def test_values_that_are_not_taken(old: str, new: str) -> None:
    assert old in SAT
    (fault,) = faults(SAT.replace(old, new, 1))
    assert fault.startswith("m.yaml:") and len(fault) < 250 and "; " in fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "[[[",
        "- a",
        "[" * 5000,
        "pe: 3",
        "a: &a [*a]",
        "*x",
        "\0",
        "? [a]\n: b",
        "a: 1\n---\nb: 2",
        "%YAML 9",
        "\t",
        "x: |",
    ],
)
def test_no_text_makes_a_traceback(text: str) -> None:
    assert all(f.startswith("m.yaml") for f in faults(text))


def test_an_alias_to_a_group_is_read_like_the_group() -> None:
    text = SAT.replace("  act:\n", "  act: &level\n", 1)
    start, end = text.index("  acc:\n"), text.index("  vec:\n")
    assert (
        read(text[:start] + "  acc: *level\n" + text[end:]).levels.acc
        == load_machine("sat").levels.act
    )


def test_python_made_machines_are_held_to_the_same_types() -> None:
    sat = load_machine("sat")
    for path, value in (
        ("array__rows", 32.0),
        ("array__rows", True),
        ("pe", None),
        ("array__dataflows", ["ws"]),
        ("clock_mhz", float("nan")),
    ):
        with pytest.raises(SpecError, match="^" + path.replace("__", ".")):
            sat.with_(**{path: value})
    with pytest.raises(SpecError, match=r"^assumed\[0\]: 'array' names no field"):
        dataclasses.replace(sat, assumed=("array",))
    for change, text in (
        ({"name": "a\nb"}, r"^name: 'a\\nb' is no word on one line; give one$"),
        ({"name": " "}, "^name: ' ' is no word on one line; give one$"),
        ({"assumed": ("pe.number", "pe.number")}, "^assumed: 'pe.number' is given twice; keep one$"),
    ):
        with pytest.raises(SpecError, match=text):
            dataclasses.replace(sat, **change)
    assert sat.with_(clock_mhz=7).digest == sat.with_(clock_mhz=7.0).digest

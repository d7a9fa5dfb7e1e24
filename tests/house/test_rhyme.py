"""One block bears one name in five places: spec part, model, gates, actions, bench. A missing one fails by name."""

import re

import pytest

from hwsim.result import ACTIONS
from hwsim.spec.blocks import BLOCKS, Block
from hwsim.spec.load import load_machine, machine_names
from tests.house.tree import ROOT

GATES = [b for b in BLOCKS if b.twin == "gates"]
# files of hwsim/components and rtl/components that are shared by blocks, not one
SHARED = {"__init__", "config"}
# benches of several blocks together, or of one in another number
TOGETHER = {"array_unfolded", "machine", "vector_fp16"}


def stems(folder: str, pattern: str = "*.py") -> set[str]:
    return {f.stem for f in (ROOT / folder).glob(pattern)} - SHARED


def names(twin: str | None = None) -> set[str]:
    return {b.name for b in BLOCKS if twin is None or b.twin == twin}


def named(block: Block) -> str:
    return block.name


def test_the_table_is_well_formed() -> None:
    assert len(names()) == len(BLOCKS) > 10
    assert {b.twin for b in BLOCKS} <= {"gates", "planned", "model-only"}
    assert len(GATES) >= 4


@pytest.mark.parametrize("block", BLOCKS, ids=named)
def test_spec_part_is_there(block: Block) -> None:
    for machine in machine_names():
        part: object = load_machine(machine)
        for step in block.spec.split("."):
            assert hasattr(part, step), f"{block.name}: {machine} has no {block.spec}"
            part = getattr(part, step)


@pytest.mark.parametrize("block", BLOCKS, ids=named)
def test_model_is_there_and_names_its_twin(block: Block) -> None:
    path = ROOT / block.model_path
    assert path.exists(), f"{block.name}: {block.model_path} is missing"
    if block.twin == "gates" and not block.model:
        twin = f"rtl/components/{block.name}.py"
        text = path.read_text()
        assert twin in text or re.search(r"Twin: `amaranth\.", text), f"{block.model_path} does not name {twin}"


@pytest.mark.parametrize("block", GATES, ids=named)
def test_gates_and_bench_are_there(block: Block) -> None:
    gates, bench = f"rtl/components/{block.name}.py", f"tests/twins/bench_{block.name}.py"
    for path in (gates, bench):
        assert (ROOT / path).exists(), f"{block.name}: {path} is missing"
    assert block.model_path in (ROOT / gates).read_text(), f"{gates} does not name its twin {block.model_path}"


def test_no_component_without_a_block() -> None:
    assert stems("hwsim/components") <= names(), "a model that the table of blocks does not name"
    assert stems("rtl/components") <= names("gates"), "gates that the table of blocks does not declare"
    benches = {s.removeprefix("bench_") for s in stems("tests/twins", "bench_*.py")}
    assert benches - TOGETHER <= names("gates"), "a bench of no block"


def actions(block: Block) -> set[str]:
    levels = [f.name for f in load_machine("sat").levels.__dataclass_fields__.values()]
    owners = levels if block.name == "buffer" else [block.name]
    return {f"{owner}.{a}" for owner in owners for a in block.actions}


def test_actions_are_the_blocks() -> None:
    expected = [a for b in BLOCKS for a in sorted(actions(b))]
    assert sorted(expected) == sorted(ACTIONS)

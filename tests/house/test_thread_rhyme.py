"""The blocks of the thread machine: spec part, model, counters, the page of cycle rules. Who builds gates says so in the table."""

import re

import pytest

from hwsim.spec.blocks import THREAD_BLOCKS, Block
from hwsim.spec.load import load_thread_machine, thread_machine_names
from hwsim.spec.thread_isa import OWN, TABLE
from hwsim.thread_result import CAUSES, COUNTERS
from tests.house.tree import ROOT

PAGE = (ROOT / "docs/thread_machine.md").read_text()
ISA = (ROOT / "docs/isa_thread.md").read_text()
HEADER = (ROOT / "hwsim/thread/kernels/hwsim_thread.h").read_text()
# kernels that no block owns: instructions, numbers, how it is run
SHARED = {
    "__init__", "bits", "block", "compile", "decode", "faults", "image", "jit", "measure", "memory_map", "ops", "processes", "requests",
    "run", "session", "state", "system", "verdict",
}  # fmt: skip


def named(block: Block) -> str:
    return block.name


@pytest.mark.parametrize("block", THREAD_BLOCKS, ids=named)
def test_spec_part_and_model_are_there(block: Block) -> None:
    for machine in thread_machine_names():
        assert hasattr(load_thread_machine(machine), block.spec), f"{block.name}: {machine} has no {block.spec}"
    assert (ROOT / block.model_path).exists(), f"{block.name}: {block.model_path} is missing"
    gates = ROOT / f"rtl/thread/{block.name}.py"
    assert gates.exists() == (block.twin == "gates"), f"{block.name}: declared {block.twin}, but {gates.name} says otherwise"


def test_every_model_belongs_to_a_block() -> None:
    models = {f.stem for f in (ROOT / "hwsim/thread").glob("*.py")}
    owned = {b.model.removeprefix("thread/") for b in THREAD_BLOCKS}
    assert models - SHARED == owned and len({b.name for b in THREAD_BLOCKS}) == len(THREAD_BLOCKS)


def test_counters_are_the_blocks() -> None:
    assert sorted(a for b in THREAD_BLOCKS for a in b.actions) == sorted(COUNTERS)


def test_the_pages_name_what_the_machine_has() -> None:
    for cause in CAUSES:
        assert re.search(rf"\b{cause}\b", PAGE), f"docs/thread_machine.md does not name the cause {cause}"
    for name, funct7 in OWN.items():
        assert re.search(rf"0x{funct7:02X}\b", ISA) and name in ISA, f"docs/isa_thread.md lacks {name}"


def test_the_header_uses_the_listed_numbers_alone() -> None:
    used = {int(n, 16) for n in re.findall(r"HWSIM_OP[23]\((0x[0-9a-f]+)", HEADER)} | {
        int(n, 16) for n in re.findall(r"\.insn r 0x0b, 0, (0x[0-9a-f]+)", HEADER)
    }
    assert used == set(OWN.values()) and len(TABLE) > 150

"""ThreadMachineSpec: presets, derived values, faults, round trip."""

from pathlib import Path

import pytest

from hwsim.spec.errors import SpecError
from hwsim.spec.load import dump_machine, load_thread_machine, thread_machine_names
from hwsim.spec.records import walk
from hwsim.spec.thread import ThreadMachineSpec

PIUMA = load_thread_machine("piuma")


def test_a_block_has_the_published_shape() -> None:
    """66 threads a core, 4 MB of scratchpad, 192 KB of caches, 32 GB for 8 cores (press on Hot Chips 2023)."""
    assert (PIUMA.threads, PIUMA.mtp_threads, PIUMA.pipelines) == (66, 64, 6)
    assert PIUMA.scratchpad.capacity_bytes == 4 << 20
    assert (PIUMA.fetch_cache.capacity_bits + PIUMA.data_cache.capacity_bits) * PIUMA.pipelines == 192 << 13
    assert PIUMA.dram.capacity_bytes * 8 == 32 << 30


def test_caches_are_cut_into_sets() -> None:
    assert (PIUMA.data_cache.lines, PIUMA.data_cache.sets, PIUMA.data_cache.line_bytes) == (256, 64, 64)


@pytest.mark.parametrize("name", thread_machine_names())
def test_a_preset_survives_the_round_trip(name: str, tmp_path: Path) -> None:
    spec = load_thread_machine(name)
    (tmp_path / "m.yaml").write_text(dump_machine(spec))
    again = load_thread_machine(tmp_path / "m.yaml")
    assert again == spec and again.digest == spec.digest


@pytest.mark.parametrize("name", thread_machine_names())
def test_what_no_source_states_is_assumed(name: str) -> None:
    """Sourced figures of `piuma` are listed here; all others must be marked."""
    sourced = {
        "name", "technology", "assumed", "mtp.pipelines", "mtp.threads", "stp.pipelines", "stp.threads",
        "scratchpad.capacity_bits", "dram.capacity_bits",
    }  # fmt: skip
    spec = load_thread_machine(name)
    bare = {where for where, _ in walk(spec)} - set(spec.assumed) - sourced
    assert not bare, bare


@pytest.mark.parametrize(("blocks", "row", "cycles"), [(1, 8, 13), (8, 8, 13), (16, 8, 13), (4, 1, 61)])
def test_the_shortest_way_between_blocks(blocks: int, row: int, cycles: int) -> None:
    assert PIUMA.with_(blocks=blocks, network__row_blocks=row).link_cycles == cycles


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks": 0}, "blocks: 0 is not positive; give a number above 0"),
        ({"blocks": 2000}, "blocks: 2000 is above 256; lower it"),
        ({"dram__channels": 17}, "dram.channels: 17 is above 16; lower it"),
        ({"scratchpad__banks": 65}, "scratchpad.banks: 65 is above 64; lower it"),
        ({"mtp__pipelines": 0, "stp__pipelines": 0}, "mtp.pipelines: 0 with stp.pipelines 0; a block needs a pipeline"),
        ({"data_cache__line_bits": 96}, "data_cache.line_bits: 96 is not a power of two in 64..512; use 512"),
        (
            {"fetch_cache__ways": 3},
            "fetch_cache.capacity_bits: 131072 is not ways x lines x a power of two of sets; change it or ways",
        ),
        ({"stack_bits": 100}, "stack_bits: 100 is not a multiple of 128; the calling convention aligns stacks to 16 bytes"),
        ({"interleave_bits": 96}, "interleave_bits: 96 is not a power of two from 64 on; use 512"),
        ({"dram__capacity_bits": 1000}, "dram.capacity_bits: 1000 is not a multiple of 512; round it"),
        (
            {"network__link_bits": (64,)},
            "network.link_bits: (64,) is not two whole numbers above 0; write [along the row, along the column]",
        ),
        ({"assumed": ("dram.speed",)}, "assumed[0]: 'dram.speed' names no field; write a dotted path such as dram.latency_cycles"),
    ],
)
def test_a_machine_that_contradicts_itself_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as e:
        PIUMA.with_(**change)
    assert str(e.value) == message


def test_a_pipeline_kind_may_be_absent() -> None:
    assert PIUMA.with_(stp__pipelines=0).threads == 64
    assert PIUMA.with_(mtp__pipelines=0).threads == 2


def test_a_tile_machine_is_no_thread_machine(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="machine: 'sat' is a tile machine, which does other work; use piuma, piuma_tiny, or a path"):
        load_thread_machine("sat")
    assert isinstance(PIUMA, ThreadMachineSpec)

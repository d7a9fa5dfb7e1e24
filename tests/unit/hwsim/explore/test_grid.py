"""Machines of a sweep: all combinations, all legal, named after what differs."""

import pytest

from hwsim.explore.grid import changed, grid, resized
from hwsim.spec.errors import SpecError
from hwsim.spec.load import load_machine, machine_names

TINY = load_machine("tiny4")


def test_grid_takes_every_combination_once() -> None:
    machines = grid(TINY, memory__latency_cycles=(1, 2, 3), link_depth=(2, 4))
    assert [(m.memory.latency_cycles, m.link_depth) for m in machines] == [(1, 2), (1, 4), (2, 2), (2, 4), (3, 2), (3, 4)]
    assert len({m.digest for m in machines}) == len({m.name for m in machines}) == 6
    assert machines[1].name == "tiny4[memory.latency_cycles=1,link_depth=4]"


def test_no_axes_is_the_machine_itself() -> None:
    assert grid(TINY) == [TINY]


@pytest.mark.parametrize("name", machine_names())
def test_resized_keeps_each_port_as_wide_for_each_row_and_column(name: str) -> None:
    base = load_machine(name)
    for factor in (2, 4):
        big = resized(base, base.array.rows * factor, base.array.cols * factor)
        assert big.levels.act.width_bits == base.levels.act.width_bits * factor
        assert big.levels.weight.width_bits == base.levels.weight.width_bits * factor
        assert big.vector.lanes == base.vector.lanes * factor
        assert big.levels.act.capacity_bits == base.levels.act.capacity_bits
    assert resized(base, base.array.rows, base.array.cols).with_(name=base.name) == base


def test_changes_count_only_together() -> None:
    """The array alone would outgrow its weight port."""
    with pytest.raises(SpecError, match=r"^levels\.weight\.width_bits: "):
        TINY.with_(array__cols=64)
    wide = {f"levels__{k}__width_bits": 4096 for k in ("weight", "meta", "acc")}
    assert changed(TINY, array__cols=64, levels__acc__capacity_bits=2**20, **wide).array.cols == 64


def test_unknown_field_is_named_with_its_place() -> None:
    with pytest.raises(SpecError, match=r"^levels\.act\.width: no such field; LevelSpec has capacity_bits, width_bits, banks$"):
        grid(TINY, levels__act__width=(1, 2))

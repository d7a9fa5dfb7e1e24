"""N:M selection: gates against NumPy, every offset of every block size."""

from typing import Any

import numpy as np
import pytest

from hwsim.spec.machine import PESpec
from rtl.components.nm_select import NMSelect
from tests.harness.faults import crossed_offset
from tests.harness.programs import TINY4
from tests.harness.twins import Disagreement, differ, simulate


def pe(block_max: int) -> PESpec:
    return TINY4.with_(
        pe__block_max=block_max,
        pe__kept_max=min(4, block_max),
        levels__act__width_bits=256,
        levels__meta__width_bits=32,
    ).pe


def compare(block_max: int, seed: int = 1) -> set[int]:
    """Offsets that were used."""
    dut, rng, used = NMSelect(pe(block_max)), np.random.default_rng(seed), set()

    def cycle(ctx: Any, n: int) -> bool:
        block, offset = rng.integers(-128, 128, block_max), n % block_max
        ctx.set(dut.i_block, block.tolist())
        if block_max > 1:
            ctx.set(dut.i_offset, offset)
        differ(n, "nm_select", f"offset {offset}", ctx.get(dut.o), int(block[offset]))
        used.add(offset)
        return n < 20 * block_max

    simulate(dut, cycle, clocked=False)
    return used


@pytest.mark.parametrize("block_max", [1, 2, 4, 8, 16, 32])
def test_every_offset(block_max: int) -> None:
    assert compare(block_max) == set(range(block_max))


def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    crossed_offset(monkeypatch)
    with pytest.raises(
        Disagreement,
        match=r"^cycle 1: nm_select: gates and model disagree on offset 1: gates -?\d+, model -?\d+$",
    ):
        compare(8)

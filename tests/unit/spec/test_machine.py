"""AcceleratorSpec: derived values, copies, digest."""

import pytest

from hwsim.spec.errors import SpecError
from tests.harness.programs import TINY4


def test_derived_values() -> None:
    assert (
        TINY4.pe.element_bits,
        TINY4.pe.element_bytes,
        TINY4.pe.sum_bits,
        TINY4.pe.offset_bits,
    ) == (8, 1, 32, 3)
    assert TINY4.acc_rows == 16384 // (4 * 32)
    assert TINY4.levels.vec.bank_bytes == 4096
    assert TINY4.memory.beat_bytes == 8
    half = TINY4.with_(
        pe__number="fp16", levels__weight__width_bits=64, levels__act__width_bits=128
    )
    assert (half.pe.element_bytes, half.pe.sum_bits) == (2, 32)


def test_the_digest_moves_with_the_machine_and_not_with_its_remarks() -> None:
    assert TINY4.with_(vector__lanes=8).digest != TINY4.digest
    assert TINY4.with_(memory__latency_cycles=11).digest != TINY4.digest
    assert TINY4.with_(technology="45nm", assumed=()).digest == TINY4.digest


def test_with_changes_one_field_and_checks_the_whole() -> None:
    wide = TINY4.with_(memory__width_bits=128)
    assert (wide.memory.width_bits, TINY4.memory.width_bits) == (128, 64)
    assert wide.with_(memory__width_bits=64) == TINY4
    with pytest.raises(
        SpecError, match=r"^depth: no such field; SequencerSpec has queue_depth, token_depth$"
    ):
        TINY4.with_(sequencer__depth=3)


def test_all_faults_are_reported_at_once() -> None:
    with pytest.raises(SpecError) as e:
        TINY4.with_(
            pe=TINY4.pe.__class__(number="int8", kept_max=9, block_max=8, multiplier_latency_cycles=9, adder_latency_cycles=2)
        )
    lines = str(e.value).splitlines()
    assert any(line.startswith("pe.kept_max: 9 is above pe.block_max 8") for line in lines)
    assert any(line.startswith("pe.adder_latency_cycles: 2 with int8") for line in lines)
    assert "pe.multiplier_latency_cycles: 9 is above 8; use 0 to 8" in lines


def test_with_goes_no_deeper_than_the_machine() -> None:
    with pytest.raises(SpecError, match=r"^khz: no such field; float has no fields$"):
        TINY4.with_(clock_mhz__khz=3)

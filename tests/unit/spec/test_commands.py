"""Words, decoded rows and text of commands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.spec.commands import (
    BODIES,
    OPS,
    QUEUES,
    WIDTH,
    WORD_BYTES,
    Command,
    column,
    decode,
    decode_table,
    decoded_table,
    encode,
    encode_table,
    layout,
)
from hwsim.spec.errors import ProgramError


@st.composite
def commands(draw: st.DrawFn) -> Command:
    op = draw(st.sampled_from(OPS))
    sets = [draw(st.sets(st.sampled_from(QUEUES))) for _ in range(2)]
    args = {f.name: draw(st.integers(f.low, f.high)) for f in BODIES[op]}
    return Command.of(op, *sets, **args)


@settings(max_examples=60, deadline=None)
@given(st.lists(commands(), min_size=1, max_size=4))
def test_words_decode_to_what_was_encoded(cmds: list[Command]) -> None:
    words = np.frombuffer(b"".join(map(encode, cmds)), np.uint8).reshape(-1, WORD_BYTES)
    assert [decode(w.tobytes()) for w in words] == cmds
    np.testing.assert_array_equal(decode_table(words), decoded_table(cmds))
    np.testing.assert_array_equal(encode_table(decoded_table(cmds)), words)


@pytest.mark.parametrize(
    ("name", "value", "bounds"), [("mem_stride0", -(1 << 23) - 1, "-8388608..8388607"), ("run", 1 << 24, "0..16777215")]
)
def test_a_table_names_the_command_that_does_not_fit(name: str, value: int, bounds: str) -> None:
    table = decoded_table([Command.of("load"), Command.of("store", **{name: value}), Command.of("end")])
    with pytest.raises(ProgramError, match=rf"^command 1: store\.{name} is {value}, outside {bounds}; split the command$"):
        encode_table(table)


def test_fields_lie_from_bit_0_in_the_order_of_the_table() -> None:
    word = int.from_bytes(
        encode(Command.of("store", [0, 3], [1], mem=5, run=7, mem_stride0=-1)), "little"
    )
    assert word & 15 == OPS.index("store")
    assert word >> 4 & 15 == 0b1001
    assert word >> 8 & 15 == 0b0010
    assert word >> 12 & (1 << 40) - 1 == 5
    assert word >> 84 & (1 << 24) - 1 == 7
    assert word >> 140 & (1 << 24) - 1 == (1 << 24) - 1


@pytest.mark.parametrize("op", [op for op in OPS if op != "end"])
def test_a_missing_extent_is_1_and_any_other_field_0(op: str) -> None:
    row = decoded_table([Command.of(op)])[0]
    assert len(row) == WIDTH
    for f in BODIES[op]:
        extent = f.name.startswith("count") or f.name in ("window_h", "window_w")
        assert row[column(op, f.name)] == extent, f.name


def test_every_word_has_room() -> None:
    for op in OPS:
        assert sum(f.bits for f in layout(op)) <= 8 * WORD_BYTES


def test_an_unknown_opcode_is_named_with_its_command() -> None:
    words = np.zeros((3, WORD_BYTES), np.uint8)
    words[1, 0] = 14
    with pytest.raises(
        ProgramError,
        match=r"^command 1: opcode 14 is unknown; the Program is corrupted, compile it again$",
    ):
        decode_table(words)


def test_bits_above_the_fields_are_refused() -> None:
    words = np.zeros((2, WORD_BYTES), np.uint8)
    words[1, WORD_BYTES - 1] = 0x80
    with pytest.raises(ProgramError, match=r"^command 1: bits above 12 of a end word are set; "):
        decode_table(words)

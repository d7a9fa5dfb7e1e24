"""Verifier: what it accepts and what it refuses; the messages stand in tests/errors/test_verify.py."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.spec.commands import COMPUTE, LOAD, STORE, VECTOR, Command
from hwsim.spec.errors import ProgramError
from hwsim.spec.verify import columns, verify
from hwsim.spec.verify.tokens import run_tokens
from tests.harness.programs import TINY4, program, tiled_commands, tiled_program

END = Command.of("end")


def accepted(*commands: Command, spec: Any = TINY4) -> bool:
    try:
        verify(program([*commands, END], spec=spec), spec)
    except ProgramError:
        return False
    return True


def test_the_end_alone_is_accepted() -> None:
    assert accepted()


@pytest.mark.parametrize("tiles", [1, 2, 5])
def test_a_double_buffered_stream_is_accepted(tiles: int) -> None:
    verify(tiled_program(tiles), TINY4)


@pytest.mark.parametrize(
    "op, lost",
    [
        ("load", COMPUTE),
        ("compute", VECTOR),
        ("vector", STORE),
        ("vector", COMPUTE),
        ("store", VECTOR),
    ],
)
def test_each_token_of_the_stream_is_needed(op: str, lost: int) -> None:
    """Without the i-th token of a counter, given and taken, there is a race."""
    commands = tiled_commands(4)
    gives = [i for i, c in enumerate(commands) if c.op == op and lost in c.signals]
    queue = commands[gives[0]].queue
    takes = [i for i, c in enumerate(commands[:-1]) if c.queue == lost and queue in c.waits]
    for i, j in zip(gives, takes, strict=True):
        bare = list(commands)
        bare[i] = replace(bare[i], signals=bare[i].signals - {lost})
        bare[j] = replace(bare[j], waits=bare[j].waits - {queue})
        assert not accepted(*bare[:-1]), f"tokens of commands {i} and {j}"


def test_a_stream_in_program_order_needs_no_run_of_its_tokens() -> None:
    body = tiled_program(5).table[:-1]
    shown = columns.clocks(body, TINY4)
    assert shown is not None
    assert shown.max() > 4
    np.testing.assert_array_equal(shown, run_tokens(body, TINY4))
    assert columns.clocks(body[::-1], TINY4) is None


def test_ten_thousand_commands_take_less_than_a_second() -> None:
    made = tiled_program(1700)
    assert len(made.words) > 10_000
    start = time.process_time()
    verify(made, TINY4)
    assert time.process_time() - start < 1


def two_maps(dst: int, lane: int, stride: int) -> list[Command]:
    """A store of the even bytes of 32, while a map writes elsewhere."""
    moved = Command.of("store", mem=0, buf=0, run=1, count0=16, buf_stride0=2, mem_stride0=1)
    return [
        moved,
        Command.of(
            "vector", from_vec=1, a=512, len=4, count0=4, dst=dst, dst_lane=lane, dst_stride0=stride
        ),
    ]


def test_hazards_are_looked_for_byte_by_byte() -> None:
    assert accepted(*two_maps(dst=1, lane=2, stride=8))  # odd bytes
    assert not accepted(*two_maps(dst=2, lane=2, stride=8))  # even bytes
    assert not accepted(*two_maps(dst=1, lane=1, stride=8))
    assert accepted(*two_maps(dst=32, lane=1, stride=4))


def test_two_readers_need_no_order_and_memory_counts_too() -> None:
    read, write = Command.of("load", mem=0, run=8), Command.of("store", mem=4, buf=256, run=8)
    assert accepted(read, Command.of("store", mem=8, buf=256, run=8))
    assert not accepted(read, write)
    assert accepted(
        Command.of("load", mem=0, run=8, signals=[STORE]),
        Command.of("store", mem=4, buf=256, run=8, waits=[LOAD]),
    )
    assert accepted(Command.of("load", mem=0, run=8, fill=1), write)  # a fill reads no memory


def test_order_passes_through_other_queues() -> None:
    chain = [
        Command.of("load", level=3, buf=0, run=4, signals=[VECTOR]),
        Command.of("load", level=3, buf=64, run=4),
        Command.of(
            "vector", from_vec=1, a=128, len=4, dst=256, dst_lane=1, waits=[LOAD], signals=[STORE]
        ),
        Command.of("store", mem=100, buf=0, run=4, waits=[VECTOR]),
    ]
    assert accepted(*chain)
    later = Command.of(
        "store", mem=100, buf=64, run=4, waits=[VECTOR]
    )  # of the second load, nobody knows
    assert not accepted(*chain[:-1], later)


def test_the_ith_take_matches_the_ith_give() -> None:
    loads = [
        Command.of("load", level=3, buf=16 * i, run=4, mem=8 * i, signals=[STORE]) for i in range(2)
    ]
    stores = [
        Command.of("store", mem=64 + 8 * i, buf=16 * i, run=4, waits=[LOAD]) for i in range(2)
    ]
    assert accepted(*loads, *stores)
    swapped = [
        Command.of("store", mem=64 + 8 * i, buf=16 - 16 * i, run=4, waits=[LOAD]) for i in range(2)
    ]
    assert not accepted(*loads, *swapped)


@pytest.mark.parametrize(
    "start, stride, count, ok",
    [
        (96, -32, 4, True),
        (96, -33, 4, False),
        (0, 1016, 5, True),
        (1, 1016, 5, False),
        (32, 1016, 4, True),
    ],
)
def test_walks_with_strides_of_both_signs_end_inside(
    start: int, stride: int, count: int, ok: bool
) -> None:
    assert (
        accepted(
            Command.of("load", level=0, buf=start, buf_stride0=stride, count0=count, run=32, mem=0)
        )
        is ok
    )


def test_bank_search_agrees_with_listing_every_run() -> None:
    seen = set()
    for n in range(300):
        base, s0, s1, length = n * 37 % 700 + 3600, n % 23 - 11, (n * 7) % 301 - 150, 1 + n % 9
        starts = [base + i * s0 + j * s1 for i in range(6) for j in range(5)]
        whole = all(
            0 <= s and s + length <= 8192 and s // 4096 == (s + length - 1) // 4096 for s in starts
        )
        load = Command.of(
            "load",
            level=3,
            buf=base,
            buf_stride0=s0,
            buf_stride1=s1,
            count0=6,
            count1=5,
            run=length,
        )
        assert accepted(load) is whole, (base, s0, s1, length)
        seen.add((whole, min(starts) < 4096 <= max(starts)))
    assert len(seen) == 4  # rows in one bank and across, walks in one bank and across


def test_a_full_queue_that_holds_the_sequencer_is_a_deadlock() -> None:
    """The ninth load holds the sequencer; the compute command that feeds the first stands behind it."""
    loads = [
        Command.of("load", mem=8 * i, buf=8 * i, run=8, waits=[COMPUTE] if i == 0 else [])
        for i in range(9)
    ]
    give = Command.of("compute", kept=1, act=512, run=1, signals=[LOAD])
    assert accepted(*loads[:8], give)
    assert not accepted(*loads, give)


def test_an_access_to_parameters_is_an_access() -> None:
    load = Command.of("load", level=3, buf=100, run=4)
    scaled = Command.of("vector", len=4, dst=512, dst_lane=1, param=88, has_bias=1)
    assert not accepted(load, scaled)  # bytes 88..103
    assert accepted(load, Command.of("vector", len=4, dst=512, dst_lane=1, param=84, has_bias=1))


def test_a_delayed_queue_lets_tokens_pile_up() -> None:
    """Whoever is fast, two tokens from compute can await load when load is slow."""
    spec = TINY4.with_(sequencer__token_depth=1)
    vector = Command.of("vector", len=4, a=100, dst=512, dst_lane=1, signals=[COMPUTE])
    computes = [
        Command.of(
            "compute", kept=1, run=1, acc=i, act=100, signals=[LOAD], waits=[VECTOR] if i else []
        )
        for i in range(2)
    ]
    loads = [Command.of("load", run=8, waits=[COMPUTE]) for _ in range(2)]
    assert accepted(computes[0], vector, computes[1], *loads)
    assert not accepted(computes[0], vector, computes[1], *loads, spec=spec)
    answered = [
        Command.of("load", run=8, waits=[COMPUTE], signals=[VECTOR]),
        Command.of("load", run=8, waits=[COMPUTE]),
    ]
    held = Command.of("vector", len=4, a=100, dst=512, dst_lane=1, signals=[COMPUTE], waits=[LOAD])
    assert accepted(computes[0], answered[0], held, computes[1], answered[1], spec=spec)

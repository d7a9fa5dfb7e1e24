"""DMA, queues, collectives, caches: the values they leave, against NumPy."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from hwsim.spec.errors import SimulationError
from hwsim.spec.thread_isa import encode
from hwsim.thread import Memory
from hwsim.thread.processes import sparse_zeros
from tests.harness.thread_programs import ALONE, TINY, load_value, run

GATHER, SCATTER, FILL, INDEX32, ADD, ADD_FLOAT, SIZE4 = 1, 2, 4, 8, 16, 32, 256
TWO = TINY.with_(mtp__pipelines=0)  # two blocks of one thread
WAIT = [encode("dma.start", 0, 10), encode("dma.wait", 0, 0)]
ONLY_FIRST = [encode("csrrs", 11, imm=0xF14), encode("beq", 0, 11, 0, imm=8), encode("exit")]


def moved(
    flags: int, count: int, width: int, strides: tuple[int, int], index: list[int], where: tuple[str, str]
) -> tuple[np.ndarray, np.ndarray]:
    """What a command leaves at its destination, and what NumPy says."""
    kind = {0: np.int64, SIZE4: np.int32, ADD_FLOAT: np.float64, ADD_FLOAT | SIZE4: np.float32}[flags & (SIZE4 | ADD_FLOAT)]
    size, seeded = np.dtype(kind).itemsize, np.random.default_rng(flags)
    src, dst = (seeded.integers(-1000, 1000, 200).astype(kind) for _ in range(2))
    memory = Memory(TWO)
    a, b = memory.place(src, where[0], block=1), memory.place(dst, where[1], block=1)
    at = memory.place(np.array(index, np.uint32 if flags & INDEX32 else np.int64), "block", block=1)
    value = int(np.array([7.5 if flags & ADD_FLOAT else 7]).astype(kind).view(np.int64 if size == 8 else np.int32)[0])
    words = [flags, count, width, b, strides[0] * size, value if flags & FILL else a, strides[1] * size, at]
    done = run([*ONLY_FIRST, *WAIT], TWO, memory, (memory.place(np.array(words, np.int64), "local"),))
    for k, j in itertools.product(range(count), range(width)):
        to = (index[k] if flags & SCATTER else k) * strides[0] + j
        item = kind(7.5 if flags & ADD_FLOAT else 7) if flags & FILL else src[(index[k] if flags & GATHER else k) * strides[1] + j]
        dst[to] = dst[to] + item if flags & (ADD | ADD_FLOAT) else item
    return done.read(b, 200, kind), dst


PLACES = [("interleaved", "interleaved"), ("block", "scratchpad"), ("scratchpad", "interleaved")]
KINDS = [GATHER, SCATTER, GATHER | SCATTER, 0, FILL, FILL | SCATTER]


@pytest.mark.parametrize("combine", [0, ADD, ADD_FLOAT])
@pytest.mark.parametrize("shape", [SIZE4 | INDEX32, 0])
def test_dma_moves_what_numpy_moves(combine: int, shape: int) -> None:
    for i, kind in enumerate(KINDS):
        found, expected = moved(kind | combine | shape, 9, 3, (5, 4), [3, 1, 3, 8, 0, 2, 7, 7, 30], PLACES[i % 3])
        assert (found == expected).all(), (kind, combine, shape)


def test_an_empty_command_ends_at_once() -> None:
    for count, width in ((0, 4), (4, 0)):
        found, expected = moved(0, count, width, (4, 4), [], PLACES[0])
        assert (found == expected).all()


def test_commands_wait_for_room_and_end_in_order() -> None:
    """Seven commands through a queue of two; dma.wait 3 lets the thread go on with three left, whose words are not there yet or there."""
    memory = Memory(ALONE)
    src, dst = memory.place(np.arange(1, 8, dtype=np.int64)), memory.reserve(8 * 8)
    table = np.array([[0, 1, 1, dst + 8 * i, 0, src + 8 * i, 0, 0] for i in range(7)], np.int64)
    words = [encode("addi", 11, 10), encode("addi", 12, 0, imm=7)]
    words += [encode("dma.start", 0, 11), encode("addi", 11, 11, imm=64), encode("addi", 12, 12, imm=-1), encode("bne", 0, 12, 0, imm=-12)]
    words += [
        encode("addi", 13, 0, imm=3),
        encode("dma.wait", 0, 13),
        *load_value(14, dst),
        encode("ld", 15, 14, imm=24),
        encode("sd", 0, 14, 15, imm=56),
    ]
    done = run([*words, encode("dma.wait", 0, 0)], ALONE, memory, (memory.place(table, "local"),))
    assert list(done.read(dst, 8, np.int64)) == [1, 2, 3, 4, 5, 6, 7, 4]
    assert done.result.counter("dma_commands") == 7


def test_a_bad_address_of_a_command_ends_the_run() -> None:
    memory = Memory(ALONE)
    table = np.array([0, 1, 1, 64, 0, 64, 0, 0], np.int64)
    with pytest.raises(SimulationError, match=r"^words: block 0 stp 0 thread 0 at pc 0x80000004: a load where no memory is \(0x40\)"):
        run(WAIT, ALONE, memory, (memory.place(table, "local"),))


def test_queues_are_first_in_first_out_and_bounded() -> None:
    """One thread: depth is 4; trypush says 0 when full, trypop -1 when empty."""
    memory = Memory(ALONE)
    out = memory.reserve(8 * 12)
    words = [encode("addi", 9, 10), encode("addi", 11, 0, imm=2)]
    for i in range(5):
        words += [encode("addi", 12, 0, imm=10 + i), encode("queue.trypush", 10, 11, 12), encode("sd", 0, 9, 10, imm=8 * i)]
    words += [word for i in range(5, 7) for word in (encode("queue.pop", 10, 11), encode("sd", 0, 9, 10, imm=8 * i))]
    words += [encode("queue.push", 0, 11, 12)]
    words += [word for i in range(7, 11) for word in (encode("queue.trypop", 10, 11), encode("sd", 0, 9, 10, imm=8 * i))]
    done = run(words, ALONE, memory, (out,))
    assert list(done.read(out, 11, np.int64)) == [1, 1, 1, 1, 0, 10, 11, 12, 13, 14, -1]


def test_who_waits_for_a_token_is_served_and_nothing_is_lost() -> None:
    """Both blocks' threads: all push their number into a queue of block 1, then pop one: the sum of what came out is what went in."""
    memory = Memory(TINY)
    total = memory.reserve(16)
    words = [encode("addi", 9, 10), encode("csrrs", 12, imm=0xF14), encode("addi", 11, 0, imm=257)]
    words += [encode("queue.push", 0, 11, 12), encode("queue.pop", 13, 11), encode("amoadd.d", 0, 9, 13)]
    done = run(words, TINY, memory, (total,))
    assert done.read(total, 1, np.int64)[0] == sum(range(18)) and done.result.waits()["queue"] > 0


@pytest.mark.parametrize(
    ("name", "whole"),
    [("add", sum), ("min", min), ("max", max), ("or", lambda v: np.bitwise_or.reduce(list(v))), ("first", lambda v: next(iter(v)))],
)
@pytest.mark.parametrize("scope", range(4))
def test_collectives_over_each_scope(name: str, whole: object, scope: int) -> None:
    """Each thread gives 5 x its number - 20; threads outside of the scope leave 0."""
    memory = Memory(TINY)
    out = memory.reserve(8 * 18)
    words = [encode("csrrs", 12, imm=0xF14), encode("slli", 13, 12, imm=3), encode("add", 9, 10, 13)]
    words += [encode("slli", 14, 12, imm=2), encode("add", 14, 14, 12), encode("addi", 14, 14, imm=-20), encode("addi", 15, 0, imm=scope)]
    if scope > 1:
        words += [encode("csrrs", 16, imm=0xFC6), encode("addi", 17, 0, imm=scope - 2), encode("beq", 0, 16, 17, imm=8), encode("exit")]
    words += [encode(f"coll.{name}", 10, 14, 15), encode("sd", 0, 9, 10)]
    found = list(run(words, TINY, memory, (out,)).read(out, 18, np.int64))
    members = [[b * 9 + i for i in (range(9) if scope < 2 else range(8) if scope == 2 else (8,))] for b in range(2)]
    groups = [sum(members, [])] if scope == 0 else members
    expected = [0] * 18
    for group in groups:
        for thread in group:
            expected[thread] = int(whole(5 * g - 20 for g in group))  # type: ignore[operator]
    assert found == expected


def test_sums_of_doubles_go_by_number() -> None:
    memory = Memory(TINY)
    out = memory.reserve(8 * 18)
    values = np.random.default_rng(0).normal(size=18) * 10.0 ** np.arange(18)
    given = memory.place(values)
    words = [encode("csrrs", 12, imm=0xF14), encode("slli", 13, 12, imm=3), encode("add", 9, 10, 13), encode("add", 14, 11, 13)]
    words += [encode("ld", 14, 14), encode("coll.fadd", 10, 14, 0), encode("sd", 0, 9, 10)]
    found = run(words, TINY, memory, (out, given)).read(out, 18, np.float64)
    parts = [float(np.add.accumulate(values[b * 9 : b * 9 + 9])[-1]) for b in range(2)]
    assert (found == parts[0] + parts[1]).all()


def test_a_cached_store_is_seen_behind_a_flush_and_lost_by_an_invalidation() -> None:
    memory = Memory(ALONE)
    at = memory.place(np.array([1, 2, 3, 4], np.int64))
    cached, eight = load_value(11, at | 1 << 62), encode("addi", 12, 0, imm=8)
    nine = encode("addi", 13, 0, imm=9)
    words = [encode("addi", 9, 10), *cached, eight, nine]
    words += [encode("sd", 0, 11, 13), encode("ld", 14, 9), encode("sd", 0, 9, 14, imm=8)]  # uncached: still 1
    words += [encode("cache.flush", 0, 11, 12), encode("ld", 14, 9), encode("sd", 0, 9, 14, imm=16)]  # now 9
    words += [
        encode("sd", 0, 11, 12),
        encode("cache.inval", 0, 11, 12),
        encode("ld", 14, 11),
        encode("sd", 0, 9, 14, imm=24),
    ]  # 8 is lost: 9
    assert list(run(words, ALONE, memory, (at,)).read(at, 4, np.int64)) == [9, 1, 9, 9]


@pytest.mark.parametrize("where", ["own", "other"])
def test_a_line_writes_back_what_was_written_alone(where: str) -> None:
    """One byte of a cached line; the rest changes behind its back and stays."""
    memory = Memory(TWO)
    at = memory.place(np.array([0x1111111111111111, 0x2222222222222222], np.int64), "block", block=0 if where == "own" else 1)
    words = [
        *ONLY_FIRST,
        encode("addi", 9, 10),
        *load_value(11, at | 1 << 62),
        encode("addi", 13, 0, imm=0x55),
        encode("addi", 12, 0, imm=16),
    ]
    words += [encode("sb", 0, 11, 13, imm=3), encode("fence"), encode("sd", 0, 9, 0), encode("sd", 0, 9, 0, imm=8), encode("fence")]
    words += [encode("cache.flushinval", 0, 11, 12), encode("fence")]
    assert [int(v) for v in run(words, TWO, memory, (at,)).read(at, 2, np.int64)] == [0x55000000, 0]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux says what a process holds")
def test_a_word_here_and_there_takes_small_pages() -> None:
    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    before = held()
    a = sparse_zeros((64, 1 << 18), np.int64)
    a[:, ::1 << 17] = 1
    assert a.sum() == 128 and held() - before < 32 << 20

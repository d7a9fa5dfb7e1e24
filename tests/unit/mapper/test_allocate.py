import numpy as np
import pytest

from hwsim.spec.errors import MappingError
from mapper.allocate import BankedRing, Ledger, Memory, Ring, check_address_space

LOAD, COMPUTE, VECTOR, STORE = range(4)


def test_ledger_agrees_with_a_byte_by_byte_one() -> None:
    rng = np.random.default_rng(0)
    ledger, size = Ledger(), 40
    writer: list[tuple[int, int] | None] = [None] * size
    readers: list[dict[int, int]] = [{} for _ in range(size)]
    for place in range(400):
        low, high = sorted(rng.choice(size + 1, 2, replace=False).tolist())
        queue, writes = int(rng.integers(4)), bool(rng.integers(2))
        got, want = [0] * 4, [0] * 4
        for byte in range(low, high):
            pairs = [writer[byte]] + (list(readers[byte].items()) if writes else [])
            for pair in pairs:
                if pair:
                    want[pair[0]] = max(want[pair[0]], pair[1] + 1)
            if writes:
                writer[byte], readers[byte] = (queue, place), {}
            else:
                readers[byte][queue] = place
        (ledger.write if writes else ledger.read)(low, high, queue, place, got)
        assert got == want, (place, low, high, queue, writes)


def test_ring_comes_round_and_knows_what_still_stands() -> None:
    ring = Ring(8, 108)
    first = ring.take(60)
    at = ring.passed - 60
    second = ring.take(50)
    assert (first, second) == (8, 8)  # 40 bytes are left above, so the second starts again at the low end
    assert not ring.stands(at)
    kept = ring.passed - 50
    ring.take(50)
    assert ring.stands(kept)
    ring.take(1)
    assert not ring.stands(kept)


def test_ring_makes_room_for_what_must_stand_together() -> None:
    ring = Ring(0, 100)
    ring.take(30)
    ring.room(80)
    assert [ring.take(40), ring.take(40)] == [0, 40]


@pytest.mark.parametrize("bank", [64, 100])
def test_rows_of_a_banked_ring_lie_in_one_bank(bank: int) -> None:
    rng = np.random.default_rng(bank)
    ring = BankedRing(36, 4 * bank, bank)
    taken = 0
    for _ in range(300):
        rows, row_bytes = int(rng.integers(1, 9)), int(rng.integers(1, 30))
        if not ring.holds((rows, row_bytes)):
            continue
        pieces = ring.take(rows, row_bytes)
        taken += 1
        assert sum(n for _, n in pieces) == rows
        for at, n in pieces:
            assert at % 4 == 0 and 36 <= at and at + n * row_bytes <= 4 * bank
            assert at // bank == (at + n * row_bytes - 1) // bank
    assert taken > 200


def test_a_banked_ring_places_buffers_side_by_side() -> None:
    rng = np.random.default_rng(1)
    ring = BankedRing(0, 256, 128)
    placed = 0
    for _ in range(300):
        buffers = [(int(rng.integers(1, 6)), int(rng.integers(1, 20))) for _ in range(3)]
        if not ring.holds(*buffers):
            continue
        ring.room(*buffers)
        used = [b for rows, size in buffers for at, n in ring.take(rows, size) for b in range(at, at + n * size)]
        placed += 1
        assert len(used) == len(set(used)), buffers
    assert placed > 100


def test_memory_gives_freed_space_again_and_joins_it() -> None:
    memory = Memory(100, 16, "net")
    a, b, c = (memory.take(n) for n in (64, 100, 1))
    assert (a, b, c) == (128, 192, 320)
    memory.give_back(a, 64)
    memory.give_back(b, 100)
    assert memory.take(190) == 128 and memory.top == 384


def test_address_space_is_held_against_the_top() -> None:
    check_address_space("net", 1 << 16, 16)
    with pytest.raises(MappingError, match=r"net at memory: needs 524296 bits \(65537 bytes\)"):
        check_address_space("net", (1 << 16) + 1, 16)

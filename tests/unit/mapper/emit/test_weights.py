"""The weight image against the definition of docs/isa.md, read back slot by slot."""

import numpy as np
import pytest

from mapper.emit.weights import arrange, pack
from mapper.nest import Product, column_tiles
from tests.harness.mapped import pruned

COLS = 4


def product(n: int, c: int, taps: tuple[int, int], groups: int, pattern: tuple[int, int]) -> Product:
    return Product(
        name="w", kind="conv2d", batch=1, p=1, q=1, height=1, width=1, c=c, n=n, r=taps[0], s=taps[1], groups=groups,
        kept=pattern[0], block=pattern[1],
    )  # fmt: skip


def offsets(row: np.ndarray, bits: int) -> list[int]:
    whole = int.from_bytes(row.tobytes(), "little")
    return [whole >> (bits * j) & ((1 << bits) - 1) for j in range(COLS)]


def read_back(payload: np.ndarray, meta: np.ndarray, x: Product, chunks: tuple[tuple[int, int, int, int], ...]) -> np.ndarray:
    """[n, c_pad, r, s] from the two streams."""
    out = np.zeros((x.n, x.c_pad, x.r, x.s), payload.dtype)
    bits = x.block.bit_length() - 1
    for tile in column_tiles(x, COLS):
        row = 0
        for r0, nr, c0, nc in chunks:
            for r in range(r0, r0 + nr):
                for s in range(x.s):
                    for block in range(c0, c0 + nc, x.block):
                        last = [0] * COLS
                        for _ in range(x.kept):
                            at = offsets(meta[tile.index, row], bits) if bits else [0] * COLS
                            assert all(a >= b for a, b in zip(at, last, strict=True)), "offsets ascend with the slot"
                            for j in range(tile.width):
                                out[tile.col + j, block + at[j], r, s] += payload[tile.index, row, j]
                            last, row = at, row + 1
        assert row == payload.shape[1]
    return out


@pytest.mark.parametrize("pattern", [(1, 1), (2, 4), (2, 8), (1, 8), (8, 16)])
@pytest.mark.parametrize("n, c, taps, groups", [(9, 16, (1, 1), 1), (6, 11, (3, 2), 1), (10, 32, (1, 3), 2)])
def test_every_weight_stands_once_in_its_place(pattern: tuple[int, int], n: int, c: int, taps: tuple[int, int], groups: int) -> None:
    x = product(n, c, taps, groups, pattern)
    rng = np.random.default_rng(5)
    weight = pruned(rng.integers(-9, 10, (n, c // groups, *taps)).astype(np.int8), *pattern)
    half = x.c_pad // 2 // x.block * x.block
    whole = ((0, x.r, 0, x.c_pad),)
    cut = tuple((r, 1, low, high - low) for r in range(x.r) for low, high in ((0, half), (half, x.c_pad)) if high > low)
    for chunks in (whole, cut):
        payload, meta = arrange(weight, x, chunks, COLS)
        assert payload.shape == (x.n_tiles(COLS), x.k_blocks * x.kept, COLS)
        got = read_back(payload, meta, x, chunks)
        assert (got[:, : x.group_c] == weight).all() and not got[:, x.group_c :].any()


def test_a_block_with_fewer_weights_fills_its_slots_with_zeros() -> None:
    x = product(2, 16, (1, 1), 1, (2, 8))
    weight = np.zeros((2, 16), np.int8)
    weight[0, 5], weight[1, 8:10] = 7, (1, 2)
    payload, meta = arrange(weight, x, ((0, 1, 0, 16),), COLS)
    assert payload[0, :, 0].tolist() == [7, 0, 0, 0] and payload[0, :, 1].tolist() == [0, 0, 1, 2]
    assert [offsets(row, 3)[0] for row in meta[0]][:2] == [5, 5]
    assert [offsets(row, 3)[1] for row in meta[0]][2:] == [0, 1]


def test_offsets_are_packed_from_bit_0() -> None:
    packed = pack(np.array([[1, 2, 7, 4, 5]], np.uint8), 3)
    assert packed.tolist() == [[0b11010001, 0b01011001]]

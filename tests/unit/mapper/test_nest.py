import pytest

from mapper.nest import Chunk, Mapping, Product, column_tiles, pixel_tiles, segments, tile_shape


def product(**changes: object) -> Product:
    base = {"name": "c", "kind": "conv2d", "batch": 2, "p": 5, "q": 7, "height": 5, "width": 7, "c": 12, "n": 10, "r": 3, "s": 3}
    return Product(**{**base, **changes})


@pytest.mark.parametrize("tile", [(2, 5, 7), (1, 5, 7), (1, 2, 7), (1, 1, 3), (1, 1, 1)])
def test_pixel_tiles_cover_the_output_once_in_stretches(tile: tuple[int, int, int]) -> None:
    row = 0
    for t in pixel_tiles(product(), tile):
        assert t.row == row
        row += t.pixels
    assert row == 2 * 5 * 7


def test_column_tiles_of_groups_do_not_mix_groups() -> None:
    tiles = column_tiles(product(groups=2, n=10, c=12), 4)
    assert [(t.col, t.width, t.channel) for t in tiles] == [(0, 4, 0), (4, 1, 0), (5, 4, 6), (9, 1, 6)]


def test_channels_are_padded_to_whole_blocks() -> None:
    x = product(kept=2, block=8)
    assert (x.c_pad, x.k_blocks, x.pitch) == (16, 18, 16)


def test_taps_and_channels_are_one_run_where_they_are_contiguous() -> None:
    x = product(block=4, kept=2)
    assert segments(x, Chunk(0, 3, 0, 12), x.pitch) == (36, 1, 3)
    assert segments(x, Chunk(0, 3, 4, 8), x.pitch) == (8, 3, 3)
    assert segments(product(dilation=(2, 1)), Chunk(0, 3, 0, 12), 12) == (36, 1, 3)
    assert segments(product(dilation=(1, 2)), Chunk(0, 3, 0, 12), 12) == (12, 3, 3)
    assert segments(product(groups=2), Chunk(0, 3, 0, 6), 12) == (6, 3, 3)


def test_input_behind_a_tile() -> None:
    assert tile_shape(product(stride=(2, 1), dilation=(1, 2)), 4, 5, 3) == (9, 9)


def test_text_shows_the_loops_outside_in() -> None:
    x = product(kept=2, block=4)
    mapping = Mapping(
        dataflow="ws", order="np", tile=(1, 2, 7), group=2, chunks=(Chunk(0, 2, 0, 12), Chunk(2, 1, 0, 12)), loads=(2,),
        keep_weights=True, keep_act=True,
    )  # fmt: skip
    assert mapping.text(x) == (
        "c: conv2d 70x108x10 2:4 ws\n"
        "  for n in groups of 2 tiles: vec\n"
        "    for pixels in 2x3x1 tiles of 1x2x7: act (kept)\n"
        "      for n-tile in group: acc\n"
        "        for load in 1: weight, meta (kept)\n"
        "          for chunk in 2 of k\n"
    )

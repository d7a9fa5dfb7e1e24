"""A compute command alone against the closed forms of docs/machine.md: fill, stream, drain."""

import pytest

from tests.harness.single import compute_cycles, machine

PATTERNS = [(1, 1), (2, 4), (2, 8), (1, 8), (4, 8)]
STAGES = 3  # of the multiplier: every last row is that much later
TINY = {"pe__kept_max": 4, "pe__block_max": 8}


def tiny(rows: int, cols: int, latency: int) -> object:
    number = {"pe__number": "fp16", "pe__adder_latency_cycles": latency}
    stages = {"pe__multiplier_latency_cycles": STAGES}
    return machine("tiny4", **TINY, **stages, **(number if latency > 1 else {}), array__rows=rows, array__cols=cols)


def ceil(a: int, b: int) -> int:
    return -(-a // b)


def last_wave(r: int, c: int, lat: int, kept: int, start: int, stream: int, folds: int) -> int:
    """Cycle in which the last fold's swap wave starts.

    A fold may be taken when its row 0 is in the shadow registers, and starts a cycle later; a row is loaded, `kept` cycles after
    the row before, when the wave before has passed its last column.
    """
    wave, loaded = start, 2 + r * kept
    for _ in range(folds - 1):
        row0 = max(loaded, wave + c) + kept
        loaded = row0
        for row in range(1, r):
            loaded = max(loaded, wave + row * kept * lat + c) + kept
        wave = max(wave + stream, row0 + 1)
    return wave


def ws_cycles(r: int, c: int, lat: int, kept: int, pixels: int, blocks: int) -> int:
    """Start of the first wave, the groups of every fold, and the way of the last row down the array.

    The first wave starts one cycle after the first group is read and `kept` weight rows are in row 0.
    """
    group = min(lat, pixels)
    start = max(2 + group, 4 + kept)
    stream = ceil(pixels, lat) * kept * lat
    last_group = last_wave(r, c, lat, kept, start, stream, ceil(blocks, r)) + stream - kept * lat
    return last_group + r * kept * lat + c + STAGES + (pixels - 1) % lat + lat + 1


@pytest.mark.parametrize("lat", [1, 4])
@pytest.mark.parametrize(("kept", "block"), PATTERNS)
@pytest.mark.parametrize(("rows", "cols"), [(4, 4), (8, 3), (2, 8)])
@pytest.mark.parametrize("pixels", [8, 21, 64])
def test_ws_single_fold(rows: int, cols: int, lat: int, kept: int, block: int, pixels: int) -> None:
    spec = tiny(rows, cols, lat)
    got = compute_cycles(
        spec, kept=kept, block_log2=block.bit_length() - 1, count_q=pixels, run=rows * block
    )
    assert got == ws_cycles(rows, cols, lat, kept, pixels, rows)


@pytest.mark.parametrize("lat", [1, 4])
@pytest.mark.parametrize(("kept", "block"), PATTERNS)
@pytest.mark.parametrize("folds", [2, 5])
@pytest.mark.parametrize("pixels", [4, 8, 40])
def test_ws_folds_follow_each_other(lat: int, kept: int, block: int, folds: int, pixels: int) -> None:
    """With long streams no bubble; with short ones the next weights are waited for, and no longer."""
    spec = tiny(4, 4, lat)
    got = compute_cycles(
        spec, kept=kept, block_log2=block.bit_length() - 1, count_q=pixels, run=4 * folds * block
    )
    assert got == ws_cycles(4, 4, lat, kept, pixels, 4 * folds)


def os_cycles(r: int, c: int, lat: int, kept: int, pixels: int, blocks: int, chunk: int) -> int:
    """First batch read, every group's steps (held by the drain of the group before), last rows out."""
    group = min(r * lat, pixels)
    end = 2 + group + blocks * kept * lat - 1
    for _ in range(ceil(pixels, r * lat) - 1):
        end = max(end + blocks * kept * lat, end + r + c - 1 + r * lat)
    return end + r + c + STAGES + lat + (pixels - 1) % (r * lat) + lat + 1


@pytest.mark.parametrize("lat", [1, 4])
@pytest.mark.parametrize(("kept", "block"), PATTERNS)
@pytest.mark.parametrize("blocks", [3, 64])
@pytest.mark.parametrize("groups", [1, 3])
def test_os_groups(lat: int, kept: int, block: int, blocks: int, groups: int) -> None:
    """Short K waits for the shadow sums, long K does not."""
    spec = tiny(4, 4, lat)
    pixels = 4 * lat * groups - 1
    fields = {"dataflow": 1, "kept": kept, "block_log2": block.bit_length() - 1}
    got = compute_cycles(spec, **fields, count_q=pixels, run=blocks * block)
    reading = 4 * lat  # cycles in which a group's chunk is read; steps of one chunk hide them
    if blocks * kept * lat >= reading:
        assert got == os_cycles(4, 4, lat, kept, pixels, blocks, blocks)
    else:
        assert got >= os_cycles(4, 4, lat, kept, pixels, blocks, blocks)


def test_narrow_activations_stall_the_array() -> None:
    """2:8 wants 8 activations a row every 2 cycles: at half that width it runs at half the rate."""
    fields = {"kept": 2, "block_log2": 3, "count_q": 500, "run": 32}
    wide = compute_cycles(machine("tiny4", **TINY, levels__act__width_bits=128), **fields)
    narrow = compute_cycles(machine("tiny4", **TINY, levels__act__width_bits=64), **fields)
    assert 1000 < wide < 1030
    assert 2000 < narrow < 2030


def test_link_depth_one_halves_the_rate() -> None:
    fields = {"kept": 1, "count_q": 500, "run": 4}
    deep = compute_cycles(machine("tiny4", **TINY), **fields)
    shallow = compute_cycles(machine("tiny4", **TINY, link_depth=1), **fields)
    assert 500 < deep < 530
    assert 1000 <= shallow < 1030

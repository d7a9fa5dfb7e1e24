import numpy as np
import pytest

from hwsim.spec.load import load_thread_machine
from hwsim.workloads import tiles
from hwsim.workloads.layout import Layout, pieces
from hwsim.workloads.tiles import split, tile_rows
from models.matrices import rmat
from tests.harness.matrices import SQUARE

PIUMA, TINY = load_thread_machine("piuma"), load_thread_machine("piuma_tiny")


@pytest.mark.parametrize("blocks", [1, 2, 7, 200])
@pytest.mark.parametrize("shape", SQUARE)
def test_pieces_are_the_matrix(shape: str, blocks: int) -> None:
    m = SQUARE[shape]
    found = pieces(m, blocks)
    assert [p.block for p in found] == list(range(blocks))
    assert [p.first for p in found] == np.cumsum([0, *(p.rows for p in found[:-1])]).tolist()
    np.testing.assert_array_equal(np.concatenate([p.columns for p in found]), m.columns)
    np.testing.assert_array_equal(np.concatenate([p.values for p in found]), m.values)
    np.testing.assert_array_equal(np.concatenate([np.diff(p.starts) for p in found]), np.diff(m.starts))


def test_pieces_are_even() -> None:
    m = rmat(12)
    sizes = [len(p.columns) for p in pieces(m, 8)]
    assert max(sizes) - min(sizes) <= 2 * np.diff(m.starts).max()


@pytest.mark.parametrize("version", ["mtp", "stp", "both"])
def test_every_nonzero_is_hot_or_cold(version: str) -> None:
    m = rmat(10)
    p = pieces(m, 1)[0]
    s = split(p, m.shape[1], 32, PIUMA, version)
    hot = np.concatenate([t.entries for t in s.hot]) if s.hot else np.zeros(0, int)
    assert sorted([*s.cold, *hot]) == list(range(m.nonzeros))
    assert (len(hot) == 0) == (version == "mtp") and (len(s.cold) == 0) == (version == "stp")
    rows = np.repeat(np.arange(p.rows), np.diff(p.starts))
    for t in s.hot:
        assert (np.diff(rows[t.entries]) >= 0).all() and 0 < t.x_rows <= tile_rows(PIUMA, 32)
        assert ((p.columns[t.entries] >= t.x_first) & (p.columns[t.entries] < t.x_first + t.x_rows)).all()


def test_a_tile_fits_its_share_of_the_scratchpad() -> None:
    for spec in (PIUMA, TINY):
        for width in (8, 32, 512):
            free = spec.scratchpad.capacity_bytes - spec.threads * spec.stack_bits // 8
            assert tile_rows(spec, width) * width * 8 * spec.stp.pipelines <= free
    assert tile_rows(TINY, 1 << 16) == 0


class Recorder:
    """A memory that remembers."""

    def __init__(self) -> None:
        self.placed: dict[int, tuple[np.ndarray, str, int]] = {}

    def place(self, array: np.ndarray, where: str, *, block: int = 0) -> int:
        self.placed[len(self.placed)] = (array, where, block)
        return len(self.placed) - 1

    def reserve(self, size: int, where: str, *, block: int = 0) -> int:
        return self.place(np.zeros(size, np.uint8), where, block=block)


def test_records_hold_doubles_as_bits() -> None:
    store = Recorder()
    lay = Layout(store, 2)
    at = lay.records([[3, 0.85], [4, -1.0]])
    words, where, _ = store.placed[at]
    assert where == "interleaved" and words[:, 0].tolist() == [3, 4]
    assert words[:, 1].copy().view(np.float64).tolist() == [0.85, -1.0]


def test_empty_arrays_have_a_place() -> None:
    store = Recorder()
    lay = Layout(store, 2)
    at = lay.own(np.zeros(0), 1)
    assert store.placed[at][0].size == 1 and store.placed[at][1:] == ("block", 1)


def test_a_piece_without_nonzeros_is_not_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many blocks most may own nothing."""
    monkeypatch.setattr(tiles, "_Estimate", None)
    empty = next(p for p in pieces(rmat(1), 200) if not len(p.columns))
    for version in ("both", "stp"):
        s = split(empty, 2, 32, PIUMA, version)
        assert len(s.cold) == 0 and s.hot == ()

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from models.matrices import Matrix, read_market

HEAD = "%%MatrixMarket matrix coordinate real general\n"


def read(tmp_path: Path, text: str) -> Matrix:
    path = tmp_path / "a.mtx"
    path.write_text(text)
    return read_market(path)


def dense(m: Matrix) -> np.ndarray:
    return m.scipy().toarray()


def test_by_row_with_comments_and_empty_lines(tmp_path: Path) -> None:
    m = read(tmp_path, HEAD + "% by hand\n%\n2 3 3\n1 1 1.5\n\n1 3 -2e1\n2 2 3\n")
    np.testing.assert_array_equal(dense(m), [[1.5, 0, -20], [0, 3, 0]])
    assert m.name == "a" and m.where.endswith("a.mtx:4") and m.shape == (2, 3)
    assert (m.starts.dtype, m.columns.dtype, m.values.dtype) == (np.int64, np.int64, np.float64)


def test_by_column(tmp_path: Path) -> None:
    m = read(tmp_path, HEAD + "2 2 3\n1 1 1\n2 1 2\n1 2 3\n")
    np.testing.assert_array_equal(m.columns, [0, 1, 0])
    np.testing.assert_array_equal(m.values, [1, 3, 2])


def test_pattern_integer_and_halves(tmp_path: Path) -> None:
    sym = read(tmp_path, "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n1 1\n3 1\n")
    np.testing.assert_array_equal(dense(sym), [[1, 0, 1], [0, 0, 0], [1, 0, 0]])
    skew = read(tmp_path, "%%MatrixMarket matrix coordinate integer skew-symmetric\n2 2 1\n2 1 7\n")
    np.testing.assert_array_equal(dense(skew), [[0, -7], [7, 0]])


def test_arrays(tmp_path: Path) -> None:
    full = read(tmp_path, "%%MatrixMarket matrix array real general\n2 2\n1\n0\n3\n4\n")
    np.testing.assert_array_equal(dense(full), [[1, 3], [0, 4]])
    assert full.nonzeros == 3
    half = read(tmp_path, "%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n")
    np.testing.assert_array_equal(dense(half), [[1, 2], [2, 3]])
    skew = read(tmp_path, "%%MatrixMarket matrix array real skew-symmetric\n2 2\n5\n")
    np.testing.assert_array_equal(dense(skew), [[0, -5], [5, 0]])


def test_a_place_given_twice_adds_up(tmp_path: Path) -> None:
    m = read(tmp_path, HEAD + "1 2 3\n1 1 1\n1 2 5\n1 2 6\n")
    np.testing.assert_array_equal(m.columns, [0, 1, 1])
    np.testing.assert_array_equal(dense(m), [[1, 11]])


@pytest.mark.parametrize("symmetry", ["general", "symmetric", "skew-symmetric"])
def test_as_scipy_writes_it(tmp_path: Path, symmetry: str) -> None:
    rng = np.random.default_rng(3)
    a = scipy.sparse.random_array((40, 40), density=0.1, rng=rng).tocsr()
    a = {"general": a, "symmetric": a + a.T, "skew-symmetric": a - a.T}[symmetry]
    path = tmp_path / "a.mtx"
    scipy.io.mmwrite(path, a, symmetry=symmetry)
    assert f"real {symmetry}" in path.read_text().splitlines()[0]
    found = read_market(path)
    np.testing.assert_array_equal(dense(found), scipy.io.mmread(path).toarray())
    assert found.nonzeros > 100


def test_comments_may_hold_any_bytes_and_a_byte_order_mark_may_come_first(tmp_path: Path) -> None:
    path = tmp_path / "a.mtx"
    path.write_bytes(b"\xef\xbb\xbf%%MatrixMarket matrix coordinate real general\r\n% Universit\xe9, \x80\xff\r\n2 2 1\r\n1 2 5\r\n")
    found = read_market(path)
    assert found.shape == (2, 2) and found.nonzeros == 1 and list(found.values) == [5]

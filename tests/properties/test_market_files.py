"""A Matrix Market file, whole or broken anywhere: it is read as SciPy reads it, or refused in one line that names the place."""

import io
import re
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.spec.errors import MatrixError
from models.matrices import read_market
from tests.properties.test_models_broken_files import FEW, broken, edits

entries = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.floats(-1e6, 1e6)), max_size=30)


def written(found: list[tuple[int, int, float]]) -> bytes:
    rows, columns, values = zip(*sorted(found), strict=True) if found else ((), (), ())
    a = scipy.sparse.coo_array((np.array(values), (np.array(rows, int), np.array(columns, int))), (6, 8))
    out = io.BytesIO()
    scipy.io.mmwrite(out, a, symmetry="general", precision=17)
    return out.getvalue()


def test_read_as_scipy_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.mtx"

    @settings(FEW, max_examples=60)
    @given(entries)
    def run(found: list[tuple[int, int, float]]) -> None:
        path.write_bytes(written(found))
        m = read_market(path)
        assert m.nonzeros == len(found)
        np.testing.assert_allclose(m.scipy().toarray(), scipy.io.mmread(path).toarray(), rtol=1e-12)

    run()


def test_broken_bytes(tmp_path: Path) -> None:
    path, refused = tmp_path / "a.mtx", []

    @FEW
    @given(entries, edits)
    def run(found: list[tuple[int, int, float]], edits: list[tuple[str, int, int]]) -> None:
        path.write_bytes(broken(written(found), edits))
        try:
            m = read_market(path)
        except MatrixError as e:
            assert re.fullmatch(r"[^\n]*a\.mtx:\d+: [^\n]+; [^\n]+", str(e)), str(e)
            refused.append(True)
        else:
            assert m.starts[-1] == m.nonzeros and np.isfinite(m.values).all()
            refused.append(False)

    run()
    assert 0.3 * len(refused) < sum(refused) < len(refused)

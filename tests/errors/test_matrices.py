"""Every message of models/matrices, whole."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hwsim.spec.errors import MatrixError
from hwsim.spec.patterns import NMPattern
from models.matrices import graph, graph_names, read_market, rmat, weights
from models.matrices.market import MOST_ROWS

REAL = "%%MatrixMarket matrix coordinate real general\n"
PATTERN = "%%MatrixMarket matrix coordinate pattern general\n"
NO_MORE = f"give 1 to {MOST_ROWS} rows and columns, and no more entries than places"
SYMMETRIC = "%%MatrixMarket matrix coordinate real symmetric\n"


def says(message: str, act: Callable[[], Any]) -> None:
    """`*` in the message stands for anything on one line."""
    with pytest.raises(MatrixError) as e:
        act()
    assert re.fullmatch(re.escape(message).replace(r"\*", ".*"), str(e.value)), str(e.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: header '' is no Matrix Market's; write %%MatrixMarket matrix coordinate real general"),
        ("1 2 3\n", "1: header '1 2 3' is no Matrix Market's; write %%MatrixMarket matrix coordinate real general"),
        ("%%MatrixMarket matrix coordinate complex general\n", "1: 'complex' is not read; use real, integer, pattern"),
        ("%%MatrixMarket matrix coordinate real hermitian\n", "1: 'hermitian' is not read; use general, symmetric, skew-symmetric"),
        ("%%MatrixMarket matrix sparse real general\n", "1: 'sparse' is not read; use coordinate, array"),
        ("%%MatrixMarket matrix array pattern general\n", "1: an array has no pattern; use real or integer, or coordinate"),
        (REAL, "1: size '' does not read; write rows columns entries, each a whole number"),
        (REAL + "%\n2 2\n", "3: size '2 2' does not read; write rows columns entries, each a whole number"),
        (REAL + "2 -2 1\n", "2: size '2 -2 1' does not read; write rows columns entries, each a whole number"),
        (REAL + "0 2 0\n", f"2: 0 x 2; give 1 to {MOST_ROWS} rows and columns"),
        (REAL + "9999999999 2 0\n", f"2: 9999999999 x 2; give 1 to {MOST_ROWS} rows and columns"),
        (REAL + f"2 2 {10**21}\n", f"2: {10**21} is too large; {NO_MORE}"),
        (REAL + f"{'9' * 5000} 2 1\n", f"2: {'9' * 30}... is too large; {NO_MORE}"),
        (SYMMETRIC + "2 3 0\n", "2: 2 x 3 is not square, the header says symmetric; correct one"),
        (REAL + "2 2 1\n1 1\n", "3: entry '1 1' does not read; write row column value"),
        (PATTERN + "2 2 1\n1 1 1\n", "3: entry '1 1 1' does not read; write row column"),
        (REAL + "2 2 1\n3 1 1\n", "3: row 3 is outside 1..2; correct the entry or the size"),
        (REAL + "2 2 1\n1 0 1\n", "3: column 0 is outside 1..2; correct the entry or the size"),
        (REAL + "2 2 1\n1 -1 1\n", "3: column -1 is outside 1..2; correct the entry or the size"),
        (REAL + "2 2 1\n1 1.0 1\n", "3: column '1.0' does not read; write a whole number in 1..2"),
        (REAL + "2 2 1\nfoo 1 1\n", "3: row 'foo' does not read; write a whole number in 1..2"),
        (REAL + f"2 2 1\n{'9' * 5000} 1 1\n", f"3: row '{'9' * 30}' does not read; write a whole number in 1..2"),
        (REAL + "2 2 1\n1 1 x\n", "3: value 'x' does not read; write a finite number"),
        (REAL + "2 2 1\n1 1 1_0\n", "3: value '1_0' does not read; write a finite number"),
        (REAL + "2 2 1\n1 1 nan\n", "3: value 'nan' does not read; write a finite number"),
        (REAL.replace("real", "integer") + "2 2 1\n1 1 1.5\n", "3: value '1.5' does not read; write a whole number"),
        (
            REAL + "3 3 3\n2 1 1\n1 2 1\n1 1 1\n",
            "5: (1, 1) follows (1, 2): sorted neither by row nor by column; sort the entries",
        ),
        (REAL + "2 2 3\n1 1 1\n2 2 1\n", "4: ends after 2 of 3 entries; it is truncated, fetch it again"),
        (REAL + "2 2 3\n", "2: ends after 0 of 3 entries; it is truncated, fetch it again"),
        (REAL + "2 2 1\n1 1 1\n\n2 2 1\n", "5: entry 2, line 2 promises 1; correct the size or remove it"),
        (
            SYMMETRIC + "2 2 1\n1 2 1\n",
            "3: (1, 2) is above the diagonal of a symmetric matrix; leave it out, or write general",
        ),
        (
            SYMMETRIC.replace("symm", "skew-symm") + "2 2 1\n1 1 1\n",
            "3: (1, 1) is not below the diagonal of a skew-symmetric matrix; leave it out, or write general",
        ),
        ("%%MatrixMarket matrix array real general\n1 2\n1 2\n", "3: entry '1 2' does not read; write one value a line"),
        ("%%MatrixMarket matrix array real general\n1 1\n1\n2\n", "4: entry 2, line 2 promises 1; correct the size or remove it"),
        ("%%MatrixMarket matrix array real general\n2\n", "2: size '2' does not read; write rows columns, each a whole number"),
    ],
)
def test_broken_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.mtx").write_text(text)
    says(f"a.mtx:{message}", lambda: read_market("a.mtx"))


def test_no_file_and_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    says("none.mtx: cannot be read (No such file or directory); give a Matrix Market file", lambda: read_market("none.mtx"))
    says(".: cannot be read (Is a directory); give a Matrix Market file", lambda: read_market("."))
    Path("b.mtx").write_bytes(REAL.encode() + b"% \xe9\n2 2 1\n1 1 \xe9\n")
    says(f"b.mtx:4: not text (byte {len(REAL) + 14}); unpack it, or fetch it again", lambda: read_market("b.mtx"))
    Path("a.mtx.gz").write_bytes(b"%%\n\x1f\x8b\x08")
    says("a.mtx.gz:2: not text (byte 4); unpack it, or fetch it again", lambda: read_market("a.mtx.gz"))


def test_not_square_names_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.mtx").write_text(REAL + "% a comment\n2 3 0\n")
    m = read_market("a.mtx")
    says("a.mtx:3: 2 x 3 is not square; bfs wants as many rows as columns", lambda: m.check_square("bfs"))


def test_what_is_made() -> None:
    says(f"graph: 'x' is unknown; use {', '.join(graph_names())}", lambda: graph("x"))
    says("rmat 0: scale is 0; give 1 to 24", lambda: rmat(0))
    says("rmat 25: scale is 25; give 1 to 24", lambda: rmat(25))
    says("rmat 4: edge factor is 0; give 1 or more", lambda: rmat(4, edge_factor=0))
    says("rmat 4: 129 non-zeros; give 1 to 128", lambda: rmat(4, nonzeros=129))
    says(
        "rmat 4: quarters are 0.5, 0.5, 0.5, 0.5; give four fractions that add up to 1",
        lambda: rmat(4, quarters=(0.5, 0.5, 0.5, 0.5)),
    )
    says(
        "mlp: no layer with weights is named 'fc9'; it has fc1, fc2, fc3, ...",
        lambda: weights("mlp", "fc9", NMPattern(2, 8)),
    )

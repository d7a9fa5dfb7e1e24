"""Reads Matrix Market files, strictly: every fault is named with its line.

Source: Boisvert, Pozo and Remington 1996, NISTIR 5935 (the format). Asked beyond it: entries of a coordinate file are
sorted by row or by column, as collections of matrices give them, since a file in neither order has often lost its tail or
was joined of two.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsim.spec.errors import MatrixError
from models.matrices.matrix import Matrix, from_entries

HEADER = "%%MatrixMarket matrix coordinate real general"
FORMATS = ("coordinate", "array")
FIELDS = ("real", "integer", "pattern")
SYMMETRIES = ("general", "symmetric", "skew-symmetric")
MOST_ROWS = 1 << 27
Line = tuple[int, list[str]]  # number from 1, words
Entry = tuple[int, int, float]


@dataclass(frozen=True)
class _Kind:
    path: Path
    format: str
    field: str
    symmetry: str

    def error(self, line: int, what: str) -> MatrixError:
        return MatrixError(f"{self.path}:{line}: {what}")


def read_market(path: Path | str) -> Matrix:
    path = Path(path)
    lines = _text(path).rstrip("\n").split("\n")
    kind = _header(path, lines)
    words = ((i, x.split()) for i, x in enumerate(lines[1:], 2) if x.strip() and not x.startswith("%"))
    at, size = next(words, (len(lines), []))
    shape, count = _size(kind, at, size)
    read = _coordinate(kind, words, shape) if kind.format == "coordinate" else _array(kind, words, shape)
    entries: list[Entry] = []
    last = at
    for last, entry in read:
        if len(entries) == count:
            raise kind.error(last, f"entry {count + 1}, line {at} promises {count}; correct the size or remove it")
        entries.append(entry)
    if len(entries) < count:
        raise kind.error(last, f"ends after {len(entries)} of {count} entries; it is truncated, fetch it again")
    return _matrix(kind, at, shape, entries)


def _text(path: Path) -> str:
    """Comments may hold any bytes, and a byte order mark may come first."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise MatrixError(f"{path}: cannot be read ({e.strerror}); give a Matrix Market file") from e
    if not data.isascii():
        _check_text(path, data)
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")


def _check_text(path: Path, data: bytes) -> None:
    at = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            if number == 1 or not line.startswith(b"%"):
                line.decode()
        except UnicodeDecodeError as e:
            raise MatrixError(f"{path}:{number}: not text (byte {at + e.start}); unpack it, or fetch it again") from e
        at += len(line) + 1


def _header(path: Path, lines: list[str]) -> _Kind:
    words = lines[0].split()
    if len(words) != 5 or words[0].lower() != "%%matrixmarket" or words[1].lower() != "matrix":
        raise MatrixError(f"{path}:1: header {lines[0][:60]!r} is no Matrix Market's; write {HEADER}")
    said = [w.lower() for w in words[2:]]
    for word, known in zip(said, (FORMATS, FIELDS, SYMMETRIES), strict=True):
        if word not in known:
            raise MatrixError(f"{path}:1: {word!r} is not read; use {', '.join(known)}")
    if said[0] == "array" and said[1] == "pattern":
        raise MatrixError(f"{path}:1: an array has no pattern; use real or integer, or coordinate")
    return _Kind(path, *said)


def _size(kind: _Kind, at: int, words: list[str]) -> tuple[tuple[int, int], int]:
    """Shape, and how many entries follow."""
    wanted = 3 if kind.format == "coordinate" else 2
    long = next((w for w in words if w.isascii() and w.isdigit() and not _whole(w)), None)
    if len(words) == wanted and long is not None:
        most = f"give 1 to {MOST_ROWS} rows and columns, and no more entries than places"
        raise kind.error(at, f"{long[:30]}{'...' if len(long) > 30 else ''} is too large; {most}")
    if len(words) != wanted or not all(_whole(w) for w in words):
        what = "rows columns entries" if wanted == 3 else "rows columns"
        raise kind.error(at, f"size {' '.join(words)!r} does not read; write {what}, each a whole number")
    rows, cols, *rest = map(int, words)
    if not (1 <= rows <= MOST_ROWS and 1 <= cols <= MOST_ROWS):
        raise kind.error(at, f"{rows} x {cols}; give 1 to {MOST_ROWS} rows and columns")
    if kind.symmetry != "general" and rows != cols:
        raise kind.error(at, f"{rows} x {cols} is not square, the header says {kind.symmetry}; correct one")
    if rest:
        return (rows, cols), rest[0]
    below = {"general": rows * cols, "symmetric": rows * (rows + 1) // 2, "skew-symmetric": rows * (rows - 1) // 2}
    return (rows, cols), below[kind.symmetry]


def _coordinate(kind: _Kind, words: Iterator[Line], shape: tuple[int, int]) -> Iterator[tuple[int, Entry]]:
    pattern = kind.field == "pattern"
    by_row = by_column = True
    before = (0, 0)
    for line, fields in words:
        if len(fields) != (2 if pattern else 3):
            wanted = "row column" if pattern else "row column value"
            raise kind.error(line, f"entry {' '.join(fields)[:60]!r} does not read; write {wanted}")
        place = (_index(kind, line, "row", fields[0], shape[0]), _index(kind, line, "column", fields[1], shape[1]))
        by_row &= place >= before
        by_column &= place[::-1] >= before[::-1]
        if not (by_row or by_column):
            raise kind.error(
                line, f"{place} follows {before}: sorted neither by row nor by column; sort the entries"
            )
        _check_half(kind, line, place)
        yield line, (place[0] - 1, place[1] - 1, 1.0 if pattern else _value(kind, line, fields[2]))
        before = place


def _array(kind: _Kind, words: Iterator[Line], shape: tuple[int, int]) -> Iterator[tuple[int, Entry]]:
    """Column by column; of symmetric ones from the diagonal down, of skew-symmetric ones below it."""
    skip = {"general": None, "symmetric": 0, "skew-symmetric": 1}[kind.symmetry]
    places = ((r, c) for c in range(shape[1]) for r in range(0 if skip is None else c + skip, shape[0]))
    for line, fields in words:
        if len(fields) != 1:
            raise kind.error(line, f"entry {' '.join(fields)[:60]!r} does not read; write one value a line")
        r, c = next(places, (0, 0))
        yield line, (r, c, _value(kind, line, fields[0]))


def _whole(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 20  # a longer one is beyond every size


def _index(kind: _Kind, line: int, what: str, word: str, extent: int) -> int:
    if not _whole(word.removeprefix("-")):
        raise kind.error(line, f"{what} {word[:30]!r} does not read; write a whole number in 1..{extent}")
    if not 1 <= int(word) <= extent:
        raise kind.error(line, f"{what} {word[:30]} is outside 1..{extent}; correct the entry or the size")
    return int(word)


def _value(kind: _Kind, line: int, word: str) -> float:
    try:
        value = float(word if kind.field == "real" else int(word))
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value) or "_" in word or not word.isascii():
        wanted = "a finite number" if kind.field == "real" else "a whole number"
        raise kind.error(line, f"value {word[:30]!r} does not read; write {wanted}")
    return value


def _check_half(kind: _Kind, line: int, place: tuple[int, int]) -> None:
    above = kind.symmetry == "symmetric" and place[1] > place[0]
    if above or (kind.symmetry == "skew-symmetric" and place[1] >= place[0]):
        where = "above" if above else "not below"
        raise kind.error(
            line, f"{place} is {where} the diagonal of a {kind.symmetry} matrix; leave it out, or write general"
        )


def _matrix(kind: _Kind, at: int, shape: tuple[int, int], entries: list[Entry]) -> Matrix:
    table = np.array(entries, np.float64).reshape(-1, 3)
    rows, columns, values = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2]
    if kind.format == "array":
        kept = values != 0
        rows, columns, values = rows[kept], columns[kept], values[kept]
    if kind.symmetry != "general":
        off = rows != columns
        sign = 1 if kind.symmetry == "symmetric" else -1
        both = (np.r_[rows, columns[off]], np.r_[columns, rows[off]])
        (rows, columns), values = both, np.r_[values, sign * values[off]]
    return from_entries(kind.path.stem, f"{kind.path}:{at}", shape, rows, columns, values)

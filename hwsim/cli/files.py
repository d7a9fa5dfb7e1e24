"""Reads and writes reports: everything is made first, written beside, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hwsim.report.report import Report
from hwsim.spec.errors import ResultError


@contextmanager
def whole_folder(folder: Path | None) -> Iterator[Path | None]:
    """A folder in `folder`, or beside it while it does not exist, as files cannot be renamed into another file system. What is in it moves
    into `folder` when all went well, and vanishes when not. Raises ResultError, before the work, where no folder can stand.
    """
    if folder is None:
        yield None
        return
    if folder.exists() and not folder.is_dir():
        raise ResultError(f"{folder}: is a file; give a folder")
    whole = folder.absolute()
    parent = next(p for p in (whole, *whole.parents) if p.exists())
    with _writable(folder):
        beside = Path(tempfile.mkdtemp(dir=parent, prefix=f".{whole.name}."))
    try:
        yield beside
        with _writable(folder):
            for path in sorted(p for p in beside.rglob("*") if p.is_file()):
                target = folder / path.relative_to(beside)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise ResultError(f"{folder}: cannot be written ({e.strerror}); give another folder") from e


def check_file(path: Path) -> None:
    if path.is_dir():
        raise ResultError(f"{path}: is a folder; give a file name")
    if not path.absolute().parent.is_dir():
        raise ResultError(f"{path}: its folder does not exist; make it first")


def write_report(report: Report, folder: Path) -> None:
    """result.json, roofline.png, time.png; matplotlib starts here."""
    from hwsim.report.pictures import pictures

    files = {"result.json": report.to_json().encode() + b"\n", **pictures(report)}
    for name, data in files.items():
        (folder / name).write_bytes(data)


def read_report(path: Path) -> Report:
    try:
        text = path.read_text("utf-8")
    except OSError as e:
        raise ResultError(
            f"{path}: cannot be read ({e.strerror}); give a result.json that hwsim run -o wrote"
        ) from e
    except UnicodeDecodeError as e:
        raise ResultError(
            f"{path}: not text (byte {e.start}); give a result.json that hwsim run -o wrote"
        ) from e
    return Report.from_json(text, str(path))

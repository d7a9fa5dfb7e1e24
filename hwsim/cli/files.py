"""Reads and writes reports. Everything is made before anything is written, and written beside, then renamed."""

from pathlib import Path

from hwsim.report.report import Report
from hwsim.spec.errors import ResultError
from hwsim.spec.program import write_whole


def check_folder(folder: Path | None) -> None:
    """Before the work, not after it: raises ResultError where no folder can stand."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise ResultError(f"{folder}: is a file; give a folder")


def check_file(path: Path) -> None:
    if path.is_dir():
        raise ResultError(f"{path}: is a folder; give a file name")
    if not path.absolute().parent.is_dir():
        raise ResultError(f"{path}: its folder does not exist; make it first")


def write_report(report: Report, folder: Path) -> None:
    """result.json, roofline.png, time.png; matplotlib starts here."""
    from hwsim.report.pictures import pictures

    files = {"result.json": report.to_json().encode() + b"\n", **pictures(report)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise ResultError(f"{folder}: cannot be made ({e.strerror}); give another folder") from e
    for name, data in files.items():
        write_whole(folder / name, data)


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

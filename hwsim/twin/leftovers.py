"""What `hwsim verify` left in a folder of an earlier difference."""

from collections.abc import Callable
from pathlib import Path

from hwsim.spec.errors import HwsimError, ResultError
from hwsim.spec.program import load_program
from hwsim.twin.shrink import is_bare

NAMES = ("gates.vcd", "model.vcd", "program.bin", "program.txt")


def drop(folder: Path, keep: Path | None = None) -> None:
    """Removes the files that verify wrote; what is something else under one of the names stays, and so does `keep`."""
    for path in (folder / name for name in NAMES):
        if path.is_file() and OURS[path.suffix](path) and not (keep is not None and path.samefile(keep)):
            try:
                path.unlink()
            except OSError as e:
                raise ResultError(f"{path}: of an earlier difference, cannot be removed ({e.strerror}); remove it") from e


def _begins(text: str) -> Callable[[Path], bool]:
    def begins(path: Path) -> bool:
        with path.open("rb") as f:
            return f.read(len(text)) == text.encode()

    return begins


def _bare_program(path: Path) -> bool:
    try:
        return is_bare(load_program(path))
    except HwsimError:
        return False


OURS = {".vcd": _begins("$timescale 1 ps $end\n$scope module machine $end\n"), ".bin": _bare_program, ".txt": _begins("# cycle ")}

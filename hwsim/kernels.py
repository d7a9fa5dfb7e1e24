"""One door to numba: `njit` for every kernel, with a disk cache that no edit can leave stale.

numba notices an edit of a kernel's own file only, not of a callee's, nor of a table that a kernel
froze. So the cache folder bears a hash of all the sources that kernels are made of, and of the
`NUMBA_*` settings that change what is compiled (`NUMBA_BOUNDSCHECK`, for one). It lies under
`NUMBA_CACHE_DIR` if the user set it, else in the user's cache folder; where neither can be written,
kernels are compiled anew in each process.
"""

import contextlib
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba import config

HERE = Path(__file__).resolve().parent
SOURCES = ("kernels.py", "values", "components", "engine", "spec")
KEEP_DAYS = 30
DEFAULTS = {"error_model": "numpy", "cache": True}


def source_hash(root: Path = HERE) -> str:
    """16 hex digits over names and bytes of the sources, and the settings of numba."""
    digest = hashlib.sha256(numba.__version__.encode())
    for name in SOURCES:
        top = root / name
        for path in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            digest.update(b"\0" + str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    settings = {k: v for k, v in os.environ.items() if k.startswith("NUMBA_") and k != "NUMBA_CACHE_DIR"}
    digest.update(repr(sorted(settings.items())).encode())
    return digest.hexdigest()[:16]


def cache_parent() -> Path:
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hwsim"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "hwsim" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hwsim"


def cache_folder() -> Path | None:
    """The folder of these very sources, made and touched; None where it cannot be written."""
    try:
        parent = cache_parent()
        folder = parent / f"kernels-{source_hash()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(folder)
        _drop_old(parent)
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def _drop_old(parent: Path) -> None:
    """Removes the folders of sources that nobody has used for `KEEP_DAYS`."""
    for folder in parent.glob("kernels-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > KEEP_DAYS * 86400:
                shutil.rmtree(folder, ignore_errors=True)


FOLDER = cache_folder()


@contextlib.contextmanager
def _own_folder() -> Iterator[None]:
    before = config.CACHE_DIR
    config.CACHE_DIR = str(FOLDER)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def njit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """`numba.njit`, cached, dividing as NumPy does, and never reordering floating point.

    Use as `@njit` or `@njit(inline="always")`.
    """
    if function is None:
        return lambda f: njit(f, **options)
    options = {**DEFAULTS, **options}
    if FOLDER is None:
        options["cache"] = False
    with _own_folder():
        return numba.njit(**options)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """For a loop over slices: inlined before slices count references, which costs more than a short loop."""
    return njit(function, inline="always")

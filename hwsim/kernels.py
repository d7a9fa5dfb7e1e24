"""One door to numba: `njit` for every kernel, with a disk cache that no edit can leave stale.

numba notices an edit of a kernel's own file only, not of a callee's, nor of a table that a kernel
froze. So a kernel's cache folder bears a hash of its module and of every module of this package that
it imports, directly or not, and of the `NUMBA_*` settings that change what is compiled
(`NUMBA_BOUNDSCHECK`, for one). It lies under `NUMBA_CACHE_DIR` if the user set it, else in the user's
cache folder; where neither can be written, kernels are compiled anew in each process.
"""

import ast
import contextlib
import hashlib
import inspect
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba import config

ROOT = Path(__file__).resolve().parent
KEEP_DAYS = 30
DEFAULTS = {"error_model": "numpy", "cache": True}


@cache
def imports(path: Path, root: Path = ROOT) -> frozenset[Path]:
    """Files of the package `root` that a file names in its import statements."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{a.name}" for a in node.names}
    found = set()
    for name in names:
        top, *rest = name.split(".")
        at = root.joinpath(*rest)
        if top == root.name:
            found |= {p for p in (at.with_suffix(".py"), at / "__init__.py") if p.is_file()}
    return frozenset(found)


def sources(path: Path, root: Path = ROOT) -> list[Path]:
    """A file and all of the package that it imports, directly or not; sorted."""
    seen, left = set(), [path]
    while left:
        here = left.pop()
        if here not in seen:
            seen.add(here)
            left += imports(here, root)
    return sorted(seen)


def source_hash(path: Path, root: Path = ROOT) -> str:
    """16 hex digits over the sources of a kernel's module and the settings of numba."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sources(path, root):
        digest.update(b"\0" + str(source).encode() + b"\0" + source.read_bytes())
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


@cache
def cache_folder(path: Path) -> Path | None:
    """The folder for kernels of a file as it is now, made and touched; None where it cannot be written."""
    try:
        parent = cache_parent()
        folder = parent / f"kernels-{source_hash(path)}"
        new = not folder.exists()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(folder)
        if new:
            drop_old(parent)
    except (OSError, RuntimeError):  # RuntimeError: no home folder
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def drop_old(parent: Path) -> None:
    """Removes the folders of sources that nobody has used for `KEEP_DAYS`."""
    for folder in parent.glob("kernels-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > KEEP_DAYS * 86400:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
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
    if config.DISABLE_JIT or not options["cache"]:
        return numba.njit(**options)(function)
    folder = cache_folder(Path(inspect.getfile(function)).resolve())
    if folder is None:
        return numba.njit(**{**options, "cache": False})(function)
    with _cached_in(folder):
        return numba.njit(**options)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """For a short loop or a scalar step inside one: inlined, so that loops around it vectorise and slices count no references."""
    return njit(function, inline="always", cache=False)

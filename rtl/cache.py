"""Where compiled gates are kept: the user's cache folder, or the one that `HWSIM_GATES_CACHE` names."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from hwsim.spec.errors import SimulationError

KEEP_DAYS = 30


def cache_folder() -> Path:
    given = os.environ.get("HWSIM_GATES_CACHE")
    folder = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hwsim"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise SimulationError(f"{folder}: cannot be made ({e.strerror}); let HWSIM_GATES_CACHE name a folder for compiled gates") from e
    return folder


@contextlib.contextmanager
def folder_of(*made_of: str) -> Iterator[Path]:
    """The folder for what is made of these texts, to oneself; marked as used."""
    folder = cache_folder() / f"gates-{hashlib.sha256(chr(0).join(made_of).encode()).hexdigest()[:20]}"
    with _locked(folder):
        yield folder
        os.utime(folder)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time builds in `folder`; the next one finds what it made."""
    new = not folder.exists()
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    if new:
        _drop_old(folder.parent)


def _drop_old(parent: Path) -> None:
    for folder in parent.glob("gates-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > KEEP_DAYS * 86400:
                shutil.rmtree(folder, ignore_errors=True)

"""What computed a report."""

import platform
from functools import cache
from importlib import metadata


@cache
def versions() -> dict[str, str]:
    """Package -> version; `not installed` where it runs from its sources alone."""
    return {name: _version(name) for name in ("hwsim", "numpy", "numba")} | {
        "python": platform.python_version()
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"

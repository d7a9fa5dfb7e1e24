"""`njit` of the thread machine: kernels that make no arrays, so that nobody counts references while they run."""

from collections.abc import Callable
from typing import Any

from hwsim import kernels


def njit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """As hwsim.kernels.njit. A kernel that makes an array or a slice does not compile."""
    if function is None:
        return lambda f: njit(f, **options)
    return kernels.njit(function, _nrt=False, **options)

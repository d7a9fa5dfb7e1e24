"""Affine walks: the lowest and the highest address that one touches."""

from hwsim.kernels import njit


@njit
def low(base, count0, stride0, count1, stride1):
    return base + min(0, (count0 - 1) * stride0) + min(0, (count1 - 1) * stride1)


@njit
def high(base, count0, stride0, count1, stride1):
    return base + max(0, (count0 - 1) * stride0) + max(0, (count1 - 1) * stride1)


@njit
def inside(base, count0, stride0, count1, stride1, run, size):
    """Whether `run` bytes at every address of the walk lie in 0..size."""
    if count0 < 1 or count1 < 1 or run < 0:
        return False
    return (
        low(base, count0, stride0, count1, stride1) >= 0
        and high(base, count0, stride0, count1, stride1) + run <= size
    )

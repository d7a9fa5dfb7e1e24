"""Link: a bounded queue between two components. Twin: rtl/components/link.py, to the cycle.

A component sees `held` as the last clock edge left it; what it pushes and pops is committed after
every component has stepped. Latency 1 cycle; one transfer a cycle from depth 2 on, one every second
cycle at depth 1.
"""

import numpy as np

from hwsim.kernels import njit

DEEPEST = 64
FIELDS = 8  # integers an item may carry
LINK = np.dtype(
    [
        ("depth", "i8"),
        ("held", "i8"),
        ("head", "i8"),
        ("pushed", "i8"),
        ("popped", "i8"),
        ("slots", "i8", (DEEPEST, FIELDS)),
    ]
)


def records(n: int, dtype: np.dtype) -> np.recarray:
    """[n] zeroed records whose fields are attributes, jitted or not."""
    return np.zeros(n, dtype).view(np.recarray)


@njit(forceinline=True)
def can_push(link):
    return link.held < link.depth


@njit(forceinline=True)
def can_pop(link):
    return link.held > 0


@njit(forceinline=True)
def push(link):
    """Commits to a push in this cycle; returns the slot whose item the caller writes."""
    link.pushed = 1
    at = link.head + link.held
    return at - link.depth if at >= link.depth else at


@njit(forceinline=True)
def pop(link):
    link.popped = 1


@njit(forceinline=True)
def commit(link):
    """The clock edge; returns 1 if anything moved."""
    if link.pushed | link.popped:
        link.held += link.pushed - link.popped
        if link.popped:
            link.head = link.head + 1 if link.head + 1 < link.depth else 0
        link.pushed = 0
        link.popped = 0
        return 1
    return 0

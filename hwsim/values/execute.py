"""Runs commands of a decoded table, one or a stretch, and counts their MACs. Engine and functional run call the same.

Kernels call `execute_order`; `execute` is its wrapper for Python. `macs`: int64 [commands, 2], effectual and gated MACs,
added to. A fault stops the run.
"""

import numpy as np

from hwsim.kernels import inlined, njit
from hwsim.spec.commands import OPS
from hwsim.values import status
from hwsim.values.compute import compute
from hwsim.values.layout import Array, Values
from hwsim.values.transfer import load, store
from hwsim.values.vector import vector

END, LOAD, COMPUTE, VECTOR, STORE = range(5)
assert OPS == ("end", "load", "compute", "vector", "store")


@inlined
def execute_one(table, index, values, macs):
    """Gives a status."""
    row = table[index]
    state = status.OPCODE
    if row[0] == LOAD:
        state = load(row, values)
    elif row[0] == COMPUTE:
        state = compute(row, values, macs[index])
    elif row[0] == VECTOR:
        state = vector(row, values)
    elif row[0] == STORE:
        state = store(row, values)
    elif row[0] == END:
        state = status.OK
    return state


@njit
def execute_order(table, order, values, macs):
    """The commands that `order` lists (int64), in that order; `end` does not stop it. Gives (status, index of the last command run)."""
    state, index = status.OK, np.int64(-1)
    for i in range(order.size):
        index = order[i]
        state = execute_one(table, index, values, macs)
        if state != status.OK:
            break
    return state, index


def execute(table: Array, first: int, last: int, values: Values, macs: Array) -> tuple[int, int]:
    """Commands first..last (inclusive) in program order."""
    state, index = execute_order(table, np.arange(first, last + 1), values, macs)
    return int(state), int(index)

"""Runs commands of a decoded table, one or a stretch, and counts their MACs. Engine and functional run call the same.

`macs`: int64 [commands, 2], effectual and gated MACs, added to. A fault stops the run: (status, index of its command).
"""

from hwsim.kernels import njit
from hwsim.spec.commands import OPS
from hwsim.values import status
from hwsim.values.compute import compute
from hwsim.values.copy import load, store
from hwsim.values.vector import vector

END, LOAD, COMPUTE, VECTOR, STORE = range(5)
assert OPS == ("end", "load", "compute", "vector", "store")


@njit
def execute_one(table, index, values, macs):
    """Gives a status."""
    row = table[index]
    if row[0] == LOAD:
        return load(row, values)
    if row[0] == COMPUTE:
        return compute(row, values, macs[index])
    if row[0] == VECTOR:
        return vector(row, values)
    if row[0] == STORE:
        return store(row, values)
    return status.OK if row[0] == END else status.OPCODE


@njit
def execute(table, first, last, values, macs):
    """Commands first..last (inclusive) in program order; `end` does not stop it."""
    for index in range(first, last + 1):
        state = execute_one(table, index, values, macs)
        if state != status.OK:
            return state, index
    return status.OK, last


@njit
def execute_order(table, order, values, macs):
    """The commands that `order` lists, in that order."""
    for i in range(order.size):
        state = execute_one(table, order[i], values, macs)
        if state != status.OK:
            return state, order[i]
    return status.OK, order.size

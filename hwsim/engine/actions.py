"""Action counts of a run, a row a layer: from what the components logged and from the extents of
the commands that they ran.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from hwsim.components.config import (
    ACT_BITS,
    BUF,
    COUNT0,
    COUNT1,
    FILLED,
    LAYER,
    LEVEL,
    PE_CYCLES,
    RUN,
    STORE_SHIFT,
    WEIGHT_ROWS,
)
from hwsim.components.vector import passes
from hwsim.result import ACTIONS
from hwsim.spec.commands import ACT, FN, LEVELS, OPS, WORD_BYTES, column
from hwsim.spec.machine import AcceleratorSpec

Array = np.ndarray[Any, Any]
assert BUF < RUN


def command_actions(spec: AcceleratorSpec, table: Array, log: Array) -> Array:
    """[commands, ACTIONS] int64. Products are left at 0: see `simulate`. Bits are those of the data
    that moved, not of the whole beats.
    """
    out = np.zeros((len(table), len(ACTIONS)), np.int64)
    add = {name: out[:, i] for i, name in enumerate(ACTIONS)}
    add["sequencer.command"][:] = 1
    add["memory.read_bits"][:] = 8 * WORD_BYTES
    for op, fill in (
        ("load", _loads),
        ("compute", _computes),
        ("vector", _vectors),
        ("store", _stores),
    ):
        rows = np.flatnonzero(table[:, 0] == OPS.index(op))
        fill(spec, table[rows], log[rows], {name: _Part(a, rows) for name, a in add.items()})
    return out


class _Part:
    """The rows of one kind of command in one column."""

    def __init__(self, values: Array, rows: Array) -> None:
        self.values, self.rows = values, rows

    def __iadd__(self, other: Array) -> "_Part":
        self.values[self.rows] += other
        return self


def layer_sums(per_command: Array, log: Array, layers: int) -> Array:
    """[layers, columns]"""
    out = np.zeros((layers, per_command.shape[1]), np.int64)
    np.add.at(out, log[:, LAYER], per_command)
    return out


def _loads(spec: AcceleratorSpec, t: Array, log: Array, add: dict[str, _Part]) -> None:
    bits = 8 * t[:, RUN] * t[:, COUNT0] * t[:, COUNT1]
    add["memory.read_bits"] += np.where(t[:, FILLED] == 0, bits, 0)
    for i, level in enumerate(LEVELS):
        add[f"{level}.write_bits"] += np.where(t[:, LEVEL] == i, bits, 0)


def _stores(spec: AcceleratorSpec, t: Array, log: Array, add: dict[str, _Part]) -> None:
    bits = 8 * t[:, RUN + STORE_SHIFT] * t[:, COUNT0 + STORE_SHIFT] * t[:, COUNT1 + STORE_SHIFT]
    add["memory.write_bits"] += bits
    add["vec.read_bits"] += bits


def _fields(t: Array, op: str) -> Callable[[str], Array]:
    """A field of all commands, by name."""
    return lambda name: t[:, column(op, name)]


def _computes(spec: AcceleratorSpec, t: Array, log: Array, add: dict[str, _Part]) -> None:
    f = _fields(t, "compute")
    cols, pixels = spec.array.cols, f("count_q") * f("count_p") * f("count_b")
    blocks = f("count_r") * f("count_s") * f("run") >> f("block_log2")
    folds = np.where(f("dataflow") == 0, -(-blocks // spec.array.rows), 1)
    add["act.read_bits"] += log[:, ACT_BITS]
    add["weight.read_bits"] += log[:, WEIGHT_ROWS] * cols * spec.pe.element_bits
    add["meta.read_bits"] += log[:, WEIGHT_ROWS] * (-(-cols * f("block_log2") // 8) * 8)
    add["acc.write_bits"] += pixels * folds * cols * spec.pe.sum_bits
    add["acc.read_bits"] += pixels * (folds - 1 + f("accumulate")) * cols * spec.pe.sum_bits
    add["nm_select.select"] += np.where(
        f("block_log2") > 0, log[:, PE_CYCLES] * spec.array.rows * cols, 0
    )


def _vectors(spec: AcceleratorSpec, t: Array, log: Array, add: dict[str, _Part]) -> None:
    f = _fields(t, "vector")
    elements = f("count0") * f("count1") * f("len")
    window = f("window_h") * f("window_w")
    times = np.array([passes(spec.pe.element_bytes, fn) for fn in range(len(FN))])[f("fn")]
    reads = times * (f("from_vec") * window + f("has_b"))
    lanes = np.where(f("from_vec") == 1, spec.vector.lanes, min(spec.vector.lanes, spec.array.cols))
    each = np.where(f("len") > lanes, f("count0") * f("count1"), 1)
    parameters = (f("has_bias") + f("has_scale")) * f("len") * 32 * each
    words = -(-window * f("len") * spec.pe.element_bits // 32)
    parameters += np.where(f("fn") == FN.index("depthwise"), 32 * words, 0)
    if spec.pe.number == "int8":
        tabled = (f("act") == ACT.index("gelu")) | (f("act") == ACT.index("silu"))
        parameters += np.where(tabled, 256 * 8, 0) + np.where(f("fn") == FN.index("softmax"), 256 * 32, 0)
    add["vec.read_bits"] += elements * reads * spec.pe.element_bits + parameters
    add["vec.write_bits"] += elements * spec.pe.element_bits
    add["acc.read_bits"] += np.where(f("from_vec") == 0, elements * times * spec.pe.sum_bits, 0)
    add["vector.op"] += elements * times * window

"""The storages of a machine, made and cleared."""

import numpy as np

from hwsim.spec.machine import AcceleratorSpec
from hwsim.values.layout import FP16, INT8, META_PAD, Values


def new_values(spec: AcceleratorSpec, memory_bytes: int) -> Values:
    """All zero. Memory and vec get one byte more where their size is odd."""
    levels, pe = spec.levels, spec.pe
    memory = np.zeros(memory_bytes + memory_bytes % 2, np.uint8)
    acc = np.zeros(spec.acc_rows * spec.array.cols, np.int32)
    vec = np.zeros(levels.vec.capacity_bytes + levels.vec.capacity_bytes % 2, np.uint8)
    number = {"int8": INT8, "fp16": FP16}[pe.number]
    return Values(
        config=np.array([number, spec.array.rows, spec.array.cols, spec.vector.lanes], np.int64),
        memory=memory,
        memory8=memory.view(np.int8),
        memory16=memory.view(np.uint16),
        act=np.zeros(levels.act.capacity_bytes // pe.element_bytes, np.float32),
        weight=np.zeros(levels.weight.capacity_bytes // pe.element_bytes, np.float32),
        meta=np.zeros(levels.meta.capacity_bytes + META_PAD, np.uint8),
        acc=acc,
        sums=acc.view(np.float32),
        vec=vec,
        vec8=vec.view(np.int8),
        vec16=vec.view(np.uint16),
    )


def clear_levels(values: Values) -> None:
    """Every storage on chip as after power-up: zero."""
    for level in (values.act, values.weight, values.meta, values.acc, values.vec):
        level[:] = 0

"""Values: what every storage of the tile machine holds, as arrays that kernels share.

`act` and `weight` are element mirrors: each element decoded once to float32 (int8 and fp16 are exact in it),
so that a product needs no decoding. Everything else is bytes, as in the machine; some have views.
"""

from typing import Any, NamedTuple

import numpy as np

from hwsim.spec.machine import AcceleratorSpec

Array = np.ndarray[Any, Any]
INT8, FP16 = range(2)
C_NUMBER, C_ROWS, C_COLS, C_LANES = range(4)
META_PAD = 1  # bytes behind level meta, so that an offset is always read from two bytes


class Values(NamedTuple):
    """memory, meta, vec: uint8. act, weight: float32 [elements]. acc: int32 [rows*cols]; sums: its float32 view.

    memory8, vec8: int8 views; memory16, vec16: uint16 views. config: int64, places C_*.
    """

    config: Array
    memory: Array
    memory8: Array
    memory16: Array
    act: Array
    weight: Array
    meta: Array
    acc: Array
    sums: Array
    vec: Array
    vec8: Array
    vec16: Array


def new_values(spec: AcceleratorSpec, memory_bytes: int) -> Values:
    """All zero. Memory gets one byte more where its size is odd."""
    levels, pe = spec.levels, spec.pe
    memory = np.zeros(memory_bytes + memory_bytes % 2, np.uint8)
    acc = np.zeros(spec.acc_rows * spec.array.cols, np.int32)
    vec = np.zeros(levels.vec.capacity_bytes + levels.vec.capacity_bytes % 2, np.uint8)
    config = [(INT8, FP16)[pe.number == "fp16"], spec.array.rows, spec.array.cols, spec.vector.lanes]
    return Values(
        config=np.array(config, np.int64),
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

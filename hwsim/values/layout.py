"""Values: what every storage of the tile machine holds, as arrays that kernels share.

`act` and `weight` are element mirrors: each element decoded once to float32 (int8 and fp16 are exact in it),
so that a product needs no decoding. Everything else is bytes, as in the machine; some have views.
"""

from typing import Any, NamedTuple

import numpy as np

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

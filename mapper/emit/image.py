"""The initial memory image: weights, offsets, parameters, masks, from address 0 on."""

from typing import Any

import numpy as np

from mapper.allocate import ALIGN
from mapper.graph.ir import Array


class Image:
    def __init__(self) -> None:
        self._parts: list[tuple[int, Array]] = []
        self.size = 0

    def put(self, data: Array) -> int:
        """Address of the bytes of `data`."""
        flat = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
        at = self.size
        self._parts.append((at, flat))
        self.size = -(-(at + flat.size) // ALIGN) * ALIGN
        return at

    def bytes(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        out = np.zeros(self.size, np.uint8)
        for at, flat in self._parts:
            out[at : at + flat.size] = flat
        return out

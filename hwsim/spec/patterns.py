"""NMPattern: of each block of M neighbours along a rank, at most N are not zero (`kept`:`block` in text, as 2:8)."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec.errors import SpecError

Array = np.ndarray[Any, Any]
BLOCKS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class NMPattern:
    """1 <= kept <= block <= 32, block a power of two. Blocks start at index 0 of the rank; a last,
    shorter block keeps up to `kept` too."""

    kept: int
    block: int

    def __post_init__(self) -> None:
        for name in ("kept", "block"):
            if type(getattr(self, name)) is not int:
                raise SpecError(
                    f"pattern.{name}: {getattr(self, name)!r} is no whole number; write N:M, as 2:8"
                )
        if self.block not in BLOCKS:
            raise SpecError(
                f"pattern.block: {self.block} is not a power of two up to 32; use {', '.join(map(str, BLOCKS))}"
            )
        if not 1 <= self.kept <= self.block:
            raise SpecError(
                f"pattern.kept: {self.kept} of a block of {self.block}; keep 1 to {self.block}"
            )

    @classmethod
    def parse(cls, text: str) -> "NMPattern":
        if text.strip() == "dense":
            return DENSE
        numbers = re.fullmatch(r"\s*(\d{1,6}):(\d{1,6})\s*", text, re.ASCII)
        if not numbers:
            raise SpecError(
                f"pattern: {text[:40]!r} does not read as N:M; write dense, or N:M as 2:8"
            )
        return cls(int(numbers[1]), int(numbers[2]))

    def __str__(self) -> str:
        return "dense" if self.block == 1 else f"{self.kept}:{self.block}"

    @property
    def is_dense(self) -> bool:
        return self.kept == self.block

    @property
    def density(self) -> float:
        """Largest fraction of values that may be other than zero."""
        return self.kept / self.block

    @property
    def offset_bits(self) -> int:
        return self.block.bit_length() - 1

    def select(self, weights: Array, axis: int = -1) -> Array:
        """Mask of the `kept` largest magnitudes of each block, bool, in the shape of `weights`.
        Equal magnitudes: the lower index wins. A block of fewer non-zeros keeps `kept` places too."""
        key = _sort_key(weights)
        blocks = _blocks(key, self.block, axis, fill=1)  # a key above 0 loses to every element
        lanes = np.ascontiguousarray(np.moveaxis(blocks, -1, 0))
        losses = np.zeros(lanes.shape, np.uint8)
        for i in range(self.block):
            for j in range(i + 1, self.block):
                first = lanes[i] <= lanes[j]
                losses[j] += first
                losses[i] += ~first
        return _unblock(np.moveaxis(losses < self.kept, 0, -1), key.shape[axis], axis)

    def occupancy(self, values: Array, axis: int = -1) -> Array:
        """Non-zeros of each block, int [other ranks..., blocks]."""
        count: Array = _blocks(np.asarray(values) != 0, self.block, axis, fill=False).sum(axis=-1)
        return count

    def balance(self, values: Array, axis: int = -1) -> float:
        """Mean over largest occupancy of a block: 1 where all are equally full, or all empty."""
        count = self.occupancy(values, axis)
        return float(count.mean() / count.max()) if count.size and count.max() else 1.0

    def check(self, values: Array, axis: int = -1, where: str = "weights") -> None:
        """Refuses values (or a mask) with a block of more than `kept` non-zeros; fewer are legal."""
        count = self.occupancy(values, axis)
        if count.size and count.max() > self.kept:
            *rest, block = (
                int(x) for x in np.unravel_index(int(np.argmax(count > self.kept)), count.shape)
            )
            place = f"{rest}" if rest else ""
            found = f"block {block} has {int(count[(*rest, block)])} non-zeros, {self} keeps {self.kept}"
            raise SpecError(f"{where}{place}: {found}; prune it to {self} first")

    def pack(self, values: Array, axis: int = -1) -> tuple[Array, Array]:
        """Payload (of the dtype given) and offsets (uint8), both [other ranks..., blocks, kept].
        Offsets ascend; unused slots hold payload 0 and the last offset used (0 in an empty block).
        """
        self.check(values, axis)
        blocks = _blocks(np.asarray(values), self.block, axis, fill=0)
        *place, at = np.nonzero(blocks)
        slot = (np.cumsum(blocks != 0, axis=-1) - 1)[(*place, at)]
        payload = np.zeros((*blocks.shape[:-1], self.kept), blocks.dtype)
        offset = np.zeros(payload.shape, np.uint8)
        payload[(*place, slot)] = blocks[(*place, at)]
        offset[(*place, slot)] = at
        return payload, np.maximum.accumulate(offset, axis=-1)

    def unpack(self, payload: Array, offset: Array, length: int, axis: int = -1) -> Array:
        """The values that `pack` took. Slots of one offset add up: an unused slot changes nothing."""
        blocks = np.zeros((*payload.shape[:-1], self.block), payload.dtype)
        for slot in range(self.kept):
            at = offset[..., slot : slot + 1].astype(np.intp)
            here = np.take_along_axis(blocks, at, axis=-1) + payload[..., slot : slot + 1]
            np.put_along_axis(blocks, at, here, axis=-1)
        return _unblock(blocks, length, axis)


DENSE = NMPattern(1, 1)


def _sort_key(weights: Array) -> Array:
    """Ascending where magnitudes descend, never above 0; free of overflow at the lowest integer."""
    w = np.asarray(weights)
    if w.dtype.kind == "f":
        if np.isnan(w).any():
            place = [int(x) for x in np.argwhere(np.isnan(w))[0]]
            raise SpecError(
                f"weights{place}: not a number; repair the network, a NaN has no magnitude"
            )
        w = np.abs(w)
    elif w.dtype.kind in "bu" and w.dtype.itemsize < 8:
        w = w.astype(np.int64)
    if w.dtype.kind not in "fi":
        raise SpecError(f"weights: of type {w.dtype}; give whole or floating-point numbers")
    key: Array = np.minimum(w, -w)
    return key


def _blocks(values: Array, block: int, axis: int, fill: Any) -> Array:
    """[other ranks..., blocks, block], the last block filled up."""
    if not values.ndim or not -values.ndim <= axis < values.ndim:
        raise SpecError(f"axis: {axis} of an array of {values.ndim} ranks; give a rank that it has")
    moved: Array = np.moveaxis(values, axis, -1)
    pad = -moved.shape[-1] % block
    if pad:
        moved = np.concatenate(
            [moved, np.full((*moved.shape[:-1], pad), fill, moved.dtype)], axis=-1
        )
    return moved.reshape(*moved.shape[:-1], moved.shape[-1] // block, block)


def _unblock(blocks: Array, length: int, axis: int) -> Array:
    flat = blocks.reshape(*blocks.shape[:-2], blocks.shape[-2] * blocks.shape[-1])[..., :length]
    return np.moveaxis(flat, -1, axis)

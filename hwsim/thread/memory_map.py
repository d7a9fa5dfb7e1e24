"""Memory: where the host's arrays lie on a thread machine before and after a run."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwsim.spec.errors import MappingError
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.thread.ops import WINDOW_LOCAL

CACHED = 1 << 62
DRAM, SCRATCHPAD, INTERLEAVED = 1 << 56, 2 << 56, 3 << 56
IMAGE_BYTES = 16 << 20  # of each block's DRAM, for code and data of the image
LINE = 64
KINDS = ("interleaved", "local", "block", "scratchpad")


@dataclass
class Memory:
    """Hands out addresses; `place` remembers what a run finds there. Everything else is 0."""

    spec: ThreadMachineSpec
    placed: list[tuple[int, Any, str]] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    used_scratchpad: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        s = self.spec
        self.used = [min(IMAGE_BYTES, s.dram.capacity_bytes // 4)] * s.blocks
        self.used_scratchpad = [s.threads * (s.stack_bits // 8)] * s.blocks

    @property
    def image_bytes(self) -> int:
        return min(IMAGE_BYTES, self.spec.dram.capacity_bytes // 4)

    def place(self, array: Any, kind: str = "interleaved", block: int = 0, granule_bytes: int | None = None) -> int:
        """Address of a copy of the array (C order). `kind`: interleaved over all blocks in granules; local: a copy in every block's
        DRAM, under one
        address; block: in one block's DRAM; scratchpad: in one block's scratchpad."""
        array = np.ascontiguousarray(array)
        address = self.reserve(array.nbytes, kind, block, granule_bytes)
        self.placed.append((address, array, kind))
        return address

    def reserve(self, size: int, kind: str = "interleaved", block: int = 0, granule_bytes: int | None = None) -> int:
        """As `place`, for bytes that are 0."""
        if kind not in KINDS:
            raise MappingError(f"memory: place {kind!r} is unknown; use {', '.join(KINDS)}")
        if not 0 <= block < self.spec.blocks:
            raise MappingError(f"memory: block {block} of {self.spec.blocks}; use 0..{self.spec.blocks - 1}")
        if kind == "interleaved":
            return self._interleaved(size, granule_bytes or self.spec.interleave_bits // 8)
        if kind == "local":
            return WINDOW_LOCAL + self._take(self.used, range(self.spec.blocks), size, LINE)
        if kind == "block":
            return DRAM | block << 40 | self._take(self.used, [block], size, LINE)
        return SCRATCHPAD | block << 40 | self._take(self.used_scratchpad, [block], size, LINE)

    def _interleaved(self, size: int, granule: int) -> int:
        if granule < 8 or granule & (granule - 1):
            raise MappingError(f"memory: granule of {granule} bytes is not a power of two from 8 on; use 64")
        n = self.spec.blocks
        here = -(-size // (granule * n)) * granule
        at = self._take(self.used, range(n), here, max(granule, LINE))
        return INTERLEAVED | (granule.bit_length() - 1) << 48 | at * n

    def _take(self, used: list[int], blocks: Any, size: int, align: int) -> int:
        at: int = -(-max(used[b] for b in blocks) // align) * align
        pad = used is self.used_scratchpad
        room = self.spec.scratchpad.capacity_bytes if pad else self.spec.dram.capacity_bytes
        if at + size > room:
            raise MappingError(
                f"memory: {size} bytes at {at} do not fit the {room} bytes of a block's {'scratchpad' if pad else 'DRAM'}; "
                f"raise {'scratchpad' if pad else 'dram'}.capacity_bits, or use more blocks"
            )
        for b in blocks:
            used[b] = at + size
        return at

    @property
    def dram_bytes(self) -> int:
        """What a run has to hold of each block's DRAM."""
        return -(-max(self.used) // LINE) * LINE + LINE


def words_of(spec: ThreadMachineSpec, address: int, size: int, block: int = 0) -> tuple[Any, Any]:
    """Home block and word in its memory (scratchpad first), for each of the words that hold `size` bytes from an 8-byte aligned address
    on."""
    a = (address & ~CACHED) + 8 * np.arange(-(-size // 8), dtype=np.int64)
    pad, window = spec.scratchpad.capacity_bytes, (address & ~CACHED) >> 56
    if window == INTERLEAVED >> 56:
        g, o = (address >> 48) & 0xFF, a & ((1 << 48) - 1)
        granule = o >> g
        home, at = granule % spec.blocks, pad + ((granule // spec.blocks) << g) + (o & ((1 << g) - 1))
    elif window in (DRAM >> 56, SCRATCHPAD >> 56):
        home, at = (a >> 40) & 0xFFFF, (a & ((1 << 40) - 1)) + (pad if window == DRAM >> 56 else 0)
    else:
        home, at = np.full_like(a, block), a - WINDOW_LOCAL + pad
    return home, at >> 3


def write_words(spec: ThreadMachineSpec, memory: Any, address: int, array: Any, block: int = 0) -> None:
    data = np.zeros(-(-array.nbytes // 8) * 8, np.uint8)
    data[: array.nbytes] = array.reshape(-1).view(np.uint8)
    home, word = words_of(spec, address, len(data), block)
    memory[home, word] = data.view(np.int64)


def read_words(spec: ThreadMachineSpec, memory: Any, address: int, size: int, block: int = 0) -> Any:
    """uint8 [size]"""
    lead = address & 7
    home, word = words_of(spec, address - lead, size + lead, block)
    return np.ascontiguousarray(memory[home, word]).view(np.uint8)[lead : lead + size]

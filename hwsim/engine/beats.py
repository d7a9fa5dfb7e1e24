"""The beats that a Program asks of memory, in the order in which each requester asks for them."""

from typing import Any

import numpy as np

from hwsim.components.config import BUF, COUNT0, COUNT1, FILLED, MEM, MS0, MS1, RUN, STORE_SHIFT
from hwsim.spec.commands import OPS, WORD_BYTES
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program

Array = np.ndarray[Any, Any]
assert BUF > MEM


class Beats:
    """`base`: address of the first command word."""

    def __init__(self, spec: AcceleratorSpec, program: Program, base: int) -> None:
        size, table = spec.memory.beat_bytes, program.table
        step = min(size, WORD_BYTES)
        words = (base + step * np.arange(len(table) * (WORD_BYTES // step))) // size * size
        loads = table[(table[:, 0] == OPS.index("load")) & (table[:, FILLED] == 0)]
        stores = table[table[:, 0] == OPS.index("store")]
        read, written = _walked(loads, 0, size), _walked(stores, STORE_SHIFT, size)
        self._streams = {"ask_sequencer": (words, None), "ask_fetch": (read[0], None), "ask_writeback": written}
        self._at = dict.fromkeys(self._streams, 0)

    def next(self, link: str, count: int) -> tuple[Array, Array | None]:
        """[count] addresses, and [count, beat bytes] what of each beat is written."""
        addresses, masks = self._streams[link]
        at = self._at[link]
        self._at[link] = at + count
        return addresses[at : at + count], None if masks is None else masks[at : at + count]


def _walked(table: Array, shift: int, size: int) -> tuple[Array, Array]:
    """[beats] addresses and [beats, size] bytes that count, run by run."""
    addresses, masks = [np.zeros(0, np.int64)], [np.zeros((0, size), bool)]
    for row in table:
        mem, run, count0, count1, stride0, stride1 = (int(row[c + shift]) for c in (MEM, RUN, COUNT0, COUNT1, MS0, MS1))
        starts = (mem + stride1 * np.arange(count1)[:, None] + stride0 * np.arange(count0)).reshape(-1)
        first = starts // size * size
        beats = -(-(starts - first + run) // size)
        which = np.repeat(np.arange(len(starts)), beats)
        place = np.arange(len(which)) - np.repeat(np.cumsum(beats) - beats, beats)
        address = first[which] + size * place
        byte = address[:, None] + np.arange(size) - starts[which][:, None]
        addresses.append(address)
        masks.append((byte >= 0) & (byte < run))
    return np.concatenate(addresses), np.concatenate(masks)

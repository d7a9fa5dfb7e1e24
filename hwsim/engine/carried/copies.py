"""Beats of load and store commands."""

from typing import Any

import numpy as np

from hwsim.components.config import (
    BS0,
    BS1,
    BUF,
    COUNT0,
    COUNT1,
    FILLED,
    LEVEL,
    MEM,
    MS0,
    MS1,
    RUN,
    STORE_SHIFT,
    VEC_LEVEL,
)
from hwsim.engine.carried.items import Array, Column, Columns
from hwsim.spec.machine import AcceleratorSpec

LOWEST = {"int8": (0x80, 0x80), "fp16": (0x00, 0xFC)}  # at even and odd bytes


class Beats:
    """Of one command, run by run: `memory` [beats] addresses of whole beats, `buffer` [beats] where byte 0 of each stands in its level,
    `run` [beats] where its run begins there, `mask` [beats, bytes] what counts."""

    def __init__(self, row: Array, shift: int, beat_bytes: int, filled: bool) -> None:
        mem, buf, run, count0, count1 = (int(row[c + shift]) for c in (MEM, BUF, RUN, COUNT0, COUNT1))
        outer, inner = np.arange(count1)[:, None], np.arange(count0)
        starts = (mem + outer * row[MS1 + shift] + inner * row[MS0 + shift]).reshape(-1)
        runs = (buf + outer * row[BS1 + shift] + inner * row[BS0 + shift]).reshape(-1)
        starts = np.zeros_like(starts) if filled else starts
        first = starts // beat_bytes * beat_bytes
        beats = -(-(starts - first + run) // beat_bytes)
        which = np.repeat(np.arange(len(starts)), beats)
        place = np.arange(len(which)) - np.repeat(np.cumsum(beats) - beats, beats)
        self.memory = first[which] + beat_bytes * place
        at = self.memory - starts[which]
        self.run, self.buffer = runs[which], runs[which] + at
        byte = at[:, None] + np.arange(beat_bytes)
        self.mask = (byte >= 0) & (byte < run)

    def bytes_of(self, level: Array, start: Array) -> Array:
        """[beats, bytes] what stands from `start` on; 0 beside the run."""
        where = start[:, None] + np.arange(self.mask.shape[1])
        return np.asarray(level[np.where(self.mask, where, 0)] * self.mask)


def bits_of(mask: Array) -> Array:
    """[n, bytes] uint8 of [n, bits] bools."""
    return np.packbits(mask, axis=1, bitorder="little")


def load(spec: AcceleratorSpec, row: Array, memory: Array) -> tuple[Beats, dict[str, Columns]]:
    """What it asks of memory, what that answers, and what it writes."""
    filled = bool(row[FILLED])
    beats = Beats(row, 0, spec.memory.beat_bytes, filled)
    data = _filled(spec, row, beats) if filled else beats.bytes_of(memory, beats.memory)
    in_vec = np.full(len(beats.run), row[LEVEL] == VEC_LEVEL)
    level_bits = _address_bits(spec)
    write = {
        "bank": Column(beats.run // spec.levels.vec.bank_bytes, in_vec),
        "address": Column(beats.buffer & ((1 << level_bits) - 1)),
        "mask": Column(bits_of(beats.mask)),
        "data": Column(data, beats.mask),
    }
    asked = {"ask_fetch": {"address": Column(beats.memory)}, "answer": {"data": Column(data, beats.mask)}}
    return beats, {"write": write, **({} if filled else asked)}


def _address_bits(spec: AcceleratorSpec) -> int:
    return int((max(getattr(spec.levels, name).capacity_bytes for name in ("act", "weight", "meta", "vec")) - 1).bit_length())


def _filled(spec: AcceleratorSpec, row: Array, beats: Beats) -> Array:
    where: Any = beats.buffer[:, None] + np.arange(beats.mask.shape[1])
    even, odd = LOWEST[spec.pe.number] if row[FILLED] == 2 else (0, 0)
    return np.asarray(np.where(where & 1, odd, even).astype(np.uint8) * beats.mask)


def store(spec: AcceleratorSpec, row: Array, vec: Array) -> dict[str, Columns]:
    beats = Beats(row, STORE_SHIFT, spec.memory.beat_bytes, False)
    data = Column(beats.bytes_of(vec, beats.buffer), beats.mask)
    return {"ask_writeback": {"address": Column(beats.memory), "mask": Column(bits_of(beats.mask)), "data": data}}

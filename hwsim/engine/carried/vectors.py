"""What a vector command moves: reads of its beats, and what it writes."""

from math import gcd
from typing import Any

import numpy as np

from hwsim.engine.carried.items import Array, Column, Columns, ceil_div, octets, padded
from hwsim.spec.commands import ACT, FN, NORM_BEATS, column
from hwsim.spec.machine import AcceleratorSpec
from hwsim.values.layout import Values
from hwsim.values.vector import vector

NOTHING, A, B, PARAMETER = range(4)
Beats = list[tuple[int, int, int]]  # what is read, from which byte of it on, how many bytes of that count
C = {name: column("vector", name) for name in ("count0", "count1", "a", "b", "dst", "a_stride0", "a_stride1", "b_stride0", "b_stride1")}
C |= {name: column("vector", name) for name in ("dst_stride0", "dst_stride1")}


class Walk:
    """One command: its beats, pass after pass, in the order of docs/machine.md."""

    def __init__(self, spec: AcceleratorSpec, row: Array) -> None:
        f = self.f = lambda name: int(row[column("vector", name)])
        self.spec, self.element, self.bytes = spec, spec.pe.element_bytes, spec.levels.vec.width_bits // 8
        self.int8, self.length, self.from_vec = spec.pe.number == "int8", f("len"), f("from_vec") == 1
        self.fn, self.act = FN[f("fn")], ACT[f("act")]
        self.lanes = spec.vector.lanes if self.from_vec else min(spec.vector.lanes, spec.array.cols)
        self.by_row = self.length > self.lanes and bool(f("has_bias") or f("has_scale"))
        self.passes = {"softmax": 2, "layernorm": 1 if self.int8 else 2}.get(self.fn, 0)  # that reduce
        self.lane = f("dst_lane")
        width = self.bytes // self.element
        self.writes = ceil_div(self.lanes * gcd(self.lane // self.element, width), width)  # of a chunk
        self.together = min(width // gcd(self.lane // self.element, width), 1 << (spec.vector.lanes - 1).bit_length())
        weights = f("window_h") * f("window_w") * self.length * self.element if self.fn == "depthwise" else 0
        self.weights, at = weights, ceil_div(weights, 4) * 4
        self.bias = at
        self.scale = at + 4 * self.length * f("has_bias")
        self.table = self.scale + 4 * self.length * f("has_scale")

    def starts(self, name: str) -> Array:
        """[rows] where each begins."""
        i1, i0 = np.arange(self.f("count1"))[:, None], np.arange(self.f("count0"))
        return (self.f(name) + i1 * self.f(f"{name}_stride1") + i0 * self.f(f"{name}_stride0")).reshape(-1)

    def _whole(self, at: int, size: int) -> Beats:
        return [(PARAMETER, at + k, min(self.bytes, size - k)) for k in range(0, size, self.bytes)]

    def setup(self) -> Beats:
        f, out = self.f, Beats()
        for there, at in ((f("has_bias"), self.bias), (f("has_scale"), self.scale)):
            out += self._whole(at, 4 * self.length) if there and not self.by_row else []
        out += self._whole(0, self.weights)
        if self.int8 and (self.fn == "softmax" or self.act in ("gelu", "silu")):
            out += self._whole(self.table, 1024 if self.fn == "softmax" else 256)
        return out

    def of_row(self, final: bool) -> Beats:
        """A row in one pass."""
        out = Beats()
        for e in range(0, self.length, self.lanes):
            out += self._chunk(e, min(self.lanes, self.length - e), final)
        return out

    def _chunk(self, e: int, elements: int, final: bool) -> Beats:
        f, out, size = self.f, Beats(), elements * self.element
        if self.from_vec:
            for h in range(f("window_h")):
                steps = (h * f("window_stride_h") + w * f("window_stride_w") for w in range(f("window_w")))
                out += [(A, e * self.element + step, size) for step in steps]
        out += [(B, e * self.element, size)] * f("has_b")
        if not final:
            return out or [(NOTHING, 0, 0)]
        for there, at in ((f("has_bias"), self.bias), (f("has_scale"), self.scale)):
            if there and self.by_row:
                reads = range(0, 4 * self.lanes, self.bytes)
                out += [(PARAMETER, at + 4 * e + k, max(0, min(self.bytes, 4 * elements - k))) for k in reads]
        least = max(NORM_BEATS if self.fn == "layernorm" and self.int8 else 1, self.spec.vector.chunk_beats)
        return out + [(NOTHING, 0, 0)] * (max(0, least - len(out)) + self.writes - 1)


def moved(spec: AcceleratorSpec, row: Array, values: Values) -> dict[str, Columns]:
    """Runs the command, row by row."""
    walk, vec = Walk(spec, row), padded(values.vec, spec.levels.vec.width_bits // 8)
    acc = values.acc.reshape(-1, spec.array.cols).copy()
    reads = _reads(walk, vec, acc)
    return {"beat": reads[0], "read": reads[1], "result": _results(walk, row, values)}


def _reads(walk: Walk, vec: Array, acc: Array) -> tuple[Columns, Columns]:
    """What is asked in each beat, and what is there a cycle later."""
    a, b, param = walk.starts("a"), walk.starts("b"), walk.f("param")
    beats, rows = _in_order(walk, len(a))
    kind, offset, size = beats.T
    base = np.select([kind == A, kind == B, kind == PARAMETER], [a[rows] if walk.from_vec else 0, b[rows], param], 0)
    there, bank = kind != NOTHING, walk.spec.levels.vec.bank_bytes
    address = np.where(there, base + offset, 0)
    summed = np.full(len(beats), not walk.from_vec) & (rows >= 0)
    place = np.where(summed, a[rows] if not walk.from_vec else 0, 0)
    known = (np.arange(walk.bytes) < size[:, None]) & there[:, None]
    data = vec[address[:, None] + np.arange(walk.bytes)]
    sums = octets(acc[place], 4).reshape(len(beats), -1)
    asked = {"o_read.address": Column(address, there), "o_read.bank": Column(address // bank, there), "o_read_acc": Column(place, summed)}
    return asked, {"i_data": Column(data, known), "i_acc": Column(sums, np.repeat(summed[:, None], sums.shape[1], axis=1))}


def _in_order(walk: Walk, rows: int) -> tuple[Array, Array]:
    """[beats, 3] and the row of each, -1 before the first."""
    parts: list[tuple[Beats, int]] = [(walk.setup(), -1)]
    reducing, final = walk.of_row(False), walk.of_row(True)
    group = walk.spec.vector.rows_in_flight if walk.passes else 1
    for first in range(0, rows, group):
        together = range(first, min(first + group, rows))
        for _ in range(walk.passes):
            parts += [(reducing, r) for r in together]
        parts += [(final, r) for r in together]
    which = np.concatenate([np.full(len(beats), r) for beats, r in parts])
    return np.concatenate([np.array(beats, np.int64).reshape(-1, 3) for beats, _ in parts]), which


def _results(walk: Walk, row: Array, values: Values) -> Columns:
    """What is written: elements t, t + 1, ... of a chunk in one cycle, those behind the row's or the chunk's last left out."""
    spec, starts = walk.spec, {name: walk.starts(name) for name in ("a", "b", "dst")}
    width = min(spec.vector.lanes, walk.bytes // walk.element)
    chunks, parts = np.arange(0, walk.length, walk.lanes), np.arange(walk.writes) * walk.together
    t = np.arange(width)
    inside = (parts[:, None] + t < walk.lanes) & (t < walk.together)
    element = (chunks[:, None, None] + parts[:, None] + t).reshape(-1, width)
    there = np.tile(inside, (len(chunks), 1)) & (element < walk.length)
    data, one = [], row.copy()
    one[[C["count0"], C["count1"]]] = 1
    for k in range(len(starts["dst"])):
        for name, at in starts.items():
            one[C[name]] = at[k]
        status: Any = vector(one, values)
        assert status == 0, status
        where = np.where(there, starts["dst"][k] + element * walk.lane, 0)
        data.append(values.vec[where[..., None] + np.arange(walk.element)])
    shown = np.concatenate(data)
    address = (starts["dst"][:, None, None] + element * walk.lane).reshape(-1, width)
    valid, bank = np.tile(there, (len(data), 1)), np.repeat(starts["dst"] // spec.levels.vec.bank_bytes, len(there))
    out = {"bank": Column(bank)}
    for n in range(width):
        out[f"valid_{n}"] = Column(valid[:, n])
        out[f"address_{n}"] = Column(address[:, n], valid[:, n])
        out[f"data_{n}"] = Column(shown[:, n], np.repeat(valid[:, n, None], walk.element, axis=1))
    return out

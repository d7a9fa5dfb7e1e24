"""What a compute command moves: batches of activations, weight rows, operands and sums of PEs, rows that leave."""

from dataclasses import dataclass

import numpy as np

from hwsim.engine.carried.items import Array, Column, Columns, ceil_div, octets, padded
from hwsim.engine.carried.steps import accumulated, output_stationary, weight_stationary
from hwsim.spec.commands import column
from hwsim.spec.machine import AcceleratorSpec


@dataclass(frozen=True)
class Levels:
    """Bytes as they stand; acc: [rows, columns] int32."""

    act: Array
    weight: Array
    meta: Array
    acc: Array


class Product:
    """One command. `base` [pixels] and `offset` [blocks]: bytes of level act, whose sum is where a pixel's block begins."""

    def __init__(self, spec: AcceleratorSpec, row: Array, levels: Levels) -> None:
        def f(name: str) -> int:
            return int(row[column("compute", name)])

        self.spec, self.f, self.levels = spec, f, levels
        self.os, self.kept, self.log2, self.int8 = f("dataflow") == 1, f("kept"), f("block_log2"), spec.pe.number == "int8"
        self.block, self.element = 1 << self.log2, spec.pe.element_bytes
        b, p, q = (np.arange(f(f"count_{n}")) * f(f"stride_{n}") for n in "bpq")
        self.base = (f("act") + b[:, None, None] + p[:, None] + q).reshape(-1)
        self.run_blocks = f("run") // self.block
        r, s = (np.arange(f(f"count_{n}")) * f(f"stride_{n}") for n in "rs")
        self.offset = (r[:, None, None] + s[:, None] + np.arange(self.run_blocks) * self.block * self.element).reshape(-1)
        self.pixels, self.blocks = len(self.base), len(self.offset)
        self.rows, self.cols, self.lanes = spec.array.rows, spec.array.cols, spec.pe.adder_latency_cycles
        self.group = self.rows * self.lanes  # os: pixels that go together

    def columns(self) -> dict[str, Columns]:
        weights, offsets = self._weights()
        moved = self._rows(weights, offsets) | {"act_read": self._act_reads(), "weight_read": self._weight_reads()}
        stream = {f"payload_{c}": Column(octets(weights[:, c], self.element)) for c in range(self.cols)}
        if self.spec.pe.offset_bits:
            stream |= {f"offset_{c}": Column(offsets[:, c]) for c in range(self.cols)}
        return moved | {"context": self._context(), "walk": self._walk(), "batch": self._batches(), "weight": self._again(stream)}

    def _again(self, columns: Columns) -> Columns:
        """os: weights are read for every group of pixels."""
        passes = ceil_div(self.pixels, self.group) if self.os else 1
        return {name: Column(np.concatenate([x.data] * passes), np.concatenate([x.known] * passes) if x.known is not None else None)
                for name, x in columns.items()}  # fmt: skip

    def _weight_reads(self) -> Columns:
        """Rows as levels weight and meta give them."""
        slots, size = self.blocks * self.kept, self.cols * self.element
        part, most = ceil_div(self.cols * self.log2, 8), max(1, ceil_div(self.cols * self.spec.pe.offset_bits, 8))
        k = np.arange(slots)[:, None]
        weights = self.levels.weight[self.f("weight") + k * size + np.arange(size)]
        meta = padded(self.levels.meta, most)[self.f("meta") + k * part + np.arange(most)]
        known = np.broadcast_to(np.arange(most) < part, meta.shape)
        return self._again({"i_weight": Column(weights), "i_meta": Column(meta, known)})

    def _act_reads(self) -> Columns:
        """Reads of level act: of each the blocks that it is for."""
        size, parts = self.spec.levels.act.width_bits // 8, []
        for first, width in self._chunks():
            fold = [(first, width)] if self.os else self._of_fold(first, width)
            parts.append(np.array(fold))
        if self.os:
            groups = [np.arange(g, min(g + self.group, self.pixels)) for g in range(0, self.pixels, self.group)]
            which = np.concatenate([_every(g, part) for g in groups for part in parts])
        else:
            which = np.concatenate([_every(np.arange(self.pixels), part) for part in parts])
        pixel, block, width = which.T
        where = (self.base[pixel] + self.offset[block])[:, None] + np.arange(size)
        known = np.arange(size) < (width * self.block * self.element)[:, None]
        return {"i_data": Column(padded(self.levels.act, size)[where], known)}

    def _of_fold(self, first: int, width: int) -> list[tuple[int, int]]:
        """ws: the reads of a pixel's part of a fold, block and number of blocks."""
        out, at, room = [], first, self.spec.levels.act.width_bits // 8 // (self.block * self.element)
        while at < first + width:
            out.append((at, min(first + width - at, self.run_blocks - at % self.run_blocks, room)))
            at += out[-1][1]
        return out

    def _chunks(self) -> list[tuple[int, int]]:
        """First block and blocks of each fold (ws), of each chunk (os)."""
        if not self.os:
            return [(at, min(self.rows, self.blocks - at)) for at in range(0, self.blocks, self.rows)]
        out, at, most = [], 0, self.spec.levels.act.width_bits // 8 // (self.block * self.element)
        while at < self.blocks:
            out.append((at, min(self.run_blocks - at % self.run_blocks, most)))
            at += out[-1][1]
        return out

    def _context(self) -> Columns:
        names = ("dataflow", "kept", "block_log2", "count_s", "count_r", "weight", "meta")
        values = {name: self.f(name) for name in names} | {"run_blocks": self.run_blocks, "pixels": self.pixels}
        return {name: Column(np.array([value])) for name, value in values.items()}

    def _walk(self) -> Columns:
        values = {name: self.f(name) for name in ("accumulate", "signals", "acc")} | {"pixels": self.pixels}
        return {name: Column(np.array([value])) for name, value in values.items()}

    def _weights(self) -> tuple[Array, Array]:
        """[slots, columns] int32: int8, or bits of fp16; and their offsets."""
        slots = self.blocks * self.kept
        first = self.f("weight") // self.element
        weights = self._numbers(self.levels.weight)[first : first + slots * self.cols].reshape(slots, self.cols)
        if not self.log2:
            return weights, np.zeros((slots, self.cols), np.int32)
        size, meta = ceil_div(self.cols * self.log2, 8), self.f("meta")
        rows = self.levels.meta[meta : meta + slots * size].reshape(slots, size)
        bits = np.unpackbits(rows, axis=1, bitorder="little")[:, : self.cols * self.log2].reshape(slots, self.cols, self.log2)
        return weights, (bits << np.arange(self.log2)).sum(axis=2, dtype=np.int32)

    def _numbers(self, level: Array) -> Array:
        return level.view(np.int8 if self.int8 else np.uint16).astype(np.int32)

    def _rows(self, weights: Array, offsets: Array) -> dict[str, Columns]:
        where = self.base[:, None, None] + self.offset[:, None] + self.element * np.arange(self.block)
        acts = self._numbers(self.levels.act)[where // self.element]
        groups = ceil_div(self.pixels, self.group if self.os else self.lanes)
        folds = self.blocks if self.os else ceil_div(self.blocks, self.rows)
        steps = groups * folds * self.kept * self.lanes
        w, a, s = (np.zeros((steps, self.rows, self.cols), np.int32) for _ in range(3))
        out = np.zeros((self.pixels * (1 if self.os else folds), self.cols), np.int32)
        run = output_stationary if self.os else weight_stationary
        run(acts, weights, offsets, self.kept, self.lanes, self.int8, w, a, s, out)
        first, accumulate = self.f("acc"), self.f("accumulate")
        acc = self.levels.acc[first : first + self.pixels].copy()
        before, after = np.zeros_like(out), np.zeros_like(out)
        accumulated(out, self.pixels, accumulate, acc, self.int8, before, after)
        place = np.arange(len(out)) % self.pixels + first
        adds = np.repeat((np.arange(len(out)) >= self.pixels) | bool(accumulate), 4).reshape(-1, 4)
        size, flat = self.element, (steps, self.rows * self.cols)
        return {
            "steps": {"weight": Column(octets(w.reshape(flat), size)), "act": Column(octets(a.reshape(flat), size))},
            "sums": {"o_sum": Column(octets(s.reshape(flat), 4))},
            "leaving": {f"sums_{c}": Column(octets(out[:, c], 4)) for c in range(self.cols)},
            "place": {"o_read": Column(place)},
            "standing": {f"i_data_{c}": Column(octets(before[:, c], 4), adds) for c in range(self.cols)},
            "written": {"row": Column(place), **{f"sums_{c}": Column(octets(after[:, c], 4)) for c in range(self.cols)}},
        }

    def _batches(self) -> Columns:
        """acts_l_r: what lane l of row r is given. Of a read only the blocks that the batch brings are known; what is absent is 0."""
        size = self.spec.levels.act.width_bits // 8
        pixel, block, width = self._in_os() if self.os else self._in_ws()
        there = (pixel >= 0) & (pixel < self.pixels) & (block < self.blocks)
        where = np.where(there, self.base[pixel.clip(0, self.pixels - 1)] + self.offset[block.clip(0, self.blocks - 1)], 0)
        data = padded(self.levels.act, size)[where[..., None] + np.arange(size)] * there[..., None].astype(np.uint8)
        read = np.arange(size) < (width * self.block * self.element)[:, None]
        known = ~there[..., None] | read[:, None, None, :]
        out = {f"acts_{k}_{r}": Column(data[:, k, r], known[:, k, r]) for k in range(self.lanes) for r in range(self.rows)}
        blocks = (block[:, 0] < self.blocks).sum(axis=1)
        return {"blocks": Column(blocks, np.full(len(blocks), not self.os)), **out}

    def _in_ws(self) -> tuple[Array, Array, Array]:
        """[batches, lanes, rows] pixel and block of each part, and [batches] blocks of each."""
        folds, groups = np.arange(0, self.blocks, self.rows), np.arange(0, self.pixels, self.lanes)
        shape = (len(folds), len(groups), self.lanes, self.rows)
        pixel = np.broadcast_to(groups[:, None, None] + np.arange(self.lanes)[:, None], shape).reshape(-1, *shape[2:])
        block = np.broadcast_to(folds[:, None, None, None] + np.arange(self.rows), shape).reshape(-1, *shape[2:])
        return pixel, block, np.ones(len(pixel), np.int64)

    def _in_os(self) -> tuple[Array, Array, Array]:
        firsts, widths = zip(*self._chunks(), strict=True)
        groups, mine = np.arange(0, self.pixels, self.group), np.arange(self.lanes)[:, None]
        shape = (len(groups), len(firsts), self.lanes, self.rows)
        of_row = (self.rows - 1 - np.arange(self.rows)) * self.lanes + mine
        pixel = np.broadcast_to(groups[:, None, None, None] + of_row, shape).reshape(-1, *shape[2:])
        block = np.broadcast_to(np.array(firsts)[:, None, None], shape).reshape(-1, *shape[2:])
        return pixel, block, np.tile(np.array(widths), len(groups))


def _every(pixels: Array, reads: Array) -> Array:
    """[pixels*reads, 3]: each pixel with all of its reads."""
    return np.concatenate([np.repeat(pixels, len(reads))[:, None], np.tile(reads, (len(pixels), 1))], axis=1)

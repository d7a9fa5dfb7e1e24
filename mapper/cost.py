"""What one command costs its unit at least, in closed form. docs/machine.md is the contract."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from math import ceil, gcd

import numpy as np

from hwsim.spec.commands import FN, NORM_BEATS, WORD_BYTES
from hwsim.spec.machine import AcceleratorSpec
from mapper.waves import Runs, State, fold, follow_all, group


def beats(
    spec: AcceleratorSpec, mem: int, run: int, loop0: tuple[int, int] = (1, 0), loop1: tuple[int, int] = (1, 0)
) -> int:
    """Beats of a copy: for each run those that cover it, ceil((mem mod W + run)/W)."""
    w = spec.memory.beat_bytes
    (c0, s0), (c1, s1) = loop0, loop1
    if s0 % w == 0 and s1 % w == 0:
        return c0 * c1 * -(-(mem % w + run) // w)
    at = mem + np.arange(c0)[None, :] * s0 + np.arange(c1)[:, None] * s1
    return int(np.sum(-(-(at % w + run) // w)))


def word_beats(spec: AcceleratorSpec) -> int:
    return max(1, WORD_BYTES // spec.memory.beat_bytes)


@dataclass(frozen=True)
class ComputeCost:
    """Cycles of one command alone: `array` from its first read to its last step, `feed` reads, `weight` rows; `latency`: from the
    last step to the last row visible. `late`: weight rows that may still come when the last fold has begun (ws). `folds`: of os, groups.
    """

    array: int
    feed: int
    weight: int
    latency: int
    late: int
    folds: Runs

    @property
    def bound(self) -> int:
        return max(self.array, self.weight - self.late)


@lru_cache(maxsize=1 << 15)  # of a few hundred kinds of commands; candidates and emission ask again and again
def compute_cost(
    spec: AcceleratorSpec, dataflow: str, pixels: int, run: int, runs: int, kept: int, block: int
) -> ComputeCost:
    rows, cols, lat = spec.array.rows, spec.array.cols, spec.pe.adder_latency_cycles
    stages, per_run = spec.pe.multiplier_latency_cycles, run // block
    blocks = per_run * runs
    if dataflow == "ws":
        reads = _fold_reads(per_run, blocks, rows, block * spec.pe.element_bytes, spec.levels.act.width_bits // 8)
        kinds = [fold(spec, kept, min(rows, blocks - i * rows), pixels, n) for i, n in enumerate(reads)]
        folds = tuple((kind, len(list(same))) for kind, same in groupby(kinds))
        weight, late = blocks * kept, (blocks - (len(reads) - 1) * rows - 1) * kept
        latency = (rows - 1) * kept * lat + cols + stages + lat + 1 + (pixels - 1) % lat
    else:
        whole, rest = divmod(pixels, rows * lat)
        sizes = [(rows * lat, whole)] * (whole > 0) + [(rest, 1)] * (rest > 0)
        folds = tuple((group(spec, kept, block, per_run, runs, n), times) for n, times in sizes)
        weight, late = ceil(pixels / (rows * lat)) * blocks * kept, 0
        latency = rows + cols + stages + 2 * lat + (pixels - 1) % (rows * lat) + 1
    feed = sum(f.reads * n for f, n in folds)
    return ComputeCost(follow_all(folds, State()).end, feed, weight, latency, late, folds)


def _fold_reads(per_run: int, blocks: int, rows: int, block_bytes: int, width: int) -> list[int]:
    """Reads a pixel of each fold."""
    out = []
    for low in range(0, blocks, rows):
        high, at, reads = min(low + rows, blocks), low, 0
        while at < high:
            end = min(high, (at // per_run + 1) * per_run)
            reads += -(-(end - at) * block_bytes // width)
            at = end
        out.append(reads)
    return out


def vector_cost(spec: AcceleratorSpec, a: dict[str, int]) -> int:
    """Setup, then rows x chunks x beats (docs/machine.md, vector), with what passes behind each pass
    that reduces, then the latency.
    """
    v, width, eb = spec.vector, spec.levels.vec.width_bits, spec.pe.element_bits
    fn, length = FN[a["fn"]], a["len"]
    window = a.get("window_h", 1) * a.get("window_w", 1)
    lanes = v.lanes if a.get("from_vec") else min(v.lanes, spec.array.cols)
    chunks = ceil(length / lanes)
    params = bool(a.get("has_bias")) + bool(a.get("has_scale"))
    one = ceil(lanes * eb / width)
    reads = (one * window if a.get("from_vec") else 0) + (one if a.get("has_b") else 0)
    extra = params * ceil(lanes * 32 / width) if length > lanes else 0
    step = width // eb
    writes = ceil(lanes * gcd(a["dst_lane"] * 8 // eb, step) / step)
    setup = params * ceil(length * 32 / width) if length <= lanes else 0
    if fn == "depthwise":
        setup += ceil(window * length * eb / width)
    if a.get("act") in (3, 4) and eb == 8:
        setup += ceil(256 * 8 / width)
    if fn == "softmax" and eb == 8:
        setup += ceil(256 * 32 / width)
    passes = 1 + len(pauses := _pauses(spec, fn))
    least = max(NORM_BEATS if fn == "layernorm" and eb == 8 else 1, v.chunk_beats)
    rows, row = a["count0"] * a["count1"], chunks * ((passes - 1) * max(1, reads) + max(least, reads + extra) + writes - 1)
    return setup + rows * row + sum(pauses) * ceil(rows / v.rows_in_flight) + v.latency_cycles


def _pauses(spec: AcceleratorSpec, fn: str) -> tuple[int, ...]:
    """Cycles behind each pass that reduces."""
    v = spec.vector
    if fn == "softmax":
        return v.latency_cycles, v.reduce_cycles
    sums = 1 if spec.pe.number == "int8" else 2
    return (v.reduce_cycles,) * (sums if fn == "layernorm" else 0)

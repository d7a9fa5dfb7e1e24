"""What a command costs its unit at least, in closed form, and from that a lower bound for a layer. docs/machine.md is the contract."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, gcd

import numpy as np

from hwsim.spec.commands import FN, WORD_BYTES
from hwsim.spec.machine import AcceleratorSpec
from mapper.emit.areas import param_need, split
from mapper.nest import Chunk, Mapping, Product, Tail, segments, tile_shape

PASSES = {"softmax": 3, "layernorm": 3}


def beats(spec: AcceleratorSpec, mem: int, run: int, loop0: tuple[int, int] = (1, 0), loop1: tuple[int, int] = (1, 0)) -> int:
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
    """Cycles of one command alone: `array` steps, `feed` reads, `weight` rows; `latency`: from the last step to the last row visible.

    `folds`: weight rows' PE rows of each fold (ws) or empty; `groups`: pixel groups (os); `steps`: of one fold or group.
    """

    array: int
    feed: int
    weight: int
    latency: int
    folds: tuple[int, ...]
    groups: int
    steps: int

    @property
    def bound(self) -> int:
        return max(self.array, self.feed, self.weight)


def compute_cost(spec: AcceleratorSpec, dataflow: str, pixels: int, run: int, runs: int, kept: int, block: int) -> ComputeCost:
    """ws: each fold of R blocks takes ceil(T/L) batches of N*L steps. Reads a pixel and fold: segments of whole blocks, cut at runs.
    os: ceil(T/(R*L)) groups of blocks*N*L steps; one read a pixel and chunk."""
    rows, cols, lat = spec.array.rows, spec.array.cols, spec.pe.adder_latency_cycles
    width, bb = spec.levels.act.width_bits // 8, block * spec.pe.element_bytes
    per_run = run // block
    blocks = per_run * runs
    if dataflow == "ws":
        folds = tuple(min(rows, blocks - low) for low in range(0, blocks, rows))
        wave = ceil(pixels / lat) * kept * lat
        feed = pixels * sum(_fold_reads(per_run, blocks, rows, bb, width))
        array = ws_cycles(spec, kept, folds, wave, 1)
        return ComputeCost(array, feed, blocks * kept, rows * kept * lat + cols + lat, folds, 0, wave)
    groups = ceil(pixels / (rows * lat))
    steps = blocks * kept * lat
    feed = pixels * runs * ceil(per_run / max(1, width // bb))
    array = (groups - 1) * max(steps, group_gap(spec)) + steps
    return ComputeCost(array, feed, groups * blocks * kept, rows + cols + min(pixels, rows * lat) + lat, (), groups, steps)


def group_gap(spec: AcceleratorSpec) -> int:
    """os: from the last step of a group to that of the next, at least: the shadow sums must have left."""
    rows, lat = spec.array.rows, spec.pe.adder_latency_cycles
    return rows + spec.array.cols - 1 + rows * lat


def ws_cycles(spec: AcceleratorSpec, kept: int, folds: tuple[int, ...], wave: int, times: int) -> int:
    """Steps from the first to the last of `times` commands of these folds, one behind the other, each wave `wave` steps long.

    Row 0 of the shadow registers is free C cycles after a wave began, and takes N weight rows: the next wave begins C + N - 1 later at least. The
    loader fills row r of the fold behind wave f from f + r*N*L + C on, and only then row 0 of the fold after it: wave f + 2 begins
    (rows - 1)*N*L + C + 2*N - 2 after wave f at least, rows those of the fold between. Of the two ways to pair neighbours the longer counts.
    """
    cols, lat = spec.array.cols, spec.pe.adder_latency_cycles
    count = len(folds) * times
    one = max(wave, cols + kept - 1)
    two = [max(2 * wave, (rows - 1) * kept * lat + cols + 2 * kept - 2) for rows in folds[1:] + folds[:1]]
    pairs = (count - 1) // 2
    if len(folds) % 2:
        around = sum(two) * (pairs // len(two)) + sum(sorted(two)[: pairs % len(two)])
    else:
        around = max(sum(two[o::2]) * (pairs // (len(two) // 2)) + sum(sorted(two[o::2])[: pairs % (len(two) // 2)]) for o in (0, 1))
    whole = around + ((count - 1) % 2) * (one if len(folds) % 2 or len(folds) == count else wave) + wave
    return max(whole, count * wave)


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
    """Setup, then rows x chunks x beats (docs/machine.md, vector), then the latency after each pass that reduces and once at the end."""
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
    passes = PASSES.get(fn, 1)
    rows, row = a["count0"] * a["count1"], chunks * ((passes - 1) * max(1, reads) + max(1, reads + extra, writes))
    waits = (passes - 1) * ceil(rows / v.rows_in_flight) * v.latency_cycles
    return setup + rows * row + waits + v.latency_cycles


@dataclass(frozen=True)
class LayerBound:
    """`cycles`: no run of the layer alone, from cold, is shorter. Sums over its commands: `array` (steps, reads or weight rows, the largest),
    `memory` (beats, command words included), `vector`; `second`: the second largest of the three; `commands`: at least so many."""

    cycles: int
    array: int
    memory: int
    vector: int
    second: int
    commands: int


@dataclass(frozen=True)
class Box:
    """A kind of pixel tile: images, output rows and columns, and the rows and columns of input that are not padding."""

    nb: int
    np: int
    nq: int
    vh: int
    vw: int

    @property
    def pixels(self) -> int:
        return self.nb * self.np * self.nq


def boxes(x: Product, m: Mapping, chunk: Chunk) -> Iterator[tuple[Box, int]]:
    """Kinds of pixel tiles with their number."""
    sizes = Counter(min(m.tile[0], x.batch - b) for b in range(0, x.batch, m.tile[0]))
    rows = Counter(_valid(p, min(m.tile[1], x.p - p), x, chunk, 0) for p in range(0, x.p, m.tile[1]))
    columns = Counter(_valid(q, min(m.tile[2], x.q - q), x, chunk, 1) for q in range(0, x.q, m.tile[2]))
    for nb, i in sizes.items():
        for (np_, vh), j in rows.items():
            for (nq, vw), k in columns.items():
                yield Box(nb, np_, nq, vh, vw), i * j * k


def _valid(first: int, count: int, x: Product, chunk: Chunk, rank: int) -> tuple[int, int]:
    taps, start = (chunk.nr, chunk.r0) if rank == 0 else (x.s, 0)
    low = first * x.stride[rank] - x.pad[rank] + start * x.dilation[rank]
    high = low + (count - 1) * x.stride[rank] + (taps - 1) * x.dilation[rank] + 1
    return count, max(0, min(high, (x.height, x.width)[rank]) - max(low, 0))


def act_beats(spec: AcceleratorSpec, x: Product, chunk: Chunk, pitch: int, box: Box) -> int:
    """Least beats of the activations of one tile: every run starts on a beat."""
    eb, w = spec.pe.element_bytes, spec.memory.beat_bytes
    tall, wide = tile_shape(x, box.np, box.nq, chunk.nr)
    pb = pitch * eb
    run = min(x.c if x.groups > 1 else x.group_c, chunk.c0 + chunk.nc) * eb - chunk.c0 * eb
    runs = 1
    for count, mem, buf in ((box.vw, x.view_col, pb), (box.vh, x.view_row, wide * pb), (box.nb, x.view_image, tall * wide * pb)):
        if runs == 1 and (count == 1 or mem == buf == run):
            run *= count
        else:
            runs *= count
    return runs * ceil(run / w)


def weight_beats(spec: AcceleratorSpec, x: Product, rows: int) -> int:
    """Of one column tile: payload and offsets."""
    eb, w, cols = spec.pe.element_bytes, spec.memory.beat_bytes, spec.array.cols
    if x.dynamic:
        return rows * ceil(min(cols, x.group_n) * eb / w)
    meta = -(-cols * (x.block.bit_length() - 1) // 8)
    return ceil(rows * cols * eb / w) + ceil(rows * meta / w)


def row_beats(spec: AcceleratorSpec, rows: int, width: int, whole: int) -> int:
    """Rows of `width` elements, dense when that is the `whole` row."""
    eb, w = spec.pe.element_bytes, spec.memory.beat_bytes
    return ceil(rows * width * eb / w) if width == whole else rows * ceil(width * eb / w)


def _map_cost(spec: AcceleratorSpec, x: Product, rows: int, width: int, lane: int) -> int:
    eb = spec.pe.element_bytes
    return vector_cost(
        spec, {"fn": 0, "len": width, "count0": rows, "count1": 1, "has_bias": x.params > 0, "has_scale": x.params > 1, "has_b": x.residual,
               "dst_lane": lane * eb, "act": 3 if x.table_bytes else 0},
    )  # fmt: skip


def _tail_cost(spec: AcceleratorSpec, x: Product, t: Tail, rows: int) -> int:
    return vector_cost(
        spec, {"fn": FN.index(t.fn), "len": x.n, "count0": rows, "count1": 1, "from_vec": 1, "dst_lane": spec.pe.element_bytes,
               "has_bias": t.params > 0, "has_scale": t.params > 1, "has_b": t.mask},
    )  # fmt: skip


class Sums:
    """Beats and cycles of all commands of a Product, at least."""

    def __init__(self, spec: AcceleratorSpec, x: Product, m: Mapping) -> None:
        self.spec, self.x, self.m = spec, x, m
        cols = spec.array.cols
        self.columns = x.n_tiles(cols)
        self.groups = ceil(self.columns / m.group)
        self.width = min(cols, x.group_n)
        whole = Chunk(0, x.r, 0, x.c_pad if x.groups == 1 else x.c)
        self.kinds = list(boxes(x, m, whole))
        self.count = sum(n for _, n in self.kinds)
        self.array = self.feed = self.weight_rows = self.vector = self.memory = self.commands = 0
        self._compute()
        self._vector()
        self._memory(whole)
        words = x.instances * self.commands + 1
        self.array, self.feed, self.weight_rows, self.vector = (v * x.instances for v in (self.array, self.feed, self.weight_rows, self.vector))
        self.memory = self.memory * x.instances + words * word_beats(spec)
        self.commands = words

    def cost(self, chunk: Chunk, pixels: int) -> ComputeCost:
        x = self.x
        run, s, r = segments(x, chunk, chunk.nc if self.m.act_chunked else x.pitch)
        return compute_cost(self.spec, self.m.dataflow, pixels, run, s * r, x.kept, x.block)

    def _compute(self) -> None:
        """The array takes the same folds again and again, waves as long as the pixel tile: at least as long as the shortest, and as the sum of all.
        Order "pn" keeps one pixel tile for all columns, so there each kind of tile is reckoned by itself."""
        x, m = self.x, self.m
        alone = shortest = gap = 0
        for box, times in self.kinds:
            costs = [self.cost(c, box.pixels) for c in m.chunks]
            many = times * self.columns
            self.feed += sum(c.feed for c in costs) * many
            self.weight_rows += sum(c.weight for c in costs) * many
            if m.dataflow == "ws":
                folds, wave = tuple(f for c in costs for f in c.folds), costs[0].steps
                self.array += wave * len(folds) * many
                alone += ws_cycles(self.spec, x.kept, folds, wave, self.columns) * times
                shortest = min(shortest or wave, wave)
            else:
                least = group_gap(self.spec)
                self.array += sum(c.groups * max(c.steps, least) for c in costs) * many
                gap = max(least - min(c.steps for c in costs), 0)
        if m.dataflow == "ws":
            every = ws_cycles(self.spec, x.kept, folds, shortest, self.columns * self.count)
            self.array = max(self.array, every, alone if m.order == "pn" else 0)
        self.array -= gap
        self.commands += len(m.chunks) * self.count * self.columns

    def _vector(self) -> None:
        x, spec = self.x, self.spec
        for box, times in self.kinds:
            one = 0
            if x.rows_out or x.tail:
                one += _map_cost(spec, x, box.pixels, self.width, 1)
            if x.cols_out:
                one += _map_cost(spec, x, box.pixels, self.width, box.pixels | 1)
            full = x.group_n // spec.array.cols * x.groups if x.group_n >= spec.array.cols else self.columns
            self.vector += times * (one * full + sum(_tail_cost(spec, x, t, box.pixels) for t in x.tail))
        self.commands += self.count * self.columns

    def _memory(self, whole: Chunk) -> None:
        x, m, spec = self.x, self.m, self.spec
        rows = sum(x.s * c.nr * c.nc // x.block * x.kept for c in m.chunks)
        weights = weight_beats(spec, x, rows) * self.columns
        once = m.keep_weights or self.count == 1 or (self.columns == 1 and len(m.loads) == 1)
        self.memory += weights * (1 if once else self.count)
        if m.act_chunked:
            acts = sum(act_beats(spec, x, c, c.nc, box) * times for c in m.chunks for box, times in boxes(x, m, c)) * self.columns
        else:
            acts = sum(act_beats(spec, x, whole, x.pitch, box) * times for box, times in self.kinds)
            acts *= self.groups if m.order == "np" and not m.keep_act else 1
        self.memory += acts
        gathered = [min(m.group * spec.array.cols, x.n)] * (self.groups - 1) if x.groups == 1 else []
        gathered.append(x.n - sum(gathered))
        if x.groups > 1 and self.groups > 1:
            gathered = [m.group * self.width] * (x.n // (m.group * self.width))
        for box, times in self.kinds:
            moved = sum(row_beats(spec, box.pixels, width, x.out_row or x.n) for width in gathered)
            self.memory += times * moved * (x.rows_out + x.residual)
            if x.tail:
                self.memory += times * row_beats(spec, box.pixels, x.n, x.out_row or x.n)
            if x.cols_out:
                self.memory += times * x.n * box.nb * ceil(box.np * box.nq * spec.pe.element_bytes / spec.memory.beat_bytes)
        self.commands += self.count * (self.groups + 1) + self.columns * len(m.loads) * (2 if x.block > 1 else 1)


def first_box(x: Product, m: Mapping, chunk: Chunk) -> Box:
    """The pixel tile that comes first."""
    (np_, vh), (nq, vw) = (_valid(0, min(m.tile[i + 1], (x.p, x.q)[i]), x, chunk, i) for i in (0, 1))
    return Box(min(m.tile[0], x.batch), np_, nq, vh, vw)


def last_pixels(x: Product, m: Mapping) -> tuple[int, int]:
    """Images and pixels of the pixel tile that comes last."""
    rest = [(n - 1) % tile + 1 for n, tile in zip((x.batch, x.p, x.q), m.tile, strict=True)]
    return rest[0], rest[0] * rest[1] * rest[2]


def product_bound(spec: AcceleratorSpec, x: Product, m: Mapping) -> LayerBound:
    """Three sums bound the run: array, memory, vector; each with what must have happened before its first and after its last command.

    Lead: the first command word, then the first weights and activations come through the one port before the first compute starts. Behind
    the last step of the array: its latency, the vector unit on the last column tile, and the store of what it gives.
    """
    sums = Sums(spec, x, m)
    start = word_beats(spec) + spec.memory.latency_cycles
    first = m.chunks[0]
    whole = first if m.act_chunked else Chunk(0, x.r, 0, x.c_pad if x.groups == 1 else x.c)
    load_rows = sum(x.s * c.nr * c.nc // x.block * x.kept for c in m.chunks[: m.loads[0]])
    box = first_box(x, m, whole)
    lead = start + weight_beats(spec, x, load_rows) + act_beats(spec, x, whole, whole.nc if m.act_chunked else x.pitch, box)
    images, pixels = last_pixels(x, m)
    latency = sums.cost(m.chunks[-1], pixels).latency
    last, store = _last(spec, x, m, images, pixels)
    array = max(sums.array, sums.feed, sums.weight_rows)
    total = max(
        lead + array + latency + last + store,
        start + sums.memory,
        lead + sums.cost(m.chunks[0], box.pixels).array + latency + sums.vector + store,
    )
    second = sorted((array, sums.memory, sums.vector))[1]
    return LayerBound(total, array, sums.memory, sums.vector, second, sums.commands)


def _last(spec: AcceleratorSpec, x: Product, m: Mapping, images: int, pixels: int) -> tuple[int, int]:
    """Vector cycles and store beats that come after the last sum. Where a buffer may be cut at a bank, one row is counted: its pieces overlap."""
    eb, width = spec.pe.element_bytes, min(m.group * spec.array.cols, x.n)
    narrow = x.group_n % spec.array.cols or min(spec.array.cols, x.group_n)
    rows = pixels if _uncut(spec, x, pixels * width * eb) else 1
    vector = sum(_tail_cost(spec, x, t, rows) for t in x.tail)
    if x.rows_out or x.tail:
        vector += _map_cost(spec, x, rows, narrow, 1)
    if x.cols_out:
        beats = narrow * images * ceil(pixels // images * eb / spec.memory.beat_bytes)
        return vector + _map_cost(spec, x, pixels, narrow, pixels | 1), beats
    return vector, row_beats(spec, rows, sum_width(x, m, spec), x.out_row or x.n)


def _uncut(spec: AcceleratorSpec, x: Product, size: int) -> bool:
    """Whether a buffer of `size` bytes lies in one bank wherever the rings stand."""
    bank, at = spec.levels.vec.bank_bytes, split(spec, param_need(spec, x), x.name)
    room = min(bank, at.end - at.results)
    return size <= (min(room, at.results - at.operands, bank - at.operands % bank) if x.residual else room)


def sum_width(x: Product, m: Mapping, spec: AcceleratorSpec) -> int:
    """Columns of the last group of column tiles, at least."""
    columns = x.n_tiles(spec.array.cols)
    last = columns - (ceil(columns / m.group) - 1) * m.group
    if x.groups > 1:
        return last * (x.group_n % spec.array.cols or min(spec.array.cols, x.group_n))
    return x.n - (columns - last) * spec.array.cols

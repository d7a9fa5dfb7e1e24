"""A lower bound on the cycles of a Product under a Mapping, and the score by which mappings are
ranked. Commands: mapper/cost.py.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import ceil

from hwsim.spec.commands import FN
from hwsim.spec.machine import AcceleratorSpec
from mapper.cost import (
    ComputeCost,
    compute_cost,
    vector_cost,
    word_beats,
)
from mapper.emit.areas import param_need, split
from mapper.graph.windows import places
from mapper.nest import Chunk, Mapping, Product, Tail, part_sizes, segments, tile_shape
from mapper.waves import State, follow_all, marked, repeat


@dataclass(frozen=True)
class LayerBound:
    """`cycles`: no run of the layer alone, from cold, is shorter. Sums over its commands: `array`
    (steps, reads or weight rows, the largest), `memory` (beats, command words included), `vector`;
    `commands`: at least so many. `score`: what mappings are ranked by, no bound.
    """

    cycles: int
    array: int
    memory: int
    vector: int
    commands: int
    score: float


@dataclass(frozen=True)
class Box:
    """A kind of pixel tile: images, output rows and columns, and the rows and columns of input that
    are not padding.
    """

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
    """Outputs, and the places of input that they read."""
    taps, start = (chunk.nr, chunk.r0) if rank == 0 else (x.s, 0)
    low = first * x.stride[rank] - x.pad[rank] + start * x.dilation[rank]
    return count, len(places(low, count, x.stride[rank], taps, x.dilation[rank], (x.height, x.width)[rank]))


def act_beats(spec: AcceleratorSpec, x: Product, chunk: Chunk, pitch: int, box: Box) -> int:
    """Least beats of the activations of one tile: every run starts on a beat."""
    eb, w = spec.pe.element_bytes, spec.memory.beat_bytes
    tall, wide = tile_shape(x, box.np, box.nq, chunk.nr)
    pb = pitch * eb
    run = min(x.c if x.groups > 1 else x.group_c, chunk.c0 + chunk.nc) * eb - chunk.c0 * eb
    if x.dilation != (1, 1) or x.stride[0] > chunk.nr or x.stride[1] > x.s:
        return ceil(box.vw * box.vh * box.nb * run / w)  # perhaps with gaps between what is read
    runs = 1
    for count, mem, buf in (
        (box.vw, x.view_col, pb),
        (box.vh, x.view_row, wide * pb),
        (box.nb, x.view_image, tall * wide * pb),
    ):
        if runs == 1 and (count == 1 or mem == buf == run):
            run *= count
        else:
            runs *= count
    return runs * ceil(run / w)


def weight_beats(spec: AcceleratorSpec, x: Product, rows: int, width: int) -> int:
    """Of one column tile: payload and offsets."""
    eb, w, cols = spec.pe.element_bytes, spec.memory.beat_bytes, spec.array.cols
    if x.dynamic:
        return rows * ceil(width * eb / w)
    meta = -(-cols * (x.block.bit_length() - 1) // 8)
    return ceil(rows * cols * eb / w) + ceil(rows * meta / w)


def row_beats(spec: AcceleratorSpec, rows: int, width: int, whole: int) -> int:
    """Rows of `width` elements, dense when that is the `whole` row."""
    eb, w = spec.pe.element_bytes, spec.memory.beat_bytes
    return ceil(rows * width * eb / w) if width == whole else rows * ceil(width * eb / w)


def _map_cost(spec: AcceleratorSpec, x: Product, rows: int, width: int, lane: int) -> int:
    eb = spec.pe.element_bytes
    return vector_cost(
        spec, {"fn": 0, "len": width, "count0": rows, "count1": 1, "has_bias": x.params > 0, "has_scale": x.params > 1,
               "has_b": x.residual or x.masked, "dst_lane": lane * eb, "act": 3 if x.table_bytes else 0},
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
        self.costs: dict[int, list[ComputeCost]] = {}  # by pixels
        self.array = self.least = self.feed = self.weight_rows = self.vector = self.commands = 0
        self.loads = self.acts = self.residual = self.stores = 0  # beats
        self._compute()
        self._vector()
        self._memory(whole)
        for name in ("least", "feed", "weight_rows", "vector", "commands", "loads", "acts", "residual", "stores"):
            setattr(self, name, getattr(self, name) * x.instances)
        self.commands += 1
        self.words = self.commands * word_beats(spec)
        self.memory = self.loads + self.residual + self.stores + self.words
        self.busy = max(self.array, self.feed, self.weight_rows)

    def cost(self, chunk: Chunk, pixels: int) -> ComputeCost:
        x = self.x
        run, s, r = segments(x, chunk, chunk.nc if self.m.act_chunked else x.pitch)
        return compute_cost(self.spec, self.m.dataflow, pixels, run, s * r, x.kept, x.block)

    def _compute(self) -> None:
        """`least`: of `array`, what no order of the commands would save, the feed left out."""
        x, m = self.x, self.m
        for box, times in self.kinds:
            costs = self._costs(box.pixels)
            many = times * self.columns
            self.feed += self.feed_of(box.pixels) * many
            self.weight_rows += sum(c.weight for c in costs) * many
            self.least += self.least_of(box.pixels) * many
        done = repeat(State(), self._layer, x.instances)
        self.array, self.before_last_part = done.end, done.mark
        self.commands += (len(m.chunks) + m.parts - 1) * self.count * self.columns

    def feed_of(self, pixels: int) -> int:
        return sum(c.feed for c in self._costs(pixels))

    def least_of(self, pixels: int) -> int:
        """Of one column tile."""
        return sum(f.least * n for c in self._costs(pixels) for f, n in c.folds)

    def _layer(self, s: State) -> State:
        """One instance, in the order in which its commands stand."""
        if self.m.order == "np":
            for group, times in self._group_sizes():
                s = repeat(s, partial(self._pixels, partial(self._group, group)), times)
            return s
        return self._pixels(self._groups, s)

    def _group_sizes(self) -> list[tuple[int, int]]:
        """Column tiles of a group, and how many such groups there are."""
        last = self.columns - self.m.group * (self.groups - 1)
        return [(self.m.group, self.groups - 1), (last, 1)]

    def _groups(self, pixels: int, s: State) -> State:
        for group, times in self._group_sizes():
            s = repeat(s, partial(self._group, group, pixels), times)
        return s

    def _pixels(self, tile: Callable[[int, State], State], s: State) -> State:
        """All pixel tiles, images outside, columns inside."""
        ranks = zip((self.x.batch, self.x.p, self.x.q), self.m.tile, strict=True)
        images, rows, columns = ([(t, n // t), (n % t, 1)] for n, t in ranks)

        def some(pixels: int, inside: list[list[tuple[int, int]]], s: State) -> State:
            if not inside:
                return tile(pixels, s)
            for size, times in inside[0]:
                s = repeat(s, partial(some, pixels * size, inside[1:]), times) if size else s
            return s

        return some(1, [images, rows, columns], s)

    def _group(self, group: int, pixels: int, s: State) -> State:
        costs = self._costs(pixels)
        if self.m.order != "kn":
            return repeat(s, partial(follow_all, [run for c in costs for run in c.folds]), group)
        for i, cost in enumerate(costs):
            s = marked(s) if i == len(costs) - 1 else s
            s = repeat(s, partial(follow_all, cost.folds), group)
        return s

    def _costs(self, pixels: int) -> list[ComputeCost]:
        """Of the computes that make one column tile; the last chunk in parts."""
        m = self.m
        if pixels not in self.costs:
            parts = part_sizes(pixels, m.parts, self.spec.pe.adder_latency_cycles)
            self.costs[pixels] = [self.cost(c, pixels) for c in m.chunks[:-1]] + [self.cost(m.chunks[-1], n) for n in parts]
        return self.costs[pixels]

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
        cols = spec.array.cols
        weights = x.groups * sum(
            weight_beats(spec, x, rows, min(cols, x.group_n - j)) for j in range(0, x.group_n, cols)
        )
        once = m.keep_weights or self.count == 1 or (self.columns == 1 and len(m.loads) == 1)
        self.loads = weights * (1 if once else self.count)
        if m.parts > 1 and not m.keep_weights and self.columns > 1:
            again = x.s * m.chunks[-1].nr * m.chunks[-1].nc // x.block * x.kept
            self.loads += weight_beats(spec, x, again, self.width) * self.columns * self.count * (m.parts - 1)
        if m.act_chunked:
            self.acts = sum(
                act_beats(spec, x, c, c.nc, box) * times for c in m.chunks for box, times in boxes(x, m, c)
            ) * (self.groups if m.order == "kn" else self.columns)
        else:
            self.acts = sum(act_beats(spec, x, whole, x.pitch, box) * times for box, times in self.kinds)
            self.acts *= self.groups if m.order == "np" and not m.keep_act else 1
        self.loads += self.acts
        rows_moved = 0
        for box, times in self.kinds:
            rows_moved += times * sum(
                row_beats(spec, box.pixels, width, x.out_row or x.n) for width in self._gathered()
            )
            if x.tail:
                self.stores += times * row_beats(spec, box.pixels, x.n, x.out_row or x.n)
            if x.cols_out:
                self.stores += (
                    times * x.n * box.nb * ceil(box.np * box.nq * spec.pe.element_bytes / spec.memory.beat_bytes)
                )
        self.residual = rows_moved * x.residual
        self.stores += rows_moved * x.rows_out
        self.commands += self.count * (self.groups + 1) + self.columns * len(m.loads) * (2 if x.block > 1 else 1)

    def _gathered(self) -> list[int]:
        """Columns of each group."""
        x, m, cols = self.x, self.m, self.spec.array.cols
        if x.groups > 1 and self.groups > 1:
            return [m.group * self.width] * (x.n // (m.group * self.width))
        most = min(m.group * cols, x.n)
        return [most] * (self.groups - 1) + [x.n - most * (self.groups - 1)]


def first_box(x: Product, m: Mapping, chunk: Chunk) -> Box:
    """The pixel tile that comes first."""
    (np_, vh), (nq, vw) = (_valid(0, min(m.tile[i + 1], (x.p, x.q)[i]), x, chunk, i) for i in (0, 1))
    return Box(min(m.tile[0], x.batch), np_, nq, vh, vw)


def last_pixels(x: Product, m: Mapping) -> tuple[int, int]:
    """Images and pixels of the pixel tile that comes last."""
    rest = [(n - 1) % tile + 1 for n, tile in zip((x.batch, x.p, x.q), m.tile, strict=True)]
    return rest[0], rest[0] * rest[1] * rest[2]


def product_bound(spec: AcceleratorSpec, x: Product, m: Mapping) -> LayerBound:
    """Three sums bound the run: array, memory, vector; each with what must have happened before its
    first and after its last command.

    Lead: the first command word, then the first weights and activations come through the one port
    before the first compute starts. Behind the last step of the array: its latency, the vector unit
    on the last column tile, and the store of what it gives.
    """
    sums = Sums(spec, x, m)
    start = word_beats(spec) + spec.memory.latency_cycles
    first = m.chunks[0]
    whole = first if m.act_chunked else Chunk(0, x.r, 0, x.c_pad if x.groups == 1 else x.c)
    load_rows = sum(x.s * c.nr * c.nc // x.block * x.kept for c in m.chunks[: m.loads[0]])
    box = first_box(x, m, whole)
    lead = (
        start
        + weight_beats(spec, x, load_rows, sums.width)
        + act_beats(spec, x, whole, whole.nc if m.act_chunked else x.pitch, box)
    )
    images, pixels = last_pixels(x, m)
    buffer, pixels = pixels, part_sizes(pixels, m.parts, spec.pe.adder_latency_cycles)[-1]
    cost = sums.cost(m.chunks[-1], pixels)
    last, store = _last(spec, x, m, images, pixels, buffer)
    beats, rounds = _first_sweep(sums, m, box)
    total = max(
        lead + sums.before_last_part + cost.latency + _row_steps(spec, x, m, sums, buffer) + store,
        start + beats + rounds + cost.latency + last + store,
        lead + max(sums.array, sums.feed, sums.weight_rows - cost.late) + cost.latency + last + store,
        start + sums.memory,
        start + sums.loads + sums.residual + cost.bound + cost.latency + last + store,
        lead + sums.cost(m.chunks[0], box.pixels).array + cost.latency + sums.vector + store,
    )
    return LayerBound(
        total, sums.busy, sums.memory, sums.vector, sums.commands, max(total, start + _pipeline(spec, x, m, sums, last))
    )


def _row_steps(spec: AcceleratorSpec, x: Product, m: Mapping, sums: Sums, pixels: int) -> int:
    """Vector cycles behind the last compute but those of the last part: the row steps of all parts,
    and between them the last part's maps.
    """
    if m.parts == 1 or not _uncut(spec, x, pixels * x.n * spec.pe.element_bytes):
        return 0
    parts = part_sizes(pixels, m.parts, spec.pe.adder_latency_cycles)
    narrow = x.group_n % spec.array.cols or min(spec.array.cols, x.group_n)
    maps = _map_cost(spec, x, parts[-1], narrow, 1) * sums.columns
    return sum(_tail_cost(spec, x, t, n) for t in x.tail for n in parts[-2:]) + maps


def _first_sweep(sums: Sums, m: Mapping, first: Box) -> tuple[int, int]:
    """Beats that must have come before the last compute of the first round of the outer loop may
    start, and the cycles of the array and of its feed in the rounds behind it, at least.
    """
    x, end = sums.x, sums.spec.array.cols + sums.x.kept  # from the last wave to one behind it, which `least` counts
    if m.order == "np" and m.keep_act:
        steps, reads = (n * (sums.columns - m.group) // sums.columns for n in (sums.least, sums.feed))
        return sums.acts // x.instances, max(0, steps - end, reads)
    if m.order != "np" and m.keep_weights:
        one = sums.columns * sums.least_of(first.pixels), sums.columns * sums.feed_of(first.pixels)
        return (sums.loads - sums.acts) // x.instances, max(0, sums.least - one[0] - end, sums.feed - one[1])
    return 0, 0


def _pipeline(spec: AcceleratorSpec, x: Product, m: Mapping, sums: Sums, last: int) -> float:
    """Cycles when memory sets the pace: equal steps, one for each pixel tile and group of column
    tiles, and behind the last load a step of the array and the last vector command. Where a buffer
    has one turn only, what fills it and what empties it take turns. Ranks mappings; no bound.
    """
    steps = x.instances * sums.count * sums.groups
    at = split(spec, param_need(spec, x), x.name)
    size = min(m.group * spec.array.cols, x.n) * m.tile[0] * m.tile[1] * m.tile[2] * spec.pe.element_bytes
    array, vector, memory = sums.busy / steps, sums.vector / steps, sums.memory / steps
    step = memory
    if 2 * size * (1 + bool(x.tail and x.rows_out)) > at.end - at.results:
        step = max(step, max(array, vector) + sums.stores / steps)
    if x.residual and 2 * size > at.results - at.operands:
        step = max(step, max(array, vector) + sums.residual / steps)
    tile = act_tile_bytes(spec, x, m)
    if m.order == "pn" and sums.count > 1 and 2 * tile > spec.levels.act.capacity_bytes and not m.act_chunked:
        step = max(step, array + sums.acts / steps)
    behind = array  # what the last load is for: all column tiles of a group, or one
    if m.order != "np" and not m.keep_weights:
        behind /= m.group * (len(m.chunks) if m.order == "kn" else 1)
    return steps * step + behind + last


def act_tile_bytes(spec: AcceleratorSpec, x: Product, m: Mapping) -> int:
    tall, wide = tile_shape(x, min(m.tile[1], x.p), min(m.tile[2], x.q), x.r)
    return m.tile[0] * tall * wide * x.pitch * spec.pe.element_bytes


def _last(
    spec: AcceleratorSpec, x: Product, m: Mapping, images: int, pixels: int, buffer: int
) -> tuple[int, int]:  # fmt: skip
    """Vector cycles and store beats that come after the last sum. Where a buffer may be cut at a
    bank, one row is counted: its pieces overlap.
    """
    eb, width = spec.pe.element_bytes, min(m.group * spec.array.cols, x.n)
    narrow = x.group_n % spec.array.cols or min(spec.array.cols, x.group_n)
    rows = pixels if _uncut(spec, x, buffer * width * eb) else 1
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

"""Which mappings of a Product the machine can hold, and the one with the lowest estimate."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from math import ceil

from hwsim.spec.errors import MappingError
from hwsim.spec.machine import AcceleratorSpec
from mapper.allocate import BankedRing, Buffer
from mapper.emit.areas import Split, param_need, split
from mapper.estimate import LayerBound, product_bound
from mapper.nest import Chunk, Mapping, Product, tile_shape

COMMAND_CYCLES = 2  # what a command more is worth: it must be fetched, mapped and written down
LONG_BEATS = 512  # of activations: worth starting before all of them are there


Choice = tuple[Mapping, LayerBound]


def choose(spec: AcceleratorSpec, x: Product, dataflow: str | None, before: str = "") -> Choice:
    """The mapping with the lowest score, COMMAND_CYCLES a command added; of equal ones that with
    the least traffic. The dataflow `before`, of the layer in front, is kept where another one would
    not win the cycles in which the array runs dry between the two.
    """
    if dataflow and dataflow not in spec.array.dataflows:
        raise MappingError(
            f"{x.name} at array: dataflow {dataflow!r} is not in array.dataflows {list(spec.array.dataflows)}; "
            "use one of them"
        )
    try:
        best = _best(spec, replace(x, name="", kind=""))
    except MappingError as fault:
        raise MappingError(f"{x.name}{fault}") from None
    flow = dataflow or min(best, key=lambda f: best[f][0])
    pe = spec.pe
    dry = spec.array.rows * x.kept * pe.adder_latency_cycles + spec.array.cols + pe.multiplier_latency_cycles
    if before in best and not dataflow and best[before][0][0] <= best[flow][0][0] + dry:
        flow = before
    return best[flow][1]


@lru_cache(maxsize=1024)
def _best(spec: AcceleratorSpec, x: Product) -> dict[str, tuple[tuple[float, int], Choice]]:
    """By dataflow: key and choice."""
    best: dict[str, tuple[tuple[float, int], Choice]] = {}
    for mapping in candidates(spec, x):
        for flow in spec.array.dataflows:
            m = replace(mapping, dataflow=flow)
            bound = product_bound(spec, x, m)
            key = (bound.score + COMMAND_CYCLES * bound.commands, bound.memory)
            if flow not in best or key < best[flow][0]:
                best[flow] = (key, (m, bound))
    if not best:
        raise _too_small(spec, x)
    return best


def candidates(spec: AcceleratorSpec, x: Product) -> Iterator[Mapping]:
    """Every mapping tried; `dataflow` is open."""
    areas = split(spec, param_need(spec, x), "")
    for tile in tiles(spec, x):
        for chunks, loads, act_chunked in chunkings(spec, x, tile):
            for group in groups(spec, x, tile, areas):
                yield from _orders(spec, x, tile, chunks, loads, act_chunked, group)
        yield from _k_outside(spec, x, tile, groups(spec, x, tile, areas))


def tiles(spec: AcceleratorSpec, x: Product) -> list[tuple[int, int, int]]:
    """Boxes of output pixels that are one stretch of the output, half of acc at most, evenly
    divided.
    """
    limit = spec.acc_rows // 2
    out: dict[tuple[int, int, int], None] = {}
    while limit >= 1:
        if limit >= x.p * x.q:
            box = (_even(x.batch, limit // (x.p * x.q)), x.p, x.q)
        elif limit >= x.q:
            box = (1, _even(x.p, limit // x.q), x.q)
        else:
            box = (1, 1, _even(x.q, limit))
        out[box] = None
        limit = min(limit // 2, box[0] * box[1] * box[2] - 1)
    return list(out)


def _even(whole: int, most: int) -> int:
    return ceil(whole / ceil(whole / min(whole, most)))


def weight_rows(spec: AcceleratorSpec, x: Product) -> int:
    """Weight rows that half of the weight level (and of meta) holds."""
    rows = spec.levels.weight.capacity_bytes // (spec.array.cols * spec.pe.element_bytes)
    if x.block > 1:
        rows = min(rows, spec.levels.meta.capacity_bytes // meta_row(spec, x))
    return rows // 2


def meta_row(spec: AcceleratorSpec, x: Product) -> int:
    return -(-spec.array.cols * (x.block.bit_length() - 1) // 8)


def chunkings(
    spec: AcceleratorSpec, x: Product, tile: tuple[int, int, int]
) -> Iterator[tuple[tuple[Chunk, ...], tuple[int, ...], bool]]:  # fmt: skip
    """How the reduced rank may be cut: whole, by kernel rows, finer where weights or activations do
    not fit.
    """
    rows, act = weight_rows(spec, x), spec.levels.act.capacity_bytes
    whole = act_bytes(spec, x, tile, Chunk(0, x.r, 0, 0), x.pitch)
    count = ceil(x.batch / tile[0]) * ceil(x.p / tile[1]) * ceil(x.q / tile[2])
    chunked = whole > (act if count == 1 else act // 2)
    seen = set()
    for by_rows in (False, True):
        chunks = _cut(spec, x, tile, by_rows or chunked, rows, act // 2 if chunked else None)
        if chunks is None or chunks in seen or (chunked and x.groups > 1):
            continue
        seen.add(chunks)
        yield chunks, _loads(x, chunks, rows), chunked


def act_bytes(spec: AcceleratorSpec, x: Product, tile: tuple[int, int, int], chunk: Chunk, pitch: int) -> int:
    tall, wide = tile_shape(x, min(tile[1], x.p), min(tile[2], x.q), chunk.nr)
    return tile[0] * tall * wide * pitch * spec.pe.element_bytes


def _rows(x: Product, chunk: Chunk) -> int:
    return chunk.nr * x.s * chunk.nc // x.block * x.kept


def _cut(
    spec: AcceleratorSpec, x: Product, tile: tuple[int, int, int], by_rows: bool, rows: int, act: int | None
) -> tuple[Chunk, ...] | None:  # fmt: skip
    """Chunks whose weights fit `rows` and whose activations fit `act` bytes; None where not even
    one block does.
    """
    channels, step = x.c_pad, 1 if by_rows else x.r

    def fits(chunk: Chunk) -> bool:
        return _rows(x, chunk) <= rows and (act is None or act_bytes(spec, x, tile, chunk, chunk.nc) <= act)

    while step > 1 and not fits(Chunk(0, step, 0, channels)):
        step = ceil(step / 2)
    while not fits(Chunk(0, step, 0, channels)):
        if channels == x.block:
            return None
        channels = ceil(channels // x.block / 2) * x.block
    fold = spec.array.rows * x.block
    if fold < channels < x.c_pad:
        channels -= channels % fold
    cuts = range(0, x.c_pad, channels)
    return tuple(Chunk(r, min(step, x.r - r), c, min(channels, x.c_pad - c)) for r in range(0, x.r, step) for c in cuts)


def _loads(x: Product, chunks: tuple[Chunk, ...], rows: int) -> tuple[int, ...]:
    """As many chunks a load as fit."""
    out, left = [0], rows
    for chunk in chunks:
        need = _rows(x, chunk)
        if need > left:
            out.append(0)
            left = rows
        out[-1] += 1
        left -= need
    return tuple(n for n in out if n)


def groups(spec: AcceleratorSpec, x: Product, tile: tuple[int, int, int], areas: Split) -> list[int]:
    """Numbers of column tiles whose results may gather in vec before they are stored."""
    pixels, eb, bank = tile[0] * tile[1] * tile[2], spec.pe.element_bytes, spec.levels.vec.bank_bytes
    count, cols = x.n_tiles(spec.array.cols), spec.array.cols
    results, operands = BankedRing(areas.results, areas.end, bank), BankedRing(areas.operands, areas.results, bank)

    def fits(n: int, times: int) -> bool:
        width = min(n * cols, x.n)
        side = operands.holds(*[(pixels, width * eb)] * times) if x.residual else True
        return side and results.holds(*result_buffers(spec, x, pixels, width, n) * times)

    if x.tail:
        return [count] if fits(count, 1) else []
    sizes = {1, count}
    for times in (1, 2):
        n = count
        while n > 1 and not fits(n, times):
            n = ceil(n / 2)
        sizes.add(n)
    return sorted(n for n in sizes if fits(n, 1))


def result_buffers(spec: AcceleratorSpec, x: Product, pixels: int, width: int, columns: int) -> list[Buffer]:
    """Buffers of results that stand at once while a group of so many column tiles is made: dense
    rows, what a row step makes of them, and transposed column tiles.
    """
    eb, cols = spec.pe.element_bytes, min(spec.array.cols, x.group_n)
    dense = [(pixels, width * eb)] * (bool(x.rows_out or x.tail) + bool(x.rows_out and x.tail))
    return dense + [(1, cols * (pixels | 1) * eb)] * ((columns if dense else 1) if x.cols_out else 0)


def _orders(
    spec: AcceleratorSpec, x: Product, tile: tuple[int, int, int], chunks: tuple[Chunk, ...], loads: tuple[int, ...],
    act_chunked: bool, group: int,
) -> Iterator[Mapping]:  # fmt: skip
    count = ceil(x.batch / tile[0]) * ceil(x.p / tile[1]) * ceil(x.q / tile[2])
    columns = x.n_tiles(spec.array.cols)
    base = Mapping(dataflow="", order="pn", tile=tile, group=group, chunks=chunks, loads=loads, act_chunked=act_chunked)
    yield replace(base, keep_weights=count > 1 and _keeps(spec, x, base, columns))
    if count > 1 and columns > group and _keeps(spec, x, base, group):
        act = count * act_bytes(spec, x, tile, Chunk(0, x.r, 0, 0), x.pitch)
        yield replace(
            base, order="np", keep_weights=True, keep_act=not act_chunked and act <= spec.levels.act.capacity_bytes
        )


def _k_outside(
    spec: AcceleratorSpec, x: Product, tile: tuple[int, int, int], sizes: list[int]
) -> Iterator[Mapping]:  # fmt: skip
    """Channels in slices, outside the column tiles of a group: the array starts with the first slice,
    and each slice of activations comes once a group. Only where a tile of activations is long.
    """
    pixels, half = tile[0] * tile[1] * tile[2], spec.levels.act.capacity_bytes // 2
    long = act_bytes(spec, x, tile, Chunk(0, x.r, 0, 0), x.pitch) > LONG_BEATS * spec.memory.beat_bytes
    if x.groups > 1 or x.instances > 1 or not long:
        return
    fold = spec.array.rows * x.block
    unit = fold if x.r * x.s == 1 and x.c_pad >= 2 * fold else x.block
    count = ceil(x.batch / tile[0]) * ceil(x.p / tile[1]) * ceil(x.q / tile[2])
    for nc in {ceil(x.c_pad / parts / unit) * unit: 0 for parts in (2, 3, 4, 6, 8, 12, 16, 24, 32)}:
        chunks = tuple(Chunk(0, x.r, c, min(nc, x.c_pad - c)) for c in range(0, x.c_pad, nc))
        fit = _rows(x, chunks[0]) <= weight_rows(spec, x) and act_bytes(spec, x, tile, chunks[0], nc) <= half
        for group in sizes if fit and len(chunks) > 1 else []:
            if group > 1 and group * pixels <= spec.acc_rows:
                m = Mapping(
                    dataflow="",
                    order="kn",
                    tile=tile,
                    group=group,
                    chunks=chunks,
                    loads=(1,) * len(chunks),
                    act_chunked=True,
                )
                m = replace(m, keep_weights=count > 1 and _keeps(spec, x, m, x.n_tiles(spec.array.cols)))
                yield m
                if x.tail and tile[0] == tile[1] == 1 < tile[2]:
                    yield replace(m, parts=2)


def kept_bytes(spec: AcceleratorSpec, x: Product, m: Mapping, columns: int) -> tuple[int, int]:
    """Bytes of weight and of meta that the weights of so many column tiles take."""
    weight = meta = first = 0
    for count in m.loads:
        rows = sum(_rows(x, c) for c in m.chunks[first : first + count])
        weight += rows * spec.array.cols * spec.pe.element_bytes
        meta += rows * meta_row(spec, x)
        first += count
    return columns * weight, columns * meta


def _keeps(spec: AcceleratorSpec, x: Product, m: Mapping, columns: int) -> bool:
    weight, meta = kept_bytes(spec, x, m, columns)
    return weight <= spec.levels.weight.capacity_bytes and meta <= spec.levels.meta.capacity_bytes


def _too_small(spec: AcceleratorSpec, x: Product) -> MappingError:
    """Says which level cannot hold even the smallest tile."""
    tile, eb = (1, 1, 1), spec.pe.element_bytes
    rows = weight_rows(spec, x)
    block_rows = x.s * x.kept
    if rows < block_rows:
        need, have = 2 * 8 * block_rows * spec.array.cols * eb, spec.levels.weight.capacity_bits
        return MappingError(
            f" at weight: needs {need} bits, {have} there are; lower kept:block or raise levels.weight.capacity_bits (and levels.meta)"
        )
    chunk = Chunk(0, 1, 0, x.block)
    act = act_bytes(spec, x, tile, chunk if x.groups == 1 else Chunk(0, x.r, 0, 0), x.block if x.groups == 1 else x.c)
    if 2 * act > spec.levels.act.capacity_bytes:
        return MappingError(
            f" at act: needs {16 * act} bits, {spec.levels.act.capacity_bits} there are; raise levels.act.capacity_bits"
        )
    width = x.n if x.tail else min(x.n, spec.array.cols)
    need = width * eb * 8 * (2 if x.tail and x.rows_out else 1)
    bank = spec.levels.vec.bank_bytes * 8
    return MappingError(
        f" at vec: needs {need} bits a row of results in one bank, {bank} there are; "
        "raise levels.vec.capacity_bits or lower levels.vec.banks"
    )

"""What is mapped and how: `Product` (one or many equal matrix products, convolutions included) and
`Mapping` (its loop nest bound to levels).

A Product's reduced rank is walked r, s, c (c innermost); blocks of the pattern lie along c. Its
output is `[batch*p*q, n]`, dense.
"""

from dataclasses import dataclass, replace
from math import ceil


@dataclass(frozen=True)
class Place:
    """Bytes: where instance i of a Product reads or writes, and the distance of its rows. `base[i]`
    is a memory address.
    """

    base: tuple[int, ...]
    pitch: int


@dataclass(frozen=True)
class Tail:
    """A row step behind a product: its function, how many of bias and scale it has, whether it
    reads a mask.
    """

    fn: str
    params: int
    mask: bool


@dataclass(frozen=True, kw_only=True)
class Product:
    """Ranks in elements; pairs are (rows, columns), `pad` is top and left. Groups split n and c.
    `view_*`: bytes between columns, rows and images of the input in memory. `dynamic`: the weights
    are a tensor in memory, rows of n. `rows_out`, `cols_out`: the output is stored dense,
    transposed (`[batch, n, p*q]`), or both. `tail`: row steps behind, over whole rows of n; the
    last one's result is stored. `out_row`: elements of a whole row of the output tensor, 0: n.
    `table_bytes`: parameters of a column tile beyond bias and scale; `fixed_bytes`: of the row
    steps. `masked`: the map adds the mask of the softmax behind.
    """

    name: str
    kind: str
    batch: int
    p: int
    q: int
    height: int
    width: int
    c: int
    n: int
    r: int = 1
    s: int = 1
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    kept: int = 1
    block: int = 1
    element_bytes: int = 1
    view_col: int = 0
    view_row: int = 0
    view_image: int = 0
    instances: int = 1
    dynamic: bool = False
    residual: bool = False
    rows_out: bool = True
    cols_out: bool = False
    params: int = 2
    table_bytes: int = 0
    fixed_bytes: int = 0
    tail: tuple[Tail, ...] = ()
    masked: bool = False
    out_row: int = 0

    @property
    def pixels(self) -> int:
        return self.batch * self.p * self.q

    @property
    def group_c(self) -> int:
        return self.c // self.groups

    @property
    def group_n(self) -> int:
        return self.n // self.groups

    @property
    def c_pad(self) -> int:
        """Channels of one group on chip: whole blocks."""
        return ceil(self.group_c / self.block) * self.block

    @property
    def pitch(self) -> int:
        """Elements between neighbouring pixels of a whole tile on chip."""
        return self.c_pad if self.groups == 1 else self.c

    @property
    def k_blocks(self) -> int:
        return self.r * self.s * self.c_pad // self.block

    def n_tiles(self, cols: int) -> int:
        return self.groups * ceil(self.group_n / cols)


@dataclass(frozen=True)
class Chunk:
    """A part of the reduced rank that one compute command walks: rows r0.. of the kernel, channels
    c0.. of a group (whole blocks).
    """

    r0: int
    nr: int
    c0: int
    nc: int


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """One layer's nest. `tile`: images, rows, columns of output pixels. `chunks`: one compute command
    each; `loads`: how many chunks one load of weights brings. `act_chunked`: activations come chunk
    by chunk. `keep_act`, `keep_weights`: loaded once and kept for the whole layer.

    `order`, outside in: "pn" pixel tiles, groups of n-tiles, n-tiles, loads, chunks; "np" groups
    before pixel tiles; "kn" pixel tiles, groups, chunks, n-tiles: the sums of a group stand in acc
    together, and activations and weights come chunk by chunk. `parts` > 1, only with "kn": the last
    chunk is walked by parts of the tile's rows, so that row steps of one part run beside computes of
    the next.
    """

    dataflow: str
    order: str
    tile: tuple[int, int, int]
    group: int
    chunks: tuple[Chunk, ...]
    loads: tuple[int, ...]
    act_chunked: bool = False
    keep_act: bool = False
    keep_weights: bool = False
    parts: int = 1

    def text(self, x: Product) -> str:
        """Indented loops, outermost first, with the level that each loop's tile stands in."""
        nb, np_, nq = self.tile
        pixel = f"for pixels in {ceil(x.batch / nb)}x{ceil(x.p / np_)}x{ceil(x.q / nq)} tiles of {nb}x{np_}x{nq}"
        pixel += "" if self.act_chunked else ": act" + (" (kept)" if self.keep_act else "")
        columns = f"for n in groups of {self.group} tiles: vec"
        loops = [columns, pixel] if self.order == "np" else [pixel, columns]
        load = f"for load in {len(self.loads)}: weight, meta" + (" (kept)" if self.keep_weights else "")
        chunk = f"for chunk in {len(self.chunks)} of k" + (": act" if self.act_chunked else "")
        tile = "for n-tile in group: acc"
        chunk += f", the last in {self.parts} parts of its pixels" if self.parts > 1 else ""
        loops += [chunk, tile, load] if self.order == "kn" else [tile, load, chunk]
        lines = [f"{x.name}: {x.kind} {x.pixels}x{x.k_blocks * x.block}x{x.n} {x.kept}:{x.block} {self.dataflow}"]
        lines += ["  " * (i + 1) + loop for i, loop in enumerate(loops)]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class PixelTile:
    """Output pixels [b0, b0+nb) x [p0, p0+np) x [q0, q0+nq): always one stretch of the flattened
    output; `row`: its first row.
    """

    b0: int
    nb: int
    p0: int
    np: int
    q0: int
    nq: int
    row: int

    @property
    def pixels(self) -> int:
        return self.nb * self.np * self.nq


def part_tiles(tile: PixelTile, parts: int, align: int) -> list[PixelTile]:
    """A tile within one output row as parts of it, each a multiple of `align` pixels but the last."""
    if parts == 1:
        return [tile]
    assert tile.nb == tile.np == 1
    out, low = [], 0
    for size in part_sizes(tile.nq, parts, align):
        out.append(replace(tile, q0=tile.q0 + low, nq=size, row=tile.row + low))
        low += size
    return out


def part_sizes(pixels: int, parts: int, align: int) -> list[int]:
    size = ceil(ceil(pixels / parts) / align) * align
    return [min(size, pixels - low) for low in range(0, pixels, size)]


def pixel_tiles(x: Product, tile: tuple[int, int, int]) -> list[PixelTile]:
    nb, np_, nq = tile
    out = []
    for b in range(0, x.batch, nb):
        for p in range(0, x.p, np_):
            for q in range(0, x.q, nq):
                row = (b * x.p + p) * x.q + q
                out.append(PixelTile(b, min(nb, x.batch - b), p, min(np_, x.p - p), q, min(nq, x.q - q), row))
    return out


@dataclass(frozen=True)
class ColumnTile:
    """Output columns [col, col + width) and the first activation channel (of the whole tensor) of
    their group.
    """

    index: int
    col: int
    width: int
    channel: int


def column_tiles(x: Product, cols: int) -> list[ColumnTile]:
    out: list[ColumnTile] = []
    for g in range(x.groups):
        for j in range(0, x.group_n, cols):
            out.append(ColumnTile(len(out), g * x.group_n + j, min(cols, x.group_n - j), g * x.group_c))
    return out


def extent(n: int, stride: int, k: int, dilation: int) -> int:
    """Input rows (or columns) that n outputs of a kernel of k taps read."""
    return (n - 1) * stride + (k - 1) * dilation + 1


def segments(x: Product, chunk: Chunk, pitch: int) -> tuple[int, int, int]:
    """(run in elements, count_s, count_r) of a chunk's walk over a tile of `pitch` elements a
    pixel; s and c are one run where contiguous.
    """
    if x.s == 1 or (x.dilation[1] == 1 and pitch == chunk.nc):
        return x.s * chunk.nc, 1, chunk.nr
    return chunk.nc, x.s, chunk.nr


def tile_shape(x: Product, rows: int, columns: int, taps: int) -> tuple[int, int]:
    """Rows and columns of input, padding included, behind a tile of outputs; `taps`: rows of the
    kernel.
    """
    return extent(rows, x.stride[0], taps, x.dilation[0]), extent(columns, x.stride[1], x.s, x.dilation[1])

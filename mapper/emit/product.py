"""Emits one Product under its Mapping: loads, computes, vector epilogue, stores."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from mapper.allocate import Piece, Ring
from mapper.emit.areas import Areas, cut, overlaps
from mapper.emit.border import fill_border
from mapper.emit.port import Port
from mapper.emit.rows import RowStep, copy_rows, emit_row_step, mask_row
from mapper.graph.windows import places, stretches
from mapper.nest import (
    Chunk,
    ColumnTile,
    Mapping,
    PixelTile,
    Place,
    Product,
    column_tiles,
    part_tiles,
    pixel_tiles,
    segments,
    tile_shape,
)  # fmt: skip
from mapper.tile import act_bytes, kept_bytes, result_buffers


@dataclass(frozen=True, kw_only=True)
class Epilogue:
    """The `map` behind a product. Parameter blocks: `param_at + tile*param_bytes` in memory, those
    of narrow tiles not full.
    """

    act: str = "none"
    has_bias: bool = False
    has_scale: bool = False
    shift: int = 0
    imm: int = 0
    param_at: int = 0
    param_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where a Product reads and writes in memory. `weight`: payload (static: n-tiles one after
    another; dynamic: rows of n). `out`: dense rows, `out_t`: `[batch, n, seq]`; `tail_out`: what
    the last row step gives.
    """

    act: Place
    weight: Place
    meta: int = 0
    residual: Place | None = None
    out: Place | None = None
    out_t: Place | None = None
    tail_out: Place | None = None


@dataclass
class Slots:
    """What stands in a level now. `keep`: everything that was loaded; else only the newest."""

    ring: Ring
    keep: bool
    at: dict[tuple[int, ...], tuple[int, int]] = field(default_factory=dict)

    def find(self, key: tuple[int, ...], size: int) -> tuple[int, bool]:
        """(address, whether it must be loaded)."""
        if key in self.at:
            address, passed = self.at[key]
            assert self.ring.stands(passed), "a kept tile was overwritten"
            return address, False
        if not self.keep:
            self.at.clear()
        address = self.ring.take(size)
        self.at[key] = address, self.ring.passed - size
        return address, True


class ProductEmitter:
    def __init__(
        self, port: Port, rings: dict[str, Ring], areas: Areas, x: Product, mapping: Mapping, ports: Ports,
        epilogue: Epilogue, tail: tuple[RowStep, ...],
    ) -> None:  # fmt: skip
        self.port, self.spec, self.rings, self.areas = port, port.spec, rings, areas
        self.x, self.m, self.ports, self.epi, self.tail = x, mapping, ports, epilogue, tail
        self.eb, self.cols = self.spec.pe.element_bytes, self.spec.array.cols
        self.act = Slots(rings["act"], mapping.keep_act)
        self.weight = Slots(rings["weight"], mapping.keep_weights)
        self.meta = Slots(rings["meta"], mapping.keep_weights)
        self.tiles = column_tiles(x, self.cols)
        self.rows = [x.s * c.nr * c.nc // x.block * x.kept for c in mapping.chunks]
        self.row_at = [sum(self.rows[:i]) for i in range(len(self.rows) + 1)]
        self.params: dict[int, int] = {}
        self.pixels = pixel_tiles(x, mapping.tile)

    def emit(self) -> None:
        groups = [self.tiles[i : i + self.m.group] for i in range(0, len(self.tiles), self.m.group)]
        for instance in range(self.x.instances):
            if instance:
                for slots in (self.act, self.weight, self.meta):
                    slots.at.clear()
            if self.m.order != "np":
                nest = [(p, g) for p in range(len(self.pixels)) for g in groups]
            else:
                nest = [(p, g) for g in groups for p in range(len(self.pixels))]
            self._make_room(groups)
            for p, group in nest:
                if self.m.order == "np" and p == 0:
                    self._make_room([group])
                self._group(instance, p, group)

    def _make_room(self, groups: list[list[ColumnTile]]) -> None:
        """What is kept must not come round the end of its level. Of weights, order "np" keeps one
        group.
        """
        if self.m.keep_weights and (self.m.order != "np" or len(groups) == 1):
            weight, meta = kept_bytes(self.spec, self.x, self.m, sum(map(len, groups)))
            self.weight.ring.room(weight)
            self.meta.ring.room(meta)
        if self.m.keep_act and not self.act.at:
            self.act.ring.room(
                len(self.pixels) * act_bytes(self.spec, self.x, self.m.tile, Chunk(0, self.x.r, 0, 0), self.x.pitch)
            )

    def _group(self, instance: int, p: int, group: list[ColumnTile]) -> None:
        pt, col, width = self.pixels[p], group[0].col, sum(t.width for t in group)
        row_bytes = width * self.eb
        residual = self._residual(instance, pt, col, width) if self.ports.residual else None
        if out_and_more := result_buffers(self.spec, self.x, pt.pixels, width, len(group)):
            self.areas.results.room(*out_and_more)
        out = self.areas.results.take(pt.pixels, row_bytes) if self.ports.out or self.tail else None
        sums = self._sums(instance, p, pt, group)
        for part in part_tiles(pt, self.m.parts, self.spec.pe.adder_latency_cycles):
            low = part.row - pt.row
            mine = cut(out, low, part.pixels, row_bytes) if out else None
            side = cut(residual, low, part.pixels, row_bytes) if residual else None
            for tile, acc in islice(sums, len(group)):
                if mine:
                    self._map(instance, tile, acc + low, mine, (tile.col - col) * self.eb, row_bytes, side)
                if self.ports.out_t:
                    self._transposed(instance, pt, tile, acc)
            self._finish(instance, part, col, mine, row_bytes)

    def _finish(self, instance: int, pt: PixelTile, col: int, out: list[Piece] | None, row_bytes: int) -> None:
        """Stores of a group, and its row steps."""
        if out and self.ports.out:
            self._store(self.ports.out, instance, pt, col, out, row_bytes)
        for step in self.tail:
            last, in_place = step is self.tail[-1], not (self.ports.out and step is self.tail[0])
            out = emit_row_step(
                self.port, self.areas, step, instance, out or [], pt.pixels, row_bytes, in_place=in_place
            )  # fmt: skip
            if last and self.ports.tail_out:
                self._store(self.ports.tail_out, instance, pt, col, out, row_bytes)

    def _sums(
        self, instance: int, p: int, pt: PixelTile, group: list[ColumnTile]
    ) -> Iterator[tuple[ColumnTile, int]]:  # fmt: skip
        """Every column tile, with its first row in acc, once its last compute has been emitted; in
        parts of pixels, all column tiles of one part, then all of the next.
        """
        ring, last = self.rings["acc"], len(self.m.chunks) - 1
        if self.m.order == "kn":
            ring.room(len(group) * pt.pixels)
            sums = [(tile, ring.take(pt.pixels)) for tile in group]
            for i in range(last):
                for tile, acc in sums:
                    self._chunks(instance, p, pt, pt, tile, acc, i, range(i, i + 1))
            for part in part_tiles(pt, self.m.parts, self.spec.pe.adder_latency_cycles):
                for tile, acc in sums:
                    self._chunks(instance, p, pt, part, tile, acc, last, range(last, last + 1))
                    yield tile, acc
            return
        for tile in group:
            acc, first = ring.take(pt.pixels), 0
            for load, count in enumerate(self.m.loads):
                self._chunks(instance, p, pt, pt, tile, acc, load, range(first, first + count))
                first += count
            yield tile, acc

    def _chunks(
        self, instance: int, p: int, pt: PixelTile, part: PixelTile, tile: ColumnTile, acc: int, load: int, chunks: range
    ) -> None:  # fmt: skip
        """The computes of the chunks whose weights come with one load, for a part of the tile."""
        weight, meta = self._weights(instance, tile, load, chunks.start, chunks.stop)
        low = part.row - pt.row
        for i in chunks:
            act, span, pitch, tall, wide = self._activations(instance, p, pt, i)
            self._command(
                part, tile, i, acc + low, (act, span, low * self.x.stride[1]), pitch, wide, tall,
                weight, meta, chunks.start,
            )  # fmt: skip

    def _command(
        self, pt: PixelTile, tile: ColumnTile, i: int, acc: int, source: tuple[int, int, int], pitch: int, wide: int, tall: int,
        weight: int, meta: int, first: int,
    ) -> None:  # fmt: skip
        """`source`: address and bytes of the activations, and the first pixel's place in them."""
        x, chunk, pb = self.x, self.m.chunks[i], pitch * self.eb
        run, count_s, count_r = segments(x, chunk, pitch)
        act, span, shift = source
        at = act + shift * pb
        if not self.m.act_chunked:
            at += (tile.channel + chunk.c0) * self.eb + chunk.r0 * x.dilation[0] * wide * pb
        skip = self.row_at[i] - self.row_at[first]
        w, mt = weight + skip * self.cols * self.eb, meta + skip * self._meta_row()
        self.port.compute(
            (act, act + span), (w, w + self.rows[i] * self.cols * self.eb), (mt, mt + self.rows[i] * self._meta_row()),
            dataflow=int(self.m.dataflow == "os"), accumulate=int(i > 0), kept=x.kept, block_log2=x.block.bit_length() - 1,
            act=at, count_q=pt.nq, count_p=pt.np, count_b=pt.nb,
            stride_q=x.stride[1] * pb, stride_p=x.stride[0] * wide * pb, stride_b=tall * wide * pb,
            run=run, count_s=count_s, count_r=count_r, stride_s=x.dilation[1] * pb, stride_r=x.dilation[0] * wide * pb,
            weight=w, meta=mt, acc=acc,
        )  # fmt: skip

    def _meta_row(self) -> int:
        return -(-self.cols * (self.x.block.bit_length() - 1) // 8)

    def _weights(self, instance: int, tile: ColumnTile, load: int, first: int, last: int) -> tuple[int, int]:
        rows = self.row_at[last] - self.row_at[first]
        size = rows * self.cols * self.eb
        key = (instance, tile.index, load)
        weight, fresh = self.weight.find(key, size)
        if fresh:
            self._load_weights(instance, tile, weight, self.row_at[first], rows)
        meta_row = self._meta_row()
        if not meta_row:
            return weight, 0
        meta, fresh = self.meta.find(key, rows * meta_row)
        if fresh:
            at = self.ports.meta + (tile.index * self.row_at[-1] + self.row_at[first]) * meta_row
            self.port.load("meta", meta, at, rows * meta_row)
        return weight, meta

    def _load_weights(self, instance: int, tile: ColumnTile, weight: int, first: int, rows: int) -> None:
        row = self.cols * self.eb
        place = self.ports.weight
        if not self.x.dynamic:
            self.port.load("weight", weight, place.base[0] + (tile.index * self.row_at[-1] + first) * row, rows * row)
            return
        at = place.base[instance] + first * place.pitch + tile.col * self.eb
        self.port.load("weight", weight, at, tile.width * self.eb, (rows, place.pitch, row))
        if tile.width < self.cols:
            self.port.fill("weight", weight + tile.width * self.eb, (self.cols - tile.width) * self.eb, (rows, row))

    def _activations(self, instance: int, p: int, pt: PixelTile, i: int) -> tuple[int, int, int, int, int]:
        """(address, bytes, elements a pixel, rows, columns) of the tile that chunk i reads; loads
        it when it is not there.
        """
        x = self.x
        if self.m.act_chunked:
            chunk, pitch, key = self.m.chunks[i], self.m.chunks[i].nc, (instance, p, i)
        else:
            chunk, pitch, key = Chunk(0, x.r, 0, x.c_pad if x.groups == 1 else x.c), x.pitch, (instance, p, 0)
        tall, wide = tile_shape(x, pt.np, pt.nq, chunk.nr)
        size = pt.nb * tall * wide * pitch * self.eb
        act, fresh = self.act.find(key, size)
        if fresh:
            self._load_act(instance, pt, chunk, act, pitch * self.eb, tall, wide)
        return act, size, pitch, tall, wide

    def _load_act(self, instance: int, pt: PixelTile, chunk: Chunk, act: int, pb: int, tall: int, wide: int) -> None:
        x = self.x
        h0 = pt.p0 * x.stride[0] - x.pad[0] + chunk.r0 * x.dilation[0]
        w0 = pt.q0 * x.stride[1] - x.pad[1]
        top, left = max(0, -h0), max(0, -w0)
        vh, vw = min(h0 + tall, x.height) - max(h0, 0), min(w0 + wide, x.width) - max(w0, 0)
        real = (min(x.c if x.groups > 1 else x.group_c, chunk.c0 + chunk.nc) - chunk.c0) * self.eb
        image = tall * wide * pb
        if vh > 0 and vw > 0:
            mem = self.ports.act.base[instance] + pt.b0 * x.view_image + chunk.c0 * self.eb
            rows = places(h0, pt.np, x.stride[0], chunk.nr, x.dilation[0], x.height)
            columns = places(w0, pt.nq, x.stride[1], x.s, x.dilation[1], x.width)
            for h, high, tiers, down in stretches(rows):
                for w, long, times, along in stretches(columns):
                    self.port.load(
                        "act", act + ((h - h0) * wide + w - w0) * pb, mem + h * x.view_row + w * x.view_col, real,
                        (long, x.view_col, pb), (times, along * x.view_col, along * pb),
                        (high, x.view_row, wide * pb), (tiers, down * x.view_row, down * wide * pb), (pt.nb, x.view_image, image),
                    )  # fmt: skip
        fill_border(self.port, "act", act, (pt.nb, tall, wide), pb, (top, left, max(vh, 0), max(vw, 0)))
        if pb > real:
            self.port.fill("act", act + real, pb - real, (wide, pb), (pt.nb * tall, wide * pb))

    def _param_size(self, tile: ColumnTile) -> int:
        return self.x.params * 4 * tile.width + self.x.table_bytes

    def _param(self, tile: ColumnTile) -> int:
        """Address of the parameter block of a tile; blocks come all at once where they fit, else
        one by one.
        """
        if tile.index in self.params:
            return self.params[tile.index]
        size = self.epi.param_bytes
        everything = size * len(self.tiles)
        if self.areas.fits(everything):
            at = self.areas.keep(everything)
            self.params = {t.index: at + t.index * size for t in self.tiles}
            if all(t.width == self.tiles[0].width for t in self.tiles[:-1]):
                self.port.load("vec", at, self.epi.param_at, everything - size + self._param_size(self.tiles[-1]))
            else:
                for t in self.tiles:
                    self.port.load("vec", at + t.index * size, self.epi.param_at + t.index * size, self._param_size(t))
        else:
            at = self.areas.turn("tile", size)
            self.port.load("vec", at, self.epi.param_at + tile.index * size, self._param_size(tile))
            self.params = {tile.index: at}
        return self.params[tile.index]

    def _map(
        self, instance: int, tile: ColumnTile, acc: int, out: list[Piece], skip: int, row_bytes: int,
        residual: list[Piece] | None,
    ) -> None:  # fmt: skip
        args = self._map_args(tile)
        if self.x.masked:
            mask = mask_row(self.port, self.areas, self.tail[0], instance)
            args |= {"has_b": 1, "b": mask + tile.col * self.eb, "b_stride0": 0}
        buffers = [out] + ([residual] if residual else [])
        for row, rows, at in overlaps(*buffers, row_bytes=(row_bytes,) * len(buffers)):
            more = {"has_b": 1, "b": at[1] + skip, "b_stride0": row_bytes} if residual else {}
            self.port.vector(
                "map",
                rows=(rows, 1),
                length=tile.width,
                dst=at[0] + skip,
                dst_row=row_bytes,
                act=self.epi.act,
                a=acc + row,
                a_stride0=1,
                **args,
                **more,
            )

    def _map_args(self, tile: ColumnTile) -> dict[str, int]:
        args = {
            "has_bias": int(self.epi.has_bias),
            "has_scale": int(self.epi.has_scale),
            "shift": self.epi.shift,
            "imm": self.epi.imm,
        }
        if self.epi.param_bytes:
            args |= {"param": self._param(tile), "param_bytes": self._param_size(tile)}
        return args

    def _transposed(self, instance: int, pt: PixelTile, tile: ColumnTile, acc: int) -> None:
        """Columns become rows of an odd pitch, so that the lanes of one write fall into different
        columns of the level.
        """
        place = self.ports.out_t
        assert place is not None
        pitch = (pt.pixels | 1) * self.eb
        buf = self.areas.results.take(1, tile.width * pitch)[0][0]
        self.port.vector(
            "map",
            rows=(pt.pixels, 1),
            length=tile.width,
            dst=buf,
            dst_row=self.eb,
            act=self.epi.act,
            a=acc,
            a_stride0=1,
            dst_lane=pitch,
            **self._map_args(tile),
        )
        seq = self.x.p * self.x.q
        mem = (
            place.base[instance] + (pt.b0 * self.x.n + tile.col) * seq * self.eb + (pt.p0 * self.x.q + pt.q0) * self.eb
        )
        run = pt.np * pt.nq * self.eb
        self.port.store(buf, mem, run, (tile.width, seq * self.eb, pitch), (pt.nb, self.x.n * seq * self.eb, run))

    def _residual(self, instance: int, pt: PixelTile, col: int, width: int) -> list[Piece]:
        place = self.ports.residual
        assert place is not None
        pieces = self.areas.operands.take(pt.pixels, width * self.eb)
        copy_rows(self.port.load_vec, place, instance, pt.row, col * self.eb, pieces, width * self.eb)
        return pieces

    def _store(self, place: Place, instance: int, pt: PixelTile, col: int, pieces: list[Piece], row_bytes: int) -> None:
        copy_rows(self.port.store, place, instance, pt.row, col * self.eb, pieces, row_bytes)

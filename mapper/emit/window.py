"""Layers of the vector unit over windows: pools and depthwise convolutions. Padding is filled on
chip.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil

from hwsim.spec.errors import MappingError
from hwsim.spec.machine import AcceleratorSpec
from mapper.emit.areas import Areas
from mapper.emit.border import fill_border
from mapper.emit.port import Port
from mapper.graph.windows import Window, places, stretches
from mapper.nest import extent


@dataclass(frozen=True, kw_only=True)
class WindowLayer:
    """`tile`: output rows, output columns, channels of one tile, a multiple of `grain` but the last.
    `slice`: channels of one command.
    Parameter block of slice i: `param_at + i*param_bytes`, the last one of `last_bytes`.
    `averages`: elements inside a window -> (imm, shift).
    """

    name: str
    fn: str
    window: Window
    batch: int
    height: int
    width: int
    channels: int
    p: int
    q: int
    slice: int
    grain: int
    tile: tuple[int, int, int] = (0, 0, 0)
    act: str = "none"
    has_bias: bool = False
    has_scale: bool = False
    shift: int = 0
    imm: int = 0
    param_at: int = 0
    param_bytes: int = 0
    last_bytes: int = 0
    averages: dict[int, tuple[int, int]] = field(default_factory=dict)


def tile_bytes(x: WindowLayer, tile: tuple[int, int, int], eb: int) -> tuple[int, int]:
    """Of input with padding, and of output."""
    (kh, kw), (sh, sw), (dh, dw) = x.window.kernel, x.window.stride, x.window.dilation
    rows, columns, channels = tile
    return extent(rows, sh, kh, dh) * extent(columns, sw, kw, dw) * channels * eb, rows * columns * channels * eb


def choose_tile(
    spec: AcceleratorSpec, x: WindowLayer, room: tuple[int, int], overhead: int
) -> tuple[int, int, int]:  # fmt: skip
    """Of the tiles that fit in `room` (operands, results) and in one bank the one that costs least
    beyond its rows: the first load, the last store, `overhead` cycles a command, and everything
    that comes and goes where a buffer has one turn only.
    """
    eb, bank, w = spec.pe.element_bytes, spec.levels.vec.bank_bytes, spec.memory.beat_bytes
    best: tuple[float, tuple[int, int, int]] | None = None
    for tile in _tiles(x):
        source, result = tile_bytes(x, tile, eb)
        if source > min(bank, room[0]) or result > min(bank, room[1]):
            continue
        count = x.batch * ceil(x.p / tile[0]) * ceil(x.q / tile[1]) * ceil(x.channels / tile[2])
        alone = count if 2 * source > room[0] or 2 * result > room[1] else 1
        cost = alone * (source + result) / w + count * ceil(tile[2] / x.slice) * overhead
        if best is None or cost < best[0]:
            best = (cost, tile)
    if best:
        return best[1]
    source, result = tile_bytes(x, (1, 1, min(x.grain, x.channels)), eb)
    raise MappingError(
        f"{x.name} at vec: needs {8 * source} bits for one window and {8 * result} for its result, "
        f"{8 * min(bank, room[0])} and {8 * min(bank, room[1])} there are; "
        "raise levels.vec.capacity_bits or lower levels.vec.banks"
    )


def _tiles(x: WindowLayer) -> Iterator[tuple[int, int, int]]:
    """Rows, columns and channels, halved again and again."""
    for grains in _halvings(ceil(x.channels / x.grain)):
        channels = min(x.channels, grains * x.grain)
        for rows in _halvings(x.p):
            yield rows, x.q, channels
        for columns in _halvings(x.q):
            yield 1, columns, channels


def _halvings(n: int) -> Iterator[int]:
    while n > 1:
        yield n
        n = ceil(n / 2)
    yield 1


class WindowEmitter:
    def __init__(self, port: Port, areas: Areas, x: WindowLayer, source: int, dst: int) -> None:
        self.port, self.areas, self.x, self.source, self.dst = port, areas, x, source, dst
        self.eb = port.spec.pe.element_bytes
        self.params: dict[int, int] = {}

    def emit(self) -> None:
        x = self.x
        rows, columns, channels = x.tile
        for b in range(x.batch):
            for c in range(0, x.channels, channels):
                for p in range(0, x.p, rows):
                    for q in range(0, x.q, columns):
                        self._tile(
                            b, (p, min(rows, x.p - p)), (q, min(columns, x.q - q)), (c, min(channels, x.channels - c))
                        )

    def _tile(self, b: int, p: tuple[int, int], q: tuple[int, int], c: tuple[int, int]) -> None:
        x, pixel = self.x, c[1] * self.eb
        tall = extent(p[1], x.window.stride[0], x.window.kernel[0], x.window.dilation[0])
        wide = extent(q[1], x.window.stride[1], x.window.kernel[1], x.window.dilation[1])
        src = self.areas.operands.take(1, tall * wide * pixel)[0][0]
        self._load(b, p, q, c, src, tall, wide)
        out = self.areas.results.take(1, p[1] * q[1] * pixel)[0][0]
        for low in range(0, c[1], x.slice):
            self._slice(p, q, low, c, src, out, wide)
        whole = x.channels * self.eb
        mem = self.dst + ((b * x.p + p[0]) * x.q + q[0]) * whole + c[0] * self.eb
        if pixel == whole and q[1] == x.q:
            self.port.store(out, mem, p[1] * q[1] * pixel)
        elif pixel == whole:
            self.port.store(out, mem, q[1] * pixel, (p[1], x.q * whole, q[1] * pixel))
        else:
            self.port.store(out, mem, pixel, (q[1], whole, pixel), (p[1], x.q * whole, q[1] * pixel))

    def _load(
        self, b: int, p: tuple[int, int], q: tuple[int, int], c: tuple[int, int], src: int, tall: int, wide: int
    ) -> None:
        x, pixel, whole = self.x, c[1] * self.eb, self.x.channels * self.eb
        h0, w0 = p[0] * x.window.stride[0] - x.window.pads[0], q[0] * x.window.stride[1] - x.window.pads[1]
        top, left = max(0, -h0), max(0, -w0)
        vh, vw = min(h0 + tall, x.height) - max(h0, 0), min(w0 + wide, x.width) - max(w0, 0)
        rows, columns = (
            places(low, count, x.window.stride[i], x.window.kernel[i], x.window.dilation[i], (x.height, x.width)[i])
            for i, (low, count) in enumerate(((h0, p[1]), (w0, q[1])))
        )
        line = x.width * whole
        for h, high, tiers, down in stretches(rows):
            for w, long, times, along in stretches(columns):
                at = src + ((h - h0) * wide + w - w0) * pixel
                mem = self.source + (b * x.height + h) * line + w * whole + c[0] * self.eb
                below = ((high, line, wide * pixel), (tiers, down * line, down * wide * pixel))
                if pixel != whole:
                    self.port.load_vec(
                        at, mem, pixel, (long, whole, pixel), (times, along * whole, along * pixel), *below
                    )
                elif long == wide == x.width:
                    self.port.load_vec(at, mem, high * long * pixel, below[1])
                else:
                    self.port.load_vec(at, mem, long * pixel, (times, along * whole, along * pixel), *below)
        fill_border(
            self.port, "vec", src, (1, tall, wide), pixel, (top, left, max(vh, 0), max(vw, 0)), lowest=x.fn == "maxpool"
        )

    def _slice(
        self, p: tuple[int, int], q: tuple[int, int], low: int, c: tuple[int, int], src: int, out: int, wide: int
    ) -> None:
        x, pixel = self.x, c[1] * self.eb
        (sh, sw), (dh, dw) = x.window.stride, x.window.dilation
        args = {"has_bias": int(x.has_bias), "has_scale": int(x.has_scale), "shift": x.shift, "imm": x.imm}
        if x.param_bytes:
            index = (c[0] + low) // x.slice
            args |= {"param": self._param(index), "param_bytes": self._param_size(index)}
        for (p0, np_), (q0, nq), inside in self._kinds(p, q):
            if x.averages:
                args["imm"], args["shift"] = x.averages[inside]
            at = (p0 - p[0]) * sh * wide * pixel + (q0 - q[0]) * sw * pixel + low * self.eb
            to = out + ((p0 - p[0]) * q[1] + q0 - q[0]) * pixel + low * self.eb
            self.port.vector(
                x.fn, rows=(nq, np_), length=min(x.slice, c[1] - low), dst=to, dst_row=pixel, dst_stride1=q[1] * pixel, act=x.act,
                from_vec=1,
                a=src + at, a_stride0=sw * pixel, a_stride1=sh * wide * pixel, window_h=x.window.kernel[0], window_w=x.window.kernel[1],
                window_stride_h=dh * wide * pixel, window_stride_w=dw * pixel, **args,
            )  # fmt: skip

    def _kinds(self, p: tuple[int, int], q: tuple[int, int]) -> Iterator[tuple[tuple[int, int], tuple[int, int], int]]:
        """Boxes of output pixels whose windows hold equally many elements; one box unless an
        average must know.
        """
        if not self.x.averages:
            yield p, q, 0
            return
        for p0, np_, rows in self._stretches(p, 0):
            for q0, nq, columns in self._stretches(q, 1):
                yield (p0, np_), (q0, nq), rows * columns

    def _stretches(self, span: tuple[int, int], rank: int) -> Iterator[tuple[int, int, int]]:
        """(first, count, taps inside the image) of neighbouring outputs with equally many."""
        w, size = self.x.window, (self.x.height, self.x.width)[rank]

        def taps(i: int) -> int:
            low = i * w.stride[rank] - w.pads[rank]
            return sum(0 <= low + t * w.dilation[rank] < size for t in range(w.kernel[rank]))

        for inside, items in groupby(range(span[0], span[0] + span[1]), key=taps):
            these = list(items)
            yield these[0], len(these), inside

    def _param_size(self, index: int) -> int:
        return self.x.last_bytes if (index + 1) * self.x.slice >= self.x.channels else self.x.param_bytes

    def _param(self, index: int) -> int:
        x = self.x
        if index not in self.params:
            count = ceil(x.channels / x.slice)
            if self.areas.fits(count * x.param_bytes):
                at = self.areas.keep(count * x.param_bytes)
                self.port.load("vec", at, x.param_at, (count - 1) * x.param_bytes + x.last_bytes)
                self.params = {i: at + i * x.param_bytes for i in range(count)}
            else:
                at = self.areas.turn("slice", x.param_bytes)
                self.port.load("vec", at, x.param_at + index * x.param_bytes, self._param_size(index))
                self.params = {index: at}
        return self.params[index]

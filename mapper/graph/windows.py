"""Windows of convolutions and pools: kernel, stride, padding, dilation, and how many pixels come out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Layer


def _whole(layer: Layer, name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise GraphError(
            f"{layer.name}: {name} is {value!r}; give whole numbers of {least} or more"
        )
    return int(value)


def numbers(
    layer: Layer, name: str, default: Any, counts: tuple[int, ...], least: int
) -> tuple[int, ...]:
    """The attribute as a tuple; one number stands for all."""
    value = layer.attrs.get(name, default)
    if value is None:
        raise GraphError(f"{layer.name}: {layer.kind} has no {name}; give it")
    items = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    if len(items) not in counts:
        wanted = " or ".join(str(c) for c in counts)
        raise GraphError(
            f"{layer.name}: {name} has {len(items)} numbers, {list(items)}; give {wanted}"
        )
    return tuple(_whole(layer, name, item, least) for item in items)


@dataclass(frozen=True)
class Window:
    """(height, width) each; `pads`: (top, left, bottom, right)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]
    dilation: tuple[int, int]

    @classmethod
    def of(cls, layer: Layer) -> "Window":
        """`stride`, `dilation`, `kernel`: one number or (height, width); `padding`: one, two, or all four sides."""

        def pair(name: str, default: int | None, least: int) -> tuple[int, int]:
            got = numbers(layer, name, default, (1, 2), least)
            return (got[0], got[-1])

        weight = layer.params.get("weight")
        kernel = pair("kernel", None, 1) if weight is None else (weight.shape[2], weight.shape[3])
        pads = numbers(layer, "padding", 0, (1, 2, 4), 0)
        t, left, b, r = pads if len(pads) == 4 else (pads[0], pads[-1]) * 2
        return cls(kernel, pair("stride", 1, 1), (t, left, b, r), pair("dilation", 1, 1))

    def extents(self, height: int, width: int) -> tuple[int, int]:
        """Pixels that come out, (p, q); below 1 where the window does not fit."""
        t, left, b, r = self.pads
        (dh, dw), (kh, kw), (sh, sw) = self.dilation, self.kernel, self.stride
        return (height + t + b - dh * (kh - 1) - 1) // sh + 1, (
            width + left + r - dw * (kw - 1) - 1
        ) // sw + 1

    def taken(self, height: int, width: int) -> tuple[int, int]:
        """Input rows and columns that some window reads."""
        sizes, counts = (height, width), self.extents(height, width)
        rows, columns = (
            len(places(-self.pads[i], counts[i], self.stride[i], self.kernel[i], self.dilation[i], sizes[i]))
            for i in (0, 1)
        )
        return rows, columns

    def view(self, x: Array, fill: float) -> Array:
        """[B, height, width, C] -> [B, P, Q, R, S, C], a view of a copy padded with `fill`."""
        t, left, b, r = self.pads
        if any(self.pads):
            x = np.pad(x, ((0, 0), (t, b), (left, r), (0, 0)), constant_values=fill)
        p, q = Window(self.kernel, self.stride, (0, 0, 0, 0), self.dilation).extents(
            x.shape[1], x.shape[2]
        )
        s0, s1, s2, s3 = x.strides
        (dh, dw), (kh, kw), (sh, sw) = self.dilation, self.kernel, self.stride
        shape = (x.shape[0], p, q, kh, kw, x.shape[3])
        strides = (s0, s1 * sh, s2 * sw, s1 * dh, s2 * dw, s3)
        return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)

    def counts(self, height: int, width: int) -> Array:
        """[P, Q] int64: elements of each window that lie inside the image."""
        inside: Array = self.view(np.ones((1, height, width, 1), np.int64), 0).sum(axis=(3, 4))
        return inside[0, :, :, 0]


def places(low: int, count: int, stride: int, taps: int, dilation: int, size: int) -> list[int]:
    """Places 0..size-1 that `count` windows of `taps` read along one rank, the first window from `low` on."""
    if stride <= taps and dilation == 1:
        return list(range(max(low, 0), min(low + (count - 1) * stride + taps, size)))
    reads = {low + i * stride + t * dilation for i in range(count) for t in range(taps)}
    return sorted(i for i in reads if 0 <= i < size)


def stretches(at: list[int]) -> list[tuple[int, int, int, int]]:
    """Ascending places as (first, length, times, step): `times` equal stretches of neighbours, `step` apart."""
    runs: list[tuple[int, int]] = []
    for i in at:
        if runs and sum(runs[-1]) == i:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((i, 1))
    out: list[tuple[int, int, int, int]] = []
    for first, length in runs:
        start, same, times, step = out[-1] if out else (0, 0, 0, 0)
        gap = first - (start + (times - 1) * step)
        if same == length and (times == 1 or gap == step):
            out[-1] = (start, same, times + 1, gap)
        else:
            out.append((first, length, 1, 0))
    return out

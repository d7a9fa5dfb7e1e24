"""One vector command, hand-assembled, and its result by hwsim/spec/numerics: rows drawn at random, laid into acc and vec."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec import numerics as nx
from hwsim.spec.commands import ACT, FN
from hwsim.spec.machine import AcceleratorSpec
from hwsim.values.layout import Values
from hwsim.values.state import new_values
from tests.harness.values import DTYPE, draw_numbers, run_one

Array = np.ndarray[Any, Any]
WILD = np.array([np.inf, -np.inf, np.nan, -0.0, 65504, 2.0**-24], np.float16)
A_AT, B_AT, PARAM_AT, DST_AT = 64, 40960, 81920, 131072  # bytes of level vec
GAP = 8  # bytes between rows


@dataclass
class Vector:
    """`fields` as in the command set, addresses left out; rows are count1 x count0, `imm` is bits."""

    spec: AcceleratorSpec
    fn: str
    act: str
    rng: np.random.Generator
    fields: dict[str, int]
    from_vec: bool
    lane: int = 1  # elements between elements of the result

    def __post_init__(self) -> None:
        self.values: Values = new_values(self.spec, 16)
        self.number = self.spec.pe.number
        self.dtype, self.element = DTYPE[self.number], DTYPE[self.number].itemsize
        get = self.fields.get
        self.n1, self.n0, self.length = get("count1", 1), get("count0", 1), self.fields["len"]
        self.h, self.w = get("window_h", 1), get("window_w", 1)
        self.values.vec[:] = self.rng.integers(0, 256, self.values.vec.size)
        self.source, self.b = self._lay_a(), self._lay_b()
        self.bias, self.scale, self.weight, self.table = self._lay_parameters()
        pitch = self.length * self.element * self.lane + GAP
        given = {"dst": DST_AT, "dst_stride0": pitch, "dst_stride1": pitch * self.n0, "dst_lane": self.element * self.lane}
        self.fields |= given | {"fn": FN.index(self.fn), "act": ACT.index(self.act), "from_vec": int(self.from_vec), "param": PARAM_AT}

    def _place(self, rows: Array, at: int, name: str) -> None:
        """Rows [n1, n0, ...] of vec, a gap behind each."""
        pitch = rows[0, 0].size * self.element + GAP
        self.fields |= {name: at, f"{name}_stride0": pitch, f"{name}_stride1": pitch * self.n0}
        for i, row in enumerate(rows.reshape(self.n1 * self.n0, -1)):
            self.values.vec[at + i * pitch : at + i * pitch + row.nbytes] = row.view(np.uint8)

    def _draw(self, shape: Any) -> Array:
        """In every third case some fp16 numbers are infinite, NaN, or extreme."""
        out = draw_numbers(self.rng, shape, self.number)
        if self.number == "fp16" and self.rng.random() < 0.3:
            out = np.where(self.rng.random(shape) < 0.05, self.rng.choice(WILD, shape), out)
        return out

    def _lay_a(self) -> Array:
        """[window, rows, len] from vec, [rows, len] of sums from acc."""
        if self.from_vec:
            a = self._draw((self.n1, self.n0, self.h, self.w, self.length))
            self._place(a, A_AT, "a")
            self.fields |= {"window_stride_h": self.w * self.length * self.element, "window_stride_w": self.length * self.element}
            windows = a.reshape(self.n1 * self.n0, self.h * self.w, self.length).swapaxes(0, 1)
            return windows if self.h * self.w > 1 or self.fn in ("maxpool", "avgpool", "depthwise") else windows[0]
        cols = self.spec.array.cols
        rows = 3 + 2 * self.n1 * self.n0
        sums = self.rng.integers(-(2**31), 2**31, (rows, cols)) >> self.rng.integers(0, 32, (rows, cols))
        if self.number == "fp16":
            self.values.sums[: rows * cols] = (sums * 2.0**-16).astype(np.float32).reshape(-1)
        else:
            self.values.acc[: rows * cols] = sums.reshape(-1)
        self.fields |= {"a": 3, "a_stride0": 2, "a_stride1": 2 * self.n0}
        level = self.values.sums if self.number == "fp16" else self.values.acc
        return level[: rows * cols].reshape(rows, cols)[3::2, : self.length].copy()

    def _lay_b(self) -> Array | None:
        if not self.fields.get("has_b"):
            return None
        b = self._draw((self.n1, self.n0, self.length))
        self._place(b, B_AT, "b")
        return b.reshape(-1, self.length)

    def _lay_parameters(self) -> tuple[Array | None, Array | None, Array | None, Array | None]:
        parts, rng, n = [], self.rng, self.length
        bias = scale = weight = table = None
        if self.fn == "depthwise":
            weight = draw_numbers(rng, (self.h * self.w, n), self.number)
            parts.append(np.frombuffer(weight.tobytes() + bytes(-weight.nbytes % 4), np.uint8))
        if self.fields.get("has_bias"):
            bias = self._draw_parameter(1 << 20)
            parts.append(bias.view(np.uint8))
        if self.fields.get("has_scale"):
            scale = self._draw_parameter(1 << 14)
            parts.append(scale.view(np.uint8))
        if self.number == "int8" and self.fn == "softmax":
            table = np.sort(rng.integers(0, 1 << 20, 256))[::-1].astype(np.int32)
        elif self.number == "int8" and self.act in ("gelu", "silu"):
            table = rng.integers(-128, 128, 256).astype(np.int8)
        parts += [] if table is None else [table.view(np.uint8)]
        block = np.concatenate([*parts, np.zeros(0, np.uint8)])
        self.values.vec[PARAM_AT : PARAM_AT + block.size] = block
        return bias, scale, weight, table

    def _draw_parameter(self, most: int) -> Array:
        if self.number == "int8":
            return self.rng.integers(-most, most, self.length).astype(np.int32)
        return self.rng.standard_normal(self.length).astype(np.float32)

    def expected(self) -> Array:
        """[rows, len] by the definitions."""
        act, imm, shift = ACT.index(self.act), self.fields.get("imm", 0), self.fields.get("shift", 0)
        lanes, x = self.spec.vector.lanes, self.source
        if self.number == "int8":
            signed = imm - (1 << 32) * (imm >> 31)
            if self.fn == "depthwise":
                x = nx.depthwise_sum_int8(x, self.weight)
            return {
                "softmax": lambda: nx.softmax_int8(x, self.table, self.b),
                "layernorm": lambda: nx.layernorm_int8(x, self.scale, self.bias, imm, shift),
                "maxpool": lambda: nx.maxpool_int8(x, act),
                "avgpool": lambda: nx.avgpool_int8(x, signed, shift),
            }.get(self.fn, lambda: nx.map_int8(x, self.bias, self.scale, self.b, signed, shift, act, self.table))()
        real = np.uint32(imm).view(np.float32)
        if self.fn == "depthwise":
            x = nx.depthwise_sum_fp16(x, self.weight)
        return {
            "softmax": lambda: nx.softmax_fp16(x, self.b, lanes),
            "layernorm": lambda: nx.layernorm_fp16(x, self.scale, self.bias, real, lanes),
            "maxpool": lambda: nx.maxpool_fp16(x, act, real),
            "avgpool": lambda: nx.avgpool_fp16(x, real),
        }.get(self.fn, lambda: nx.map_fp16(x, self.bias, self.scale, self.b, act, real))()

    def result(self) -> tuple[int, Array, bool]:
        """Status, [rows, len], and whether every byte that is no result stayed as it was."""
        before = self.values.vec.copy()
        state, _ = run_one(self.values, "vector", **self.fields)
        rows = np.arange(self.n1 * self.n0)[:, None] * self.fields["dst_stride0"]
        at = DST_AT + rows + np.arange(self.length) * self.fields["dst_lane"]
        places = at[..., None] + np.arange(self.element)
        out = self.values.vec[places].view(self.dtype)[..., 0]
        after = self.values.vec.copy()
        after[places] = before[places]
        return state, out, np.array_equal(after, before)

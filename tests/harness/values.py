"""A machine's storages filled by hand, one command run on them, and the plain definitions that it is held against."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwsim.spec.commands import Command, decoded_table
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.numerics import wrap32
from hwsim.values.execute import execute
from hwsim.values.layout import Values
from hwsim.values.state import new_values

Array = np.ndarray[Any, Any]
INT8 = load_machine("tiny4").with_(
    levels__act__capacity_bits=1 << 20,
    levels__weight__capacity_bits=1 << 18,
    levels__vec__capacity_bits=1 << 21,
)
FP16 = INT8.with_(
    name="tiny4_fp16", pe__number="fp16", pe__adder_latency_cycles=2, levels__act__width_bits=128,
    levels__weight__width_bits=64, levels__vec__width_bits=64,
)  # fmt: skip
DTYPE = {"int8": np.dtype("i1"), "fp16": np.dtype("<f2")}


def run_one(values: Values, op: str, **fields: int) -> tuple[int, list[int]]:
    """Status, and MACs [effectual, gated]."""
    macs = np.zeros((1, 2), np.int64)
    table = decoded_table([Command.of(op, **fields)])
    return int(execute(table, 0, 0, values, macs)[0]), macs[0].tolist()


def pack_offsets(offsets: Array, bits: int) -> Array:
    """[rows, columns] -> bytes, each row packed from bit 0 and padded to whole bytes."""
    if bits == 0:
        return np.zeros(0, np.uint8)
    planes = (offsets[..., None] >> np.arange(bits) & 1).astype(np.uint8)
    return np.packbits(planes.reshape(len(offsets), -1), axis=1, bitorder="little").reshape(-1)


def draw_numbers(rng: np.random.Generator, shape: Any, number: str, zeros: float = 0.3) -> Array:
    """Whole range of int8; fp16 of mixed size and sign, some of them zeros of either sign, some subnormal."""
    if number == "int8":
        out = rng.integers(-128, 128, shape).astype(np.int8)
    else:
        out = (rng.standard_normal(shape) * 2.0 ** rng.integers(-20, 8, shape)).astype(np.float16)
    return np.where(rng.random(shape) < zeros, out * 0, out).astype(out.dtype)


@dataclass
class Product:
    """One compute command: an image [h, w, channels] in level act, and weights `kept`:`2**bits` with their offsets."""

    spec: AcceleratorSpec
    image: Array
    weight: Array  # [blocks, kept, cols]
    offset: Array  # [blocks, kept, cols]
    fields: dict[str, int] = field(default_factory=dict)
    values: Values = field(init=False)

    def __post_init__(self) -> None:
        self.values = new_values(self.spec, 64)
        element = self.spec.pe.element_bytes
        h, w, channels = self.image.shape
        bits = self.fields.get("block_log2", 0)
        pixel, line = channels * element, w * channels * element
        given = {
            "kept": self.weight.shape[1],
            "run": channels,
            "stride_q": pixel,
            "stride_p": line,
            "stride_s": pixel,
            "stride_r": line,
        }
        self.fields = given | self.fields
        at, w_at, m_at = (self.fields.get(n, 0) for n in ("act", "weight", "meta"))
        self.values.act[at // element :][: self.image.size] = self.image.reshape(-1)
        self.values.weight[w_at // element :][: self.weight.size] = self.weight.reshape(-1)
        packed = pack_offsets(self.offset.reshape(-1, self.spec.array.cols), bits)
        self.values.meta[m_at : m_at + packed.size] = packed

    def run(self) -> tuple[int, list[int]]:
        return run_one(self.values, "compute", **self.fields)

    def get(self, name: str) -> int:
        return Command.of("compute", **self.fields)[name]

    def rows(self) -> Array:
        """[T, cols] of level acc, as numbers of the machine."""
        t = self.get("count_q") * self.get("count_p") * self.get("count_b")
        level = self.values.acc if self.spec.pe.number == "int8" else self.values.sums
        cols = self.spec.array.cols
        return level[self.get("acc") * cols :][: t * cols].reshape(t, cols).copy()

    def taken(self) -> Array:
        """[T, K]: the activations of each pixel in the order of the walk, read straight from level act."""
        element = self.spec.pe.element_bytes
        at = np.array(self.get("act"))
        for name in "bpqrs":
            at = at[..., None] + np.arange(self.get(f"count_{name}")) * self.get(f"stride_{name}")
        pixels = at.shape[0] * at.shape[1] * at.shape[2]
        return self.values.act[at[..., None] // element + np.arange(self.get("run"))].reshape(
            pixels, -1
        )

    def expected(self, before: Array) -> tuple[Array, int]:
        """Rows by the definition of the command set, a slot at a time over all pixels and columns; and the effectual MACs."""
        a, block = self.taken(), 1 << self.get("block_log2")
        int8, macs = self.spec.pe.number == "int8", 0
        kind = np.int64 if int8 else np.float32
        total = before.astype(kind) if self.get("accumulate") else np.zeros(before.shape, kind)
        fold = self.spec.array.rows if self.get("dataflow") == 0 else len(self.weight)
        for first in range(0, len(self.weight), fold):
            chain = np.zeros(before.shape, kind)
            for b in range(first, min(first + fold, len(self.weight))):
                for n in range(self.weight.shape[1]):
                    acts = a[:, b * block + self.offset[b, n]].astype(kind)  # [T, cols]
                    weights = self.weight[b, n].astype(kind)
                    chain = chain + acts * weights
                    macs += int(np.count_nonzero((acts != 0) & (weights != 0)))
            total = total + chain
        if int8:
            return wrap32(total), macs
        return np.where(np.isnan(total), np.float32(np.nan), total), macs


def same_bits(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def draw_product(
    rng: np.random.Generator, spec: AcceleratorSpec, size: tuple[int, int, int], kernel: tuple[int, int],
    kept: int, bits: int, **fields: int,
) -> Product:  # fmt: skip
    """Weights at random: some columns have fewer than `kept`, then the last slots are fill, with offsets of their own or the last one's."""
    (h, w, channels), (r, s), cols = size, kernel, spec.array.cols
    blocks = r * s * channels >> bits
    offset = np.argsort(rng.random((blocks, 1 << bits, cols)), axis=1)[:, :kept]
    offset.sort(axis=1)
    weight = draw_numbers(rng, (blocks, kept, cols), spec.pe.number, zeros=0.1)
    few = rng.integers(0, kept + 1, (blocks, 1, cols)) * (rng.random((blocks, 1, cols)) < 0.4)
    fill = np.arange(kept)[None, :, None] >= np.where(few > 0, few, kept)
    weight[fill] = 0
    last = np.where(fill, 0, offset).max(axis=1, keepdims=True)
    offset = np.where(fill & (rng.random((blocks, 1, cols)) < 0.5), last, offset)
    fields = {
        "block_log2": bits,
        "count_q": w - s + 1,
        "count_p": h - r + 1,
        "count_s": s,
        "count_r": r,
    } | fields
    return Product(spec, draw_numbers(rng, size, spec.pe.number), weight, offset, fields)

"""Formats: how the ranks of a tensor are stored.

Each encodes to two bit streams (payload, metadata), decodes from them alone, and counts its bits.
Names after fibertrees: U uncompressed, B bitmask, CP coordinate-payload, RLE run-length, UOP offset
pairs; N:M as the machine stores it. A tensor is read as [rows, K], K its last rank. A value is
absent when all its bits are 0, so that -0.0 and NaN survive. docs/formats.md has the sizes.
Source: Sze, Chen, Yang, Emer 2020, "Efficient Processing of Deep Neural Networks", chapter 8;
Wu et al. 2022 (Sparseloop), arXiv:2205.05826.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hwsim.spec.errors import SpecError
from hwsim.spec.patterns import NMPattern

Array = np.ndarray[Any, Any]
DTYPES = {"int8": "<i1", "fp16": "<f2", "int32": "<i4", "fp32": "<f4"}


@dataclass(frozen=True)
class Size:
    payload_bits: int
    metadata_bits: int

    @property
    def bits(self) -> int:
        return self.payload_bits + self.metadata_bits


@dataclass(frozen=True, eq=False)
class Encoded:
    """`payload`: uint8, whole elements, little-endian. `metadata`: uint8, packed from bit 0, the last byte filled with 0."""

    format: "Format"
    shape: tuple[int, ...]
    number: str
    payload: Array
    metadata: Array
    metadata_bits: int

    @property
    def size(self) -> Size:
        return Size(8 * self.payload.size, self.metadata_bits)

    def decode(self) -> Array:
        """The tensor, bit by bit what `encode` took. Refuses a stream that is too short or too long
        or names a place outside."""
        item = np.dtype(DTYPES[self.number]).itemsize
        if self.payload.size % item or self.metadata.size != -(-self.metadata_bits // 8):
            raise _broken(
                self.format,
                f"{self.payload.size} bytes of payload, {self.metadata.size} for {self.metadata_bits} bits",
            )
        values = np.ascontiguousarray(self.payload).view(f"<u{item}")
        bits = np.unpackbits(self.metadata, bitorder="little")[: self.metadata_bits]
        rows, k = _rows(self.shape)
        flat = np.zeros(rows * k, values.dtype)
        at = self.format.places(bits, values.size, rows, k)
        if at.size != values.size or (at.size and not 0 <= at.min() <= at.max() < flat.size):
            raise _broken(self.format, f"{values.size} values, {at.size} places in {flat.size}")
        np.add.at(flat, at, values) if self.format.shares_places else flat.__setitem__(at, values)
        return flat.view(DTYPES[self.number]).reshape(self.shape)


class Format(ABC):
    """`places`: where in the flat tensor each stored value stands, from the metadata bits (one uint8 each)."""

    name: ClassVar[str]
    ranks: ClassVar[str]
    shares_places: ClassVar[bool] = (
        False  # an unused slot stores 0 at a place that another value may hold
    )

    @abstractmethod
    def streams(self, flat: Array, rows: int, k: int) -> tuple[Array, Array]:
        """Payload (values of `flat`, unsigned) and metadata bits of a tensor given as unsigned numbers."""

    @abstractmethod
    def places(self, bits: Array, stored: int, rows: int, k: int) -> Array: ...

    @abstractmethod
    def size(self, values: Array) -> Size:
        """Bits of the two streams, counted without making them."""

    def encode(self, values: Array) -> Encoded:
        number, unsigned = _as_unsigned(values)
        payload, bits = self.streams(unsigned.reshape(-1), *_rows(unsigned.shape))
        packed = np.packbits(bits.astype(np.uint8), bitorder="little")
        return Encoded(
            self,
            unsigned.shape,
            number,
            np.ascontiguousarray(payload).view(np.uint8),
            packed,
            bits.size,
        )

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Dense(Format):
    """Every value, nothing else."""

    name: ClassVar[str] = "dense"
    ranks: ClassVar[str] = "U U"

    def streams(self, flat: Array, rows: int, k: int) -> tuple[Array, Array]:
        return flat, np.zeros(0, np.uint8)

    def places(self, bits: Array, stored: int, rows: int, k: int) -> Array:
        return np.arange(rows * k) if not bits.size else np.zeros(0, np.int64)

    def size(self, values: Array) -> Size:
        _, u = _as_unsigned(values)
        return Size(8 * u.nbytes, 0)


@dataclass(frozen=True)
class NMFormat(Format):
    """`kept` slots a block, each a value and an offset of log2(block) bits; offsets ascend.
    K is filled up to whole blocks."""

    pattern: NMPattern
    ranks: ClassVar[str] = "U U N:M"
    shares_places: ClassVar[bool] = True

    def streams(self, flat: Array, rows: int, k: int) -> tuple[Array, Array]:
        payload, offset = self.pattern.pack(flat.reshape(rows, k))
        return payload.reshape(-1), _to_bits(offset.reshape(-1), self.pattern.offset_bits)

    def places(self, bits: Array, stored: int, rows: int, k: int) -> Array:
        blocks, kept, block = -(-k // self.pattern.block), self.pattern.kept, self.pattern.block
        if stored != rows * blocks * kept or bits.size != stored * self.pattern.offset_bits:
            raise _broken(
                self,
                f"{stored} values and {bits.size} offset bits for {rows} rows of {blocks} blocks",
            )
        inside = _from_bits(bits, self.pattern.offset_bits, stored).reshape(rows, blocks, kept)
        column = inside + block * np.arange(blocks)[:, None]
        if column.size and column.max() >= k:
            raise _broken(self, f"column {column.max()} of {k}")
        return (column + k * np.arange(rows)[:, None, None]).reshape(-1)

    def size(self, values: Array) -> Size:
        _, u = _as_unsigned(values)
        rows, k = _rows(u.shape)
        slots = rows * -(-k // self.pattern.block) * self.pattern.kept
        return Size(8 * slots * u.itemsize, slots * self.pattern.offset_bits)

    def __str__(self) -> str:
        return f"{self.pattern.kept}:{self.pattern.block}"


@dataclass(frozen=True)
class Bitmask(Format):
    """One bit a place, then the values present."""

    name: ClassVar[str] = "bitmask"
    ranks: ClassVar[str] = "U B"

    def streams(self, flat: Array, rows: int, k: int) -> tuple[Array, Array]:
        return flat[flat != 0], flat != 0

    def places(self, bits: Array, stored: int, rows: int, k: int) -> Array:
        return np.flatnonzero(bits) if bits.size == rows * k else np.zeros(0, np.int64)

    def size(self, values: Array) -> Size:
        _, u = _as_unsigned(values)
        return Size(8 * u.itemsize * int(np.count_nonzero(u)), u.size)


@dataclass(frozen=True)
class CoordinatePayload(Format):
    """The ranks flattened into one; each value present with its coordinate of ceil(log2(rows * K))
    bits, ascending."""

    name: ClassVar[str] = "coordinate"
    ranks: ClassVar[str] = "CP (flattened)"

    def streams(self, flat: Array, rows: int, k: int) -> tuple[Array, Array]:
        at = np.flatnonzero(flat)
        return flat[at], _to_bits(at, index_bits(flat.size))

    def places(self, bits: Array, stored: int, rows: int, k: int) -> Array:
        return _ascending(_from_bits(bits, index_bits(rows * k), stored), self)

    def size(self, values: Array) -> Size:
        _, u = _as_unsigned(values)
        present = int(np.count_nonzero(u))
        return Size(8 * u.itemsize * present, present * index_bits(u.size))


@dataclass(frozen=True)
class RunLength(Format):
    """The ranks flattened into one; each entry a value and the number of absent ones before it.

    A longer run than `run_bits` hold stores a value of 0 after 2^run_bits - 1 absent ones; absent
    values at the end store nothing. Source: Han et al. 2016 (EIE), arXiv:1602.01528, 4-bit runs.
    """

    run_bits: int = 4
    name: ClassVar[str] = "rle"
    ranks: ClassVar[str] = "RLE (flattened)"

    def __post_init__(self) -> None:
        if type(self.run_bits) is not int or not 1 <= self.run_bits <= 16:
            raise SpecError(f"format.run_bits: {self.run_bits!r} is outside 1..16; use 4 or 5")

    def _entries(self, flat: Array) -> tuple[Array, Array]:
        """Place of each value present, and how many entries its run takes."""
        at = np.flatnonzero(flat)
        runs = np.diff(at, prepend=-1) - 1
        return at, runs // (1 << self.run_bits) + 1

    def streams(self, flat: Array, rows: int, k: int) -> tuple[Array, Array]:
        at, entries = self._entries(flat)
        runs = np.full(int(entries.sum()), (1 << self.run_bits) - 1, np.int64)
        last = np.cumsum(entries) - 1
        runs[last] = (np.diff(at, prepend=-1) - 1) % (1 << self.run_bits)
        payload = np.zeros(runs.size, flat.dtype)
        payload[last] = flat[at]
        return payload, _to_bits(runs, self.run_bits)

    def places(self, bits: Array, stored: int, rows: int, k: int) -> Array:
        return np.cumsum(_from_bits(bits, self.run_bits, stored) + 1) - 1

    def size(self, values: Array) -> Size:
        _, u = _as_unsigned(values)
        entries = int(self._entries(u.reshape(-1))[1].sum())
        return Size(8 * u.itemsize * entries, entries * self.run_bits)

    def __str__(self) -> str:
        return f"{self.name}:{self.run_bits}"


@dataclass(frozen=True)
class Csr(Format):
    """UOP over the rows (rows + 1 offsets, each wide enough for a full tensor), then CP in K
    (ceil(log2 K) bits a value)."""

    name: ClassVar[str] = "csr"
    ranks: ClassVar[str] = "UOP CP"

    def streams(self, flat: Array, rows: int, k: int) -> tuple[Array, Array]:
        row, column = np.nonzero(flat.reshape(rows, k))
        offsets = np.searchsorted(row, np.arange(rows + 1))
        return flat[row * k + column], np.concatenate(
            [_to_bits(offsets, _count_bits(rows * k)), _to_bits(column, index_bits(k))]
        )

    def places(self, bits: Array, stored: int, rows: int, k: int) -> Array:
        cut = (rows + 1) * _count_bits(rows * k)
        offsets = _from_bits(bits[:cut], _count_bits(rows * k), rows + 1)
        if offsets[0] or offsets[-1] != stored or (np.diff(offsets) < 0).any():
            raise _broken(
                self, f"row offsets from {offsets[0]} to {offsets[-1]} for {stored} values"
            )
        row, column = (
            np.repeat(np.arange(rows), np.diff(offsets)),
            _from_bits(bits[cut:], index_bits(k), stored),
        )
        if column.size and column.max() >= k:
            raise _broken(self, f"column {column.max()} of {k}")
        return _ascending(row * k + column, self)

    def size(self, values: Array) -> Size:
        _, u = _as_unsigned(values)
        rows, k = _rows(u.shape)
        present = int(np.count_nonzero(u))
        return Size(
            8 * u.itemsize * present, (rows + 1) * _count_bits(rows * k) + present * index_bits(k)
        )


FORMATS: tuple[Format, ...] = (Dense(), Bitmask(), CoordinatePayload(), RunLength(), Csr())


def parse_format(text: str) -> Format:
    """`dense`, `bitmask`, `coordinate`, `rle`, `rle:5` (bits of a run), `csr`, or N:M."""
    if runs := re.fullmatch(r"rle:(\d{1,3})", text, re.ASCII):
        return RunLength(int(runs[1]))
    if ":" in text:
        return NMFormat(NMPattern.parse(text))
    named = {f.name: f for f in FORMATS}
    if text not in named:
        raise SpecError(
            f"format: {text[:40]!r} is unknown; use {', '.join(named)}, rle:BITS or N:M"
        )
    return named[text]


def index_bits(extent: int) -> int:
    """Bits that tell `extent` places apart."""
    return max(extent - 1, 0).bit_length()


def _count_bits(most: int) -> int:
    """Bits of a count from 0 to `most`."""
    return most.bit_length()


def _rows(shape: tuple[int, ...]) -> tuple[int, int]:
    return int(np.prod(shape[:-1], dtype=np.int64)), shape[-1]


def _as_unsigned(values: Array) -> tuple[str, Array]:
    for number, code in DTYPES.items():
        if np.asarray(values).dtype == np.dtype(code) and np.ndim(values):
            return number, np.ascontiguousarray(values).view(f"<u{np.dtype(code).itemsize}")
    given = f"values of type {np.asarray(values).dtype} and {np.ndim(values)} ranks"
    raise SpecError(f"format: {given}; give one rank or more of {', '.join(DTYPES)}")


def _to_bits(values: Array, width: int) -> Array:
    """[values * width] uint8, bit 0 of each value first."""
    return (values.astype(np.int64)[:, None] >> np.arange(width) & 1).astype(np.uint8).reshape(-1)


def _from_bits(bits: Array, width: int, count: int) -> Array:
    if bits.size != width * count:
        raise _broken("", f"{bits.size} metadata bits for {count} fields of {width}")
    fields: Array = bits.reshape(count, width).astype(np.int64) << np.arange(width)
    return np.asarray(fields.sum(axis=1))


def _ascending(at: Array, form: Format) -> Array:
    if (np.diff(at) <= 0).any():
        raise _broken(form, "coordinates that do not ascend")
    return at


def _broken(form: Format | str, what: str) -> SpecError:
    return SpecError(
        f"{f'format {form}'.strip()}: {what}; the stream is cut or of another tensor, encode it again"
    )

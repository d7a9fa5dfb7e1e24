"""The command set of the tile machine: fields, ranges and the 512-bit word of each command. Prose: docs/isa.md."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec.errors import ProgramError

WORD_BYTES = 64
LOAD, COMPUTE, VECTOR, STORE = QUEUES = range(4)
QUEUE_NAMES = ("load", "compute", "vector", "store")
LEVELS = ("act", "weight", "meta", "vec")  # what a load may write; the code is the place in this tuple
FN = ("map", "softmax", "layernorm", "maxpool", "avgpool", "depthwise")
ACT = ("none", "relu", "clip", "gelu", "silu")


@dataclass(frozen=True)
class Field:
    name: str
    bits: int
    signed: bool = False

    @property
    def low(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.bits - self.signed)) - 1


def _fields(text: str) -> tuple[Field, ...]:
    """`name:bits` or `name:sbits`, separated by spaces."""
    out = []
    for item in text.split():
        name, bits = item.split(":")
        out.append(Field(name, int(bits.lstrip("s")), bits.startswith("s")))
    return tuple(out)


HEAD = _fields("op:4 waits:4 signals:4")
_COPY = "mem:40 buf:32 run:24 count0:16 count1:16 mem_stride0:s24 mem_stride1:s24 buf_stride0:s24 buf_stride1:s24"
BODIES: dict[str, tuple[Field, ...]] = {
    "end": (),
    "load": _fields("level:3 fill:2 " + _COPY),
    "compute": _fields(
        "dataflow:1 accumulate:1 kept:6 block_log2:3 act:32 count_q:16 count_p:16 count_b:16 stride_q:s24 stride_p:s24 stride_b:s24"
        " run:16 count_s:16 count_r:16 stride_s:s24 stride_r:s24 weight:32 meta:32 acc:24"
    ),
    "vector": _fields(
        "fn:4 act:3 from_vec:1 has_b:1 has_bias:1 has_scale:1 shift:6 count0:16 count1:16 len:16 a:32 a_stride0:s24 a_stride1:s24"
        " b:32 b_stride0:s24 b_stride1:s24 param:32 dst:32 dst_stride0:s24 dst_stride1:s24 dst_lane:s24"
        " window_h:8 window_w:8 window_stride_h:s24 window_stride_w:s24 imm:32"
    ),
    "store": _fields(_COPY),
}
OPS = tuple(BODIES)
QUEUE_OF = {"load": LOAD, "compute": COMPUTE, "vector": VECTOR, "store": STORE}
NORM_BEATS = 6  # of a chunk in the last pass of an int8 layernorm, at least: two products, one behind the other
TAPS = 64  # elements of the window of a depthwise command, at most
WIDTH = max(len(HEAD) + len(body) for body in BODIES.values())  # columns of the decoded table


def default(name: str) -> int:
    """What a field holds when it is not given: extents 1, everything else 0."""
    return 1 if name.startswith("count") or name in ("window_h", "window_w") else 0


@dataclass(frozen=True)
class Command:
    """One command. `args` holds the body's fields by name; a missing field is 0 (counts: 1)."""

    op: str
    waits: frozenset[int] = frozenset()
    signals: frozenset[int] = frozenset()
    args: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, op: str, waits: Any = (), signals: Any = (), **args: int) -> "Command":
        known = {f.name for f in BODIES[op]}
        for name in args:
            if name not in known:
                raise ProgramError(f"{op}: no field {name!r}; it has {', '.join(sorted(known))}")
        full = {f.name: int(args.get(f.name, default(f.name))) for f in BODIES[op]}
        return cls(op, frozenset(waits), frozenset(signals), tuple(full.items()))

    def __getitem__(self, name: str) -> int:
        return dict(self.args)[name]

    @property
    def queue(self) -> int:
        return QUEUE_OF[self.op]

    def row(self) -> list[int]:
        """Decoded integers in word order: op, waits, signals, then the body."""
        masks = [sum(1 << q for q in queues) for queues in (self.waits, self.signals)]
        return [OPS.index(self.op), *masks, *(v for _, v in self.args)]


def layout(op: str) -> tuple[Field, ...]:
    return HEAD + BODIES[op]


def encode(cmd: Command, where: str = "command") -> bytes:
    """The 512-bit word, little-endian, fields packed from bit 0 in the order of the table."""
    word, at = 0, 0
    for f, value in zip(layout(cmd.op), cmd.row(), strict=True):
        if not f.low <= value <= f.high:
            raise _outside(where, cmd.op, f, value)
        word |= (value & ((1 << f.bits) - 1)) << at
        at += f.bits
    return word.to_bytes(WORD_BYTES, "little")


def encode_table(table: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """[commands, 64] uint8 words of a `decoded_table`; as `encode`, all commands of one kind at once."""
    bits = np.zeros((len(table), 8 * WORD_BYTES), np.uint8)
    for code, op in enumerate(OPS):
        rows, at = np.flatnonzero(table[:, 0] == code), 0
        for place, f in enumerate(layout(op)):
            value = table[rows, place]
            for i in np.flatnonzero((value < f.low) | (value > f.high))[:1]:
                raise _outside(f"command {rows[i]}", op, f, int(value[i]))
            octets = value.astype("<i8")[:, None].view(np.uint8)
            bits[rows, at : at + f.bits] = np.unpackbits(octets, axis=1, bitorder="little", count=f.bits)
            at += f.bits
    return np.packbits(bits, axis=1, bitorder="little")


def _outside(where: str, op: str, f: Field, value: int) -> ProgramError:
    return ProgramError(f"{where}: {op}.{f.name} is {value}, outside {f.low}..{f.high}; split the command")


def decode(word: bytes, where: str = "command") -> Command:
    bits = int.from_bytes(word, "little")
    code = bits & 15
    if code >= len(OPS):
        raise ProgramError(f"{where}: opcode {code} is unknown; the Program is corrupted, compile it again")
    op, at, values = OPS[code], 0, []
    for f in layout(op):
        value = bits >> at & ((1 << f.bits) - 1)
        if f.signed and value >> (f.bits - 1):
            value -= 1 << f.bits
        values.append(value)
        at += f.bits
    if bits >> at:
        raise ProgramError(f"{where}: bits above {at} of a {op} word are set; the Program is corrupted, compile it again")
    sets = [frozenset(q for q in QUEUES if v >> q & 1) for v in values[1:3]]
    names = [f.name for f in BODIES[op]]
    return Command(op, sets[0], sets[1], tuple(zip(names, values[3:], strict=True)))


def decode_table(words: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """`decoded_table` of [commands, 64] uint8 words, all commands of one kind at once."""
    table = np.zeros((len(words), WIDTH), np.int64)
    quads = np.ascontiguousarray(words).view("<u8").T
    codes = _cut(quads, 0, HEAD[0].bits)
    faulty = codes >= len(OPS)
    for code, op in enumerate(OPS):
        rows, at = np.flatnonzero(codes == code), 0
        mine = quads[:, rows]
        for place, f in enumerate(layout(op)):
            value = _cut(mine, at, f.bits)
            table[rows, place] = value - ((value > f.high) * (1 << f.bits) if f.signed else 0)
            at += f.bits
        first, shift = divmod(at, 64)
        faulty[rows] = (mine[first] >> np.uint64(shift) != 0) | mine[first + 1 :].any(axis=0)
    for i in np.flatnonzero(faulty)[:1]:
        decode(words[i].tobytes(), f"command {i}")
    return table


def _cut(quads: np.ndarray[Any, np.dtype[np.uint64]], at: int, bits: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Bits at..at+bits-1 of every word, from its [8, commands] quads of 64 bits, the lowest first."""
    place, shift = divmod(at, 64)
    out: np.ndarray[Any, np.dtype[np.uint64]] = quads[place] >> np.uint64(shift)
    if shift + bits > 64:
        out |= quads[place + 1] << np.uint64(64 - shift)
    return (out & np.uint64((1 << bits) - 1)).astype(np.int64)


for _op in OPS:
    assert sum(f.bits for f in layout(_op)) < 8 * WORD_BYTES, _op


def decoded_table(commands: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """[commands, WIDTH] int64: what engine and functional run read; columns as in `column`."""
    table = np.zeros((len(commands), WIDTH), np.int64)
    for i, cmd in enumerate(commands):
        row = cmd.row()
        table[i, : len(row)] = row
    return table


def column(op: str, name: str) -> int:
    return [f.name for f in layout(op)].index(name)

"""Program: encoded commands, the initial memory image, and what the host needs to know of both.

File: magic `HWSIMPRG`, version, SHA-256 of the rest, length of a JSON header, header, command words, image.
"""

import hashlib
import json
import math
import os
import tempfile
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.spec.commands import (
    OPS,
    QUEUES,
    WORD_BYTES,
    Command,
    decode,
    decode_table,
    default,
    encode,
    encode_table,
)
from hwsim.spec.errors import ProgramError

MAGIC, VERSION = b"HWSIMPRG", 1


@dataclass(frozen=True)
class Region:
    """A tensor in memory, dense, last rank innermost. `number`: int8, int32, fp16 or fp32; scale: value of one step (int8)."""

    name: str
    address: int
    shape: tuple[int, ...]
    number: str
    scale: float = 1.0

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * DTYPES[self.number].itemsize


DTYPES: dict[str, np.dtype[Any]] = {"int8": np.dtype("i1"), "int32": np.dtype("<i4"), "fp16": np.dtype("<f2"), "fp32": np.dtype("<f4")}


@dataclass(frozen=True)
class LayerInfo:
    """Commands first..last (inclusive) belong to the layer. `dense_macs` as in the network, `kept_macs` after N:M (both 0
    for layers without products), `needed_bits`: weights (payload, metadata), inputs and outputs once. `estimate_cycles`: the
    mapper's lower bound, from cold."""

    name: str
    kind: str
    shape: str
    first: int
    last: int
    dense_macs: int
    kept_macs: int
    mapped_macs: int
    needed_bits: int
    pattern: str
    dataflow: str
    estimate_cycles: int


@dataclass(frozen=True)
class Program:
    """`words`: [commands, 64] uint8. `image`: uint8 from address `image_base`. `memory_bytes`: all that the Program may touch."""

    machine: str
    digest: str
    words: np.ndarray[Any, np.dtype[np.uint8]]
    image: np.ndarray[Any, np.dtype[np.uint8]]
    image_base: int
    memory_bytes: int
    inputs: tuple[Region, ...]
    outputs: tuple[Region, ...]
    layers: tuple[LayerInfo, ...]

    @classmethod
    def of(cls, commands: list[Command], **rest: Any) -> "Program":
        data = b"".join(encode(c, f"command {i}") for i, c in enumerate(commands))
        return cls(words=np.frombuffer(data, np.uint8).reshape(-1, WORD_BYTES), **rest)

    @classmethod
    def of_table(cls, table: np.ndarray[Any, np.dtype[np.int64]], **rest: Any) -> "Program":
        """`table`: [commands, WIDTH] int64, as hwsim.spec.commands.decoded_table has it."""
        return cls(words=encode_table(table), **rest)

    @cached_property
    def table(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """[commands, WIDTH] int64, as hwsim.spec.commands.decoded_table has it; not to be written."""
        return decode_table(self.words)

    @property
    def commands_address(self) -> int:
        """Where a board holds the commands: the first whole word behind the memory."""
        return -(-self.memory_bytes // WORD_BYTES) * WORD_BYTES

    @property
    def board_bytes(self) -> int:
        """What the Program takes of a board's memory, commands included."""
        return self.commands_address + self.words.size

    def commands(self) -> list[Command]:
        return [decode(w.tobytes(), f"command {i}") for i, w in enumerate(self.words)]

    def check_machine(self, spec: Any) -> None:
        if self.digest != spec.digest:
            made, given = f"{self.machine} ({self.digest})", f"{spec.name} ({spec.digest})"
            raise ProgramError(f"program: made for machine {made}, not for {given}; compile it again for this machine")

    def text(self) -> str:
        """One line a command; fields that are 0 (counts: 1) are left out."""
        return "\n".join(_line(c) for c in self.commands()) + "\n"

    def save(self, path: Path) -> None:
        header = json.dumps(
            {
                **{k: getattr(self, k) for k in ("machine", "digest", "image_base", "memory_bytes")},
                **{k: [asdict(x) for x in getattr(self, k)] for k in ("inputs", "outputs", "layers")},
                "commands": len(self.words),
            }
        ).encode()
        body = len(header).to_bytes(8, "little") + header + self.words.tobytes() + self.image.tobytes()
        write_whole(path, MAGIC + VERSION.to_bytes(4, "little") + hashlib.sha256(body).digest() + body)


def write_whole(path: Path, data: bytes) -> None:
    """Writes beside, then renames: no half-written file is ever seen under the name."""
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "wb") as f:
            f.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except OSError as e:
        raise ProgramError(f"{path}: cannot be written ({e.strerror}); give a folder that exists and may be written") from e


def load_program(path: Path) -> Program:
    try:
        data = Path(path).read_bytes()
    except OSError as e:
        raise ProgramError(f"{path}: cannot be read ({e.strerror}); give a file made by hwsim compile") from e
    return parse_program(data, str(path))


def parse_program(data: bytes, where: str) -> Program:
    broken = f"{where}: not a whole hwsim Program"
    if data[:8] != MAGIC:
        raise ProgramError(f"{broken} (no {MAGIC.decode()} at its start); make it with hwsim compile")
    if int.from_bytes(data[8:12], "little") != VERSION:
        raise ProgramError(f"{where}: Program version {int.from_bytes(data[8:12], 'little')}, this is {VERSION}; compile it again")
    body = data[44:]
    if hashlib.sha256(body).digest() != data[12:44]:
        raise ProgramError(f"{broken} (checksum differs: truncated or corrupted); compile it again")
    size = int.from_bytes(body[:8], "little")
    try:
        head = json.loads(body[8 : 8 + size])
    except (ValueError, RecursionError) as e:
        raise ProgramError(f"{broken} (its header does not read as JSON); compile it again") from e
    head = _typed(head, HEADER, f"{where}: header", ADDRESS_MAX)
    end = 8 + size + head.pop("commands") * WORD_BYTES
    if end > len(body):
        raise ProgramError(f"{broken} ({end} bytes of commands announced, {len(body)} there); compile it again")
    words = np.frombuffer(body[8 + size : end], np.uint8).reshape(-1, WORD_BYTES)
    for key, read in (("inputs", _region), ("outputs", _region), ("layers", _layer)):
        head[key] = tuple(read(x, f"{where}: {key}[{n}]") for n, x in enumerate(head[key]))
    return Program(words=words, image=np.frombuffer(body[end:], np.uint8), **head)


HEADER = {
    "machine": str, "digest": str, "image_base": int, "memory_bytes": int, "commands": int, "inputs": list, "outputs": list, "layers": list,
}  # fmt: skip
ADDRESS_MAX, COUNT_MAX = 1 << 40, 1 << 63  # the command set holds addresses of 40 bits
AGAIN = "the Program is corrupted, compile it again"


def _typed(given: Any, kinds: dict[str, Any], where: str, most: int) -> dict[str, Any]:
    """The fields of a JSON object, no more and no fewer; whole numbers lie in 0..most."""
    if not isinstance(given, dict) or given.keys() != kinds.keys():
        raise ProgramError(f"{where}: has not just the fields {', '.join(kinds)}; {AGAIN}")
    for key, kind in kinds.items():
        value = given[key]
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
            raise ProgramError(f"{where}.{key}: {str(value)[:40]!r} is no {kind.__name__}; {AGAIN}")
        if kind is float and not math.isfinite(value):
            raise ProgramError(f"{where}.{key}: {value} is not finite; {AGAIN}")
        lowest = -1 if key == "last" else 0  # a layer without commands ends before it begins
        if kind is int and not lowest <= value <= most:
            raise ProgramError(f"{where}.{key}: {value} is outside {lowest}..{most}; {AGAIN}")
    return dict(given)


def _region(given: Any, where: str) -> Region:
    kinds = {f.name: f.type for f in fields(Region)} | {"shape": list}
    made = _typed(given, kinds, where, ADDRESS_MAX)
    for n, extent in enumerate(made["shape"]):
        _typed({"extent": extent}, {"extent": int}, f"{where}.shape[{n}]", ADDRESS_MAX)
    if made["number"] not in DTYPES:
        raise ProgramError(f"{where}.number: {made['number']!r} is unknown; use {', '.join(DTYPES)}")
    return Region(**{**made, "shape": tuple(made["shape"])})


def _layer(given: Any, where: str) -> LayerInfo:
    return LayerInfo(**_typed(given, {f.name: f.type for f in fields(LayerInfo)}, where, COUNT_MAX))


def _line(c: Command) -> str:
    parts = [c.op]
    for name, s in (("waits", c.waits), ("signals", c.signals)):
        if s:
            parts.append(f"{name}={'+'.join(str(q) for q in sorted(s))}")
    for name, v in c.args:
        if v != default(name):
            parts.append(f"{name}={v}")
    return " ".join(parts)


def assemble(text: str) -> list[Command]:
    """Reads what `text` prints; `#` starts a comment."""
    lines = ((n, line.split("#")[0]) for n, line in enumerate(text.splitlines(), 1))
    return [_parse(line, f"line {n}") for n, line in lines if line.strip()]


def _parse(line: str, where: str) -> Command:
    op, *items = line.split()
    if op not in OPS:
        raise ProgramError(f"{where}: {op!r} is no command; use {', '.join(OPS)}")
    given: dict[str, str] = {}
    for item in items:
        name, _, value = item.partition("=")
        if name in given:
            raise ProgramError(f"{where}: {name} is given twice; give it once")
        given[name] = value
    try:
        sets = [_queues(given.pop(name)) if name in given else frozenset() for name in ("waits", "signals")]
        return Command.of(op, *sets, **{name: int(value) for name, value in given.items()})
    except ValueError as e:
        raise ProgramError(f"{where}: {line.strip()!r} does not read as name=value; write whole numbers") from e
    except ProgramError as e:
        raise ProgramError(f"{where}: {e}") from e


def _queues(text: str) -> frozenset[int]:
    out = frozenset(map(int, text.split("+")))
    if not out <= set(QUEUES):
        raise ProgramError(f"waits and signals name the queues 0..{len(QUEUES) - 1}, not {text}")
    return out

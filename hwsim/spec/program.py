"""Program: encoded commands, the initial memory image, and what the host needs to know of both.

File: magic `HWSIMPRG`, version, SHA-256 of the rest, length of a JSON header, header, command words, image.
"""

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.spec.commands import OPS, WORD_BYTES, Command, decode, default, encode
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
        return int(np.prod(self.shape)) * DTYPES[self.number].itemsize


DTYPES = {"int8": np.dtype("i1"), "int32": np.dtype("<i4"), "fp16": np.dtype("<f2"), "fp32": np.dtype("<f4")}


@dataclass(frozen=True)
class LayerInfo:
    """Commands first..last (inclusive) belong to the layer. `dense_macs` as in the network, `kept_macs` after N:M (both 0 for layers without
    products), `needed_bits`: weights (payload, metadata), inputs and outputs once. `estimate_cycles`: the mapper's lower bound, from cold."""

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

    def commands(self) -> list[Command]:
        return [decode(w.tobytes(), f"command {i}") for i, w in enumerate(self.words)]

    def check_machine(self, spec: Any) -> None:
        if self.digest != spec.digest:
            raise ProgramError(
                f"program: made for machine {self.machine} ({self.digest}), not for {spec.name} ({spec.digest}); compile it again for this machine"
            )

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
    head = json.loads(body[8 : 8 + size])
    end = 8 + size + head["commands"] * WORD_BYTES
    region = lambda d: Region(**{**d, "shape": tuple(d["shape"])})  # noqa: E731
    return Program(
        machine=head["machine"],
        digest=head["digest"],
        words=np.frombuffer(body[8 + size : end], np.uint8).reshape(-1, WORD_BYTES),
        image=np.frombuffer(body[end:], np.uint8),
        image_base=head["image_base"],
        memory_bytes=head["memory_bytes"],
        inputs=tuple(map(region, head["inputs"])),
        outputs=tuple(map(region, head["outputs"])),
        layers=tuple(LayerInfo(**x) for x in head["layers"]),
    )


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
    out = []
    for n, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] not in OPS:
            raise ProgramError(f"line {n}: {words[0]!r} is no command; use {', '.join(OPS)}")
        try:
            given = dict(w.split("=") for w in words[1:])
            sets = [frozenset(map(int, given.pop(k, "").split("+"))) if k in given else frozenset() for k in ("waits", "signals")]
            out.append(Command.of(words[0], *sets, **{k: int(v) for k, v in given.items()}))
        except ValueError as e:
            raise ProgramError(f"line {n}: {line.strip()!r} does not read as name=value; write whole numbers") from e
    return out

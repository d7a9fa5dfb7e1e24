"""Image: what a thread machine runs: bytes from one address on, an entry, perhaps a place that ends the run. ELF and text hex."""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from hwsim.spec.errors import ProgramError
from hwsim.thread.ops import WINDOW_LOCAL

SPAN_MAX = 1 << 28
WORD = re.compile(r"[0-9a-fA-F]{8}")
FIELD = re.compile(r"(entry|tohost) 0x([0-9a-fA-F]{1,16})")
PLACE = re.compile(r"@([0-9a-fA-F]{1,16})")
WORDS_A_LINE = 8


@dataclass(frozen=True)
class Image:
    """`tohost`: -1 where there is none."""

    name: str
    base: int
    data: bytes
    entry: int
    tohost: int = -1

    def __post_init__(self) -> None:
        if not self.data or len(self.data) % 8 or self.base % 64:
            raise ProgramError(f"{self.name}: {len(self.data)} bytes from {self.base:#x} on are no whole words on a line; build it again")
        if not WINDOW_LOCAL <= self.base <= self.base + len(self.data) <= WINDOW_LOCAL + SPAN_MAX:
            raise ProgramError(f"{self.name}: address {self.base:#x} is outside of a block's own memory; link it from {WINDOW_LOCAL:#x} on")
        if not self.base <= self.entry < self.base + len(self.data) or self.entry % 4:
            raise ProgramError(f"{self.name}: entry {self.entry:#x} is not in the image; link a _start")

    def text(self) -> str:
        """Text hex, which `read_text` reads back; words of 32 bits, zeros at the end of a line of eight kept."""
        words = [f"{w:08x}" for (w,) in struct.iter_unpack("<I", self.data)]
        head = [f"entry {self.entry:#x}"] + ([f"tohost {self.tohost:#x}"] if self.tohost >= 0 else [])
        lines = [" ".join(words[i : i + WORDS_A_LINE]) for i in range(0, len(words), WORDS_A_LINE)]
        return "\n".join([*head, f"@{self.base:x}", *lines]) + "\n"


def load_image(path: str | Path) -> Image:
    """An ELF file (64-bit RISC-V, linked) or text hex."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as e:
        raise ProgramError(f"{path}: cannot be read ({e.strerror}); give an ELF file or an image in text hex") from e
    if data[:4] == b"\x7fELF":
        return read_elf(data, str(path))
    try:
        return read_text(data.decode("ascii"), str(path))
    except UnicodeDecodeError as e:
        raise ProgramError(f"{path}: neither ELF nor text (byte {e.start}); give an ELF file or an image in text hex") from e


def read_text(text: str, name: str) -> Image:
    fields, base, words = {"tohost": -1}, -1, bytearray()
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#")[0].strip()
        if found := FIELD.fullmatch(line):
            fields[found[1]] = int(found[2], 16)
        elif (found := PLACE.fullmatch(line)) and base < 0:
            base = int(found[1], 16)
        elif line:
            bad = [w for w in line.split() if not WORD.fullmatch(w)]
            if bad or base < 0:
                wrong = (bad or [line])[0][:40]
                raise ProgramError(f"{name}:{number}: {wrong!r} is no word of an image; give eight hex digits behind one @address")
            words += b"".join(struct.pack("<I", int(w, 16)) for w in line.split())
    if "entry" not in fields:
        raise ProgramError(f"{name}: has no entry; add a line such as entry 0x80000000")
    return Image(name, base, bytes(words) + bytes(-len(words) % 8), fields["entry"], fields["tohost"])


def read_elf(data: bytes, name: str) -> Image:
    """Loads PT_LOAD segments; the symbol `tohost` is looked up."""
    try:
        return _read_elf(data, name)
    except (struct.error, IndexError, OverflowError, ValueError) as e:
        raise ProgramError(f"{name}: a broken ELF file ({e}); link it again") from e


def _read_elf(data: bytes, name: str) -> Image:
    kind, order, machine, class_ = data[4], data[5], struct.unpack_from("<H", data, 18)[0], struct.unpack_from("<H", data, 16)[0]
    if (kind, order, machine) != (2, 1, 243):
        raise ProgramError(f"{name}: an ELF file of another machine; compile for riscv64, little endian")
    if class_ != 2:
        raise ProgramError(f"{name}: an ELF file of type {class_}, not linked; link it with a fixed address (type 2)")
    entry, programs, sections = struct.unpack_from("<QQQ", data, 24)
    size, count, section_size, section_count = struct.unpack_from("<HHHH", data, 54)
    parts = []
    for i in range(count):
        (what, _, offset, address, _, in_file, in_memory, _) = struct.unpack_from("<IIQQQQQQ", data, programs + i * size)
        if what == 1 and in_memory:
            if offset + in_file > len(data) or in_file > in_memory:
                raise ProgramError(f"{name}: segment {i} reaches beyond the file; link it again")
            parts.append((address, data[offset : offset + in_file], in_memory))
    if not parts:
        raise ProgramError(f"{name}: has nothing to load; link it")
    base = min(a for a, _, _ in parts) & ~63
    end = max(a + n for a, _, n in parts)
    if end - base > SPAN_MAX:
        raise ProgramError(f"{name}: segments from {base:#x} to {end:#x} are too far apart; link them within {SPAN_MAX >> 20} MiB")
    memory = bytearray(-(-(end - base) // 64) * 64)
    for address, content, _ in parts:
        memory[address - base : address - base + len(content)] = content
    return Image(name, base, bytes(memory), entry, _tohost(data, sections, section_size, section_count))


def _tohost(data: bytes, sections: int, size: int, count: int) -> int:
    """Address of the symbol, or -1."""
    heads = [struct.unpack_from("<IIQQQQIIQQ", data, sections + i * size) for i in range(count)]
    for head in heads:
        if head[1] != 2:
            continue
        names = heads[head[6]]
        for at in range(head[4], head[4] + head[5], 24):
            where, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            start = names[4] + where
            if data[start : data.index(0, start)] == b"tohost":
                return int(value)
    return -1

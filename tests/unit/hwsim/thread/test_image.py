"""Images: ELF as linkers write it, text hex, and whatever is broken in them."""

import struct
from pathlib import Path

import pytest

from hwsim.spec.errors import ProgramError, SimulationError
from hwsim.spec.thread_isa import encode
from hwsim.thread import Image, load_image, run_threads
from hwsim.thread.image import read_elf, read_text
from tests.harness.thread_programs import ALONE, BASE, EXIT, image

TOHOST = BASE + 0x1000


def elf(words: list[int], machine: int = 243, kind: int = 2, tohost: int = TOHOST, grow: int = 0x40) -> bytes:
    """Two segments (code; a data page with `tohost`), symbol and string table."""
    code = struct.pack(f"<{len(words)}I", *words)
    names, where = b"\0tohost\0start\0", 0x200
    symbols = bytes(24) + struct.pack("<IBBHQQ", 8, 0, 0, 1, BASE, 0) + struct.pack("<IBBHQQ", 1, 0, 0, 1, tohost, 0)
    head = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, BASE, 64, where, 0, 64, 56, 2, 64, 3, 0)
    at = where + 3 * 64
    segments = struct.pack("<IIQQQQQQ", 1, 5, at, BASE, BASE, len(code), len(code), 64)
    segments += struct.pack("<IIQQQQQQ", 1, 6, at + len(code), TOHOST, TOHOST, 0, grow, 64)
    body = at + len(code)
    sections = bytes(64)
    sections += struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, body, len(symbols), 2, 1, 8, 24)
    sections += struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, body + len(symbols), len(names), 0, 0, 1, 0)
    return (head + segments).ljust(where, b"\0") + sections + code + symbols + names


def store_host(value: int) -> list[int]:
    """x5 = tohost, a store of the value, and a loop as the public tests have it."""
    return [encode("auipc", 5, imm=1), encode("addi", 6, imm=value), encode("sw", 0, 5, 6), encode("jal", 0, imm=-4)]


def test_an_elf_is_loaded_whole() -> None:
    read = read_elf(elf([EXIT, 0x12345678]), "x.elf")
    assert (read.base, read.entry, read.tohost, len(read.data)) == (BASE, BASE, TOHOST, 0x1040)
    assert read.data[:8] == struct.pack("<II", EXIT, 0x12345678) and not any(read.data[8:])


def test_the_host_word_ends_a_run() -> None:
    done = run_threads(ALONE, read_elf(elf(store_host(1)), "pass.elf"), limit_cycles=10_000)
    assert 3 <= done.result.instructions < 100
    with pytest.raises(SimulationError, match=r"^fail.elf: test 5 failed \(tohost 11\); see its source$"):
        run_threads(ALONE, read_elf(elf(store_host(11)), "fail.elf"), limit_cycles=10_000)
    with pytest.raises(SimulationError, match=r"^asks.elf: asks a host for 0x10 \(tohost\); only ends of runs are understood$"):
        run_threads(ALONE, read_elf(elf(store_host(16)), "asks.elf"), limit_cycles=10_000)


def test_the_start_of_the_public_tests_runs() -> None:
    """What their environment does first: sets mtvec around registers that may not be there (satp, pmp), delegates, returns into the test
    by mret,
    ends by an environment call whose handler writes `tohost`."""
    start = [
        encode("csrrs", 10, imm=0xF14), encode("bne", 0, 10, 0, imm=0),
        encode("auipc", 5), encode("addi", 5, 5, imm=16), encode("csrrw", 0, 5, imm=0x305), encode("csrrwi", 0, 0, imm=0x180),
        encode("auipc", 5), encode("addi", 5, 5, imm=32), encode("csrrw", 0, 5, imm=0x305),
        encode("auipc", 5), encode("addi", 5, 5, imm=16), encode("csrrw", 0, 5, imm=0x341), encode("mret"),
        encode("ecall"),
        encode("csrrs", 30, imm=0x342), encode("addi", 31, imm=11), encode("bne", 0, 30, 31, imm=0), *store_host(1),
    ]  # fmt: skip
    words = start[:]
    words[-4] = encode("auipc", 5, imm=1)
    words[-2:-2] = [encode("addi", 5, 5, imm=-(len(words) - 4) * 4)]
    done = run_threads(ALONE, read_elf(elf(words), "env.elf"), limit_cycles=10_000)
    assert done.result.instructions >= len(start) - 1


def test_text_is_read_back() -> None:
    one = Image("k", BASE, bytes(range(64)) * 3, BASE + 8, BASE + 64)
    assert read_text(one.text(), "k") == one


def test_a_file_is_an_elf_or_text(tmp_path: Path) -> None:
    (tmp_path / "a.elf").write_bytes(elf([EXIT]))
    (tmp_path / "a.hex").write_text("# a comment\n" + image([EXIT]).text())
    assert load_image(tmp_path / "a.elf").data[:4] == load_image(tmp_path / "a.hex").data[:4] == struct.pack("<I", EXIT)


BROKEN = [
    (elf([EXIT])[:100], r"x: a broken ELF file \(unpack_from requires a buffer .*\); link it again"),
    (elf([EXIT], machine=62), "x: an ELF file of another machine; compile for riscv64, little endian"),
    (elf([EXIT], kind=1), r"x: an ELF file of type 1, not linked; link it with a fixed address \(type 2\)"),
    (elf([EXIT], grow=1 << 30), "x: segments from 0x80000000 to 0xc0001000 are too far apart; link them within 256 MiB"),
]


@pytest.mark.parametrize(("data", "message"), BROKEN)
def test_a_broken_elf_is_one_line(data: bytes, message: str) -> None:
    with pytest.raises(ProgramError, match=f"^{message}$") as e:
        read_elf(data, "x")
    assert "\n" not in str(e.value)


def test_no_byte_of_the_headers_is_more_than_one_line() -> None:
    whole, refused = elf([EXIT]), 0
    for at in range(4, 120):
        for value in (0, 0x7F, 0xFF):
            try:
                read_elf(whole[:at] + bytes([value]) + whole[at + 1 :], "x")
            except ProgramError as e:
                assert "\n" not in str(e)
                refused += 1
    assert refused > 100


def test_no_prefix_of_an_elf_is_more_than_one_line() -> None:
    whole, refused = elf([EXIT] * 20), 0
    for n in range(4, len(whole), 7):
        try:
            read_elf(whole[:n], "x")
        except ProgramError as e:
            assert "\n" not in str(e)
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@80000000\n00000013 00000013\n", "x: has no entry; add a line such as entry 0x80000000"),
        ("entry 0x80000000\n00000013\n", "x:2: '00000013' is no word of an image; give eight hex digits behind one @address"),
        ("entry 0x80000000\n@80000000\n0000001g\n", "x:3: '0000001g' is no word of an image; give eight hex digits behind one @address"),
        ("entry 0x80000100\n@80000000\n00000013 00000013\n", "x: entry 0x80000100 is not in the image; link a _start"),
        ("entry 0x1000\n@1000\n00000013 00000013\n", "x: address 0x1000 is outside of a block's own memory; link it from 0x80000000 on"),
    ],
)
def test_broken_text_is_one_line(text: str, message: str) -> None:
    with pytest.raises(ProgramError) as e:
        read_text(text, "x")
    assert str(e.value) == message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="no.elf: cannot be read"):
        load_image(tmp_path / "no.elf")

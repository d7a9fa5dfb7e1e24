"""Every message of Program files, texts and words, whole."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hwsim.spec.commands import Command, encode
from hwsim.spec.errors import ProgramError
from hwsim.spec.program import MAGIC, assemble, load_program, parse_program
from tests.harness.programs import tiled_program

AGAIN = "the Program is corrupted, compile it again"


def saved(tmp_path: Path) -> bytes:
    tiled_program(2).save(tmp_path / "p.bin")
    return (tmp_path / "p.bin").read_bytes()


def sealed(body: bytes) -> bytes:
    return MAGIC + (1).to_bytes(4, "little") + hashlib.sha256(body).digest() + body


def with_header(data: bytes, change: Any) -> bytes:
    """The file with its header changed and its checksum made right again."""
    body = data[44:]
    size = int.from_bytes(body[:8], "little")
    head = json.loads(body[8 : 8 + size])
    new = json.dumps(change(head) or head).encode()
    return sealed(len(new).to_bytes(8, "little") + new + body[8 + size :])


def refused(data: bytes, message: str) -> None:
    with pytest.raises(ProgramError, match=f"^{re.escape(message)}$"):
        parse_program(data, "p.bin")


def test_no_file(tmp_path: Path) -> None:
    path = tmp_path / "absent.bin"
    with pytest.raises(
        ProgramError,
        match=rf"^{path}: cannot be read \(No such file or directory\); give a file made by hwsim compile$",
    ):
        load_program(path)


def test_no_place_to_write(tmp_path: Path) -> None:
    path = tmp_path / "no" / "p.bin"
    reason = "cannot be written (No such file or directory); give a folder that exists and may be written"
    with pytest.raises(ProgramError, match=f"^{re.escape(f'{path}: {reason}')}$"):
        tiled_program(1).save(path)


def test_not_a_program() -> None:
    refused(
        b"PK\x03\x04" * 40,
        "p.bin: not a whole hwsim Program (no HWSIMPRG at its start); make it with hwsim compile",
    )


def test_another_version(tmp_path: Path) -> None:
    data = saved(tmp_path)
    refused(
        data[:8] + (7).to_bytes(4, "little") + data[12:],
        "p.bin: Program version 7, this is 1; compile it again",
    )


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_truncated(tmp_path: Path, cut: int) -> None:
    message = "p.bin: not a whole hwsim Program (checksum differs: truncated or corrupted); compile it again"
    refused(saved(tmp_path)[:-cut], message)


def test_header_is_no_json(tmp_path: Path) -> None:
    message = (
        "p.bin: not a whole hwsim Program (its header does not read as JSON); compile it again"
    )
    for text in (b"{", b"\xff\xfe", b"[" * 100_000, b'{"machine": ' + b"9" * 5000 + b"}"):
        refused(sealed(len(text).to_bytes(8, "little") + text), message)


def test_header_size_beyond_the_file() -> None:
    message = (
        "p.bin: not a whole hwsim Program (its header does not read as JSON); compile it again"
    )
    refused(sealed((1 << 63).to_bytes(8, "little")), message)


def test_header_is_no_object() -> None:
    fields = "machine, digest, image_base, memory_bytes, commands, inputs, outputs, layers"
    refused(
        sealed((2).to_bytes(8, "little") + b"[]"),
        f"p.bin: header: has not just the fields {fields}; {AGAIN}",
    )


def test_more_commands_announced_than_there_are(tmp_path: Path) -> None:
    data = with_header(saved(tmp_path), lambda h: h.update(commands=10**6))
    counts = r"\(6400\d{4} bytes of commands announced, \d{4} there\)"
    with pytest.raises(
        ProgramError, match=rf"^p.bin: not a whole hwsim Program {counts}; compile it again$"
    ):
        parse_program(data, "p.bin")


WRONG = [
    (lambda h: h.update(memory_bytes=1 << 60), f"header.memory_bytes: {1 << 60} is outside 0..{1 << 40}"),
    (lambda h: h.update(memory_bytes=-1), f"header.memory_bytes: -1 is outside 0..{1 << 40}"),
    (lambda h: h.update(image_base="0"), "header.image_base: '0' is no int"),
    (lambda h: h.update(commands=True), "header.commands: 'True' is no int"),
    (lambda h: h.update(machine=None), "header.machine: 'None' is no str"),
    (lambda h: h.update(layers={}), "header.layers: '{}' is no list"),
    (lambda h: h["inputs"].append(3), "inputs[1]: has not just the fields name, address, shape, number, scale"),
    (lambda h: h["inputs"][0].update(address=-4), f"inputs[0].address: -4 is outside 0..{1 << 40}"),
    (lambda h: h["inputs"][0].update(shape=[8, 1.5]), "inputs[0].shape[1].extent: '1.5' is no int"),
    (lambda h: h["outputs"][0].update(scale=float("nan")), "outputs[0].scale: nan is not finite"),
    (lambda h: h["layers"][0].pop("kind"), "layers[0]: has not just the fields name, kind, shape, first, last, dense_macs, "
     "kept_macs, mapped_macs, needed_bits, pattern, dataflow, estimate_cycles"),
    (lambda h: h["layers"][0].update(first=-1), f"layers[0].first: -1 is outside 0..{1 << 63}"),
]  # fmt: skip


@pytest.mark.parametrize("change, message", WRONG, ids=[m.split(":")[0] for _, m in WRONG])
def test_header_fields(tmp_path: Path, change: Any, message: str) -> None:
    def keep(head: dict[str, Any]) -> dict[str, Any]:
        change(head)
        return head

    refused(with_header(saved(tmp_path), keep), f"p.bin: {message}; {AGAIN}")


def test_unknown_number(tmp_path: Path) -> None:
    data = with_header(saved(tmp_path), lambda h: h["inputs"][0].update(number="int3"))
    refused(data, "p.bin: inputs[0].number: 'int3' is unknown; use int8, int32, fp16, fp32")


TEXTS = [
    ("fetch run=3", "line 1: 'fetch' is no command; use end, load, compute, vector, store"),
    ("end\nload length=3", "line 2: load: no field 'length'; it has buf, buf_stride0, buf_stride1, count0, count1, fill, level, mem, "
     "mem_stride0, mem_stride1, run"),
    ("load run=x", "line 1: 'load run=x' does not read as name=value; write whole numbers"),
    ("load run", "line 1: 'load run' does not read as name=value; write whole numbers"),
    ("load run=1 run=2", "line 1: run is given twice; give it once"),
    ("load waits=4", "line 1: waits and signals name the queues 0..3, not 4"),
    ("load waits=0+-1", "line 1: waits and signals name the queues 0..3, not 0+-1"),
]  # fmt: skip


@pytest.mark.parametrize("text, message", TEXTS, ids=[t for t, _ in TEXTS])
def test_text(text: str, message: str) -> None:
    with pytest.raises(ProgramError, match=f"^{re.escape(message)}$"):
        assemble(text)


def test_a_value_that_its_field_does_not_hold() -> None:
    with pytest.raises(
        ProgramError,
        match=r"^command 3: load.run is 16777216, outside 0..16777215; split the command$",
    ):
        encode(Command.of("load", run=1 << 24), "command 3")

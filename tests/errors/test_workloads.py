"""Every wrong input of a workload, whole: one line on stderr, exit code 2, nothing on stdout, no file left behind."""

from pathlib import Path

import numpy as np
import pytest

from hwsim.cli import main
from hwsim.spec.errors import MatrixError
from hwsim.spec.load import load_thread_machine
from hwsim.workloads import NAMES, spgemm
from hwsim.workloads.run import run_workload
from hwsim.workloads.table import TABLE, Options
from models.matrices import graph, graph_names
from tests.harness.matrices import of

HEAD = "%%MatrixMarket matrix coordinate real general\n"
ONE_OF = "give one of --matrix FILE.mtx, --rmat SCALE, --graph NAME, or --weights NETWORK/LAYER"
ALL = ", ".join(NAMES)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("flat.mtx").write_text(HEAD + "2 3 1\n1 3 1\n")
    Path("huge.mtx").write_text(HEAD + "2 2 2\n1 1 1e200\n2 2 1\n")
    Path("small.mtx").write_text(HEAD + "3 3 2\n1 1 5e-324\n2 3 1e-320\n")
    Path("minus.mtx").write_text(HEAD + "% by hand\n2 2 1\n1 2 -1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run spmv -m piuma_tiny", f"matrix: none given; {ONE_OF}"),
        ("run spmv -m piuma_tiny --rmat 3 --graph bull", f"matrix: 2 given; {ONE_OF}"),
        ("run spmv -m piuma_tiny --graph x", f"graph: 'x' is unknown; use {', '.join(graph_names())}"),
        ("run spmv -m piuma_tiny --rmat 0", "rmat 0: scale is 0; give 1 to 24"),
        ("run spmv -m piuma_tiny --rmat 3 --nonzeros 9 --edge-factor 2", "rmat: nonzeros and edge_factor given; give one"),
        ("run spmv -m piuma_tiny --graph bull --nonzeros 3", "nonzeros: belongs to --rmat; leave it out"),
        ("run spmv -m piuma_tiny --graph bull --edge-factor 3", "edge_factor: belongs to --rmat; leave it out"),
        ("run spmv -m piuma_tiny --graph bull --density 0.1", "density: belongs to --weights; leave it out"),
        ("run spmv -m piuma_tiny --graph bull --pattern 2:8", "pattern: belongs to --weights; leave it out"),
        ("run spmv -m piuma_tiny --weights mlp", "weights: 'mlp' does not read as NETWORK/LAYER; write minilm/layer0.ffn.in"),
        ("run spmv -m piuma_tiny --weights mlp/fc1 --pattern 2:8 --density 0.1", "weights: pattern and density given; give one"),
        ("run spmv -m piuma_tiny --matrix none.mtx", "none.mtx: cannot be read (No such file or directory); give a Matrix Market file"),
        ("run bfs -m piuma_tiny --matrix flat.mtx", "flat.mtx:2: 2 x 3 is not square; bfs wants as many rows as columns"),
        (
            "run spgemm -m piuma_tiny --matrix flat.mtx",
            "flat.mtx:2: 2 x 3 is not square; spgemm of a matrix with itself wants as many rows as columns",
        ),
        (
            "run spgemm -m piuma_tiny --matrix flat.mtx --second flat.mtx",
            "flat.mtx:2: 2 rows, the matrix before it has 3 columns; give one that fits",
        ),
        (
            "run spgemm -m piuma_tiny --matrix huge.mtx",
            "huge.mtx:2: a value of 1e+200, and sums of products may leave doubles; scale it to 1e+100 or less",
        ),
        ("run pagerank -m piuma_tiny --matrix minus.mtx", "minus.mtx:3: holds -1; pagerank wants weights of 0 or more"),
        ("run gcn -m piuma_tiny --matrix minus.mtx", "minus.mtx:3: holds -1; gcn wants weights of 0 or more"),
        ("run bfs -m piuma_tiny --graph bull --root 5", "bull: root is 5; give 0 to 4"),
        ("run spmv -m piuma_tiny --graph bull --root 5", "root: spmv has no such option; leave it out"),
        ("run bfs -m piuma_tiny --graph bull --second flat.mtx", "second: bfs has no such option; leave it out"),
        ("run spgemm -m piuma_tiny --rmat 3 --version v4", "version: spgemm has no 'v4'; use v3, v1, v2, inner, outer"),
        ("run spmv -m piuma_tiny --rmat 3 --version v4", "version: spmv has no 'v4'; leave it out"),
        ("run spmm -m piuma_tiny --graph bull --width 12", "width: 12 is not a multiple of 8 from 8 on; use 32"),
        ("run gcn -m piuma_tiny --graph bull --width 0", "width: 0 is not a multiple of 8 from 8 on; use 16"),
        (
            "run gcn -m piuma_tiny --graph bull --width 80",
            "width: weights of 80 x 80 want more than the 28608 bytes of a scratchpad; lower it",
        ),
        (
            "run spmm -m piuma_tiny --graph bull --width 8000",
            "width: a row of 8000 does not fit the scratchpad of piuma_tiny; lower it, or use mtp",
        ),
        ("run spmv -m piuma_tiny --graph bull --blocks 0", "blocks: 0 is not positive; give a number above 0"),
        ("run spmv -m piuma_tiny --graph bull --blocks 257", "blocks: 257 is above 256; lower it"),
        (
            "run spmv -m tiny4 --graph bull",
            "machine: 'tiny4' is a tile machine, which does other work; use piuma, piuma_tiny, or a path to a .yaml file",
        ),
        ("run spmv -m piuma_tiny --graph bull --seq 3", "spmv: --seq is an option of networks; leave it out"),
        ("run spmv -m piuma_tiny --graph bull --no-values", "spmv: --no-values is an option of networks; leave it out"),
        ("run spmv -m piuma_tiny --graph bull --values", "spmv: --values is an option of networks; leave it out"),
        ("run SPMV -m piuma_tiny --graph bull", "workload: 'SPMV' is unknown; did you mean spmv?"),
        ("run spgem -m piuma_tiny --rmat 3 --blocks 2", "workload: 'spgem' is unknown; did you mean spgemm?"),
        ("run spgm -m piuma", "workload: 'spgm' is unknown; did you mean spgemm?"),
        ("run pagernk -m mine.yaml", "workload: 'pagernk' is unknown; did you mean pagerank?"),
        ("run xyz -m piuma", f"workload: 'xyz' is unknown; use {ALL}"),
        ("run resnet5 -m piuma", f"workload: 'resnet5' is unknown; use {ALL}"),
        ("run pagerank -m piuma_tiny --matrix small.mtx", "small.mtx:2: pagerank does not settle in 100 rounds; give another graph"),
        ("run mlp -m tiny4 --rmat 3", f"mlp: --rmat is an option of workloads ({ALL}); leave it out"),
        ("run mlp -m tiny4 --edge-factor 3", f"mlp: --edge-factor is an option of workloads ({ALL}); leave it out"),
    ],
)
def test_wrong_words(folder: Path, capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    before = sorted(Path().rglob("*"))
    assert main([*line.split(), "-o", "out"]) == 2
    printed = capsys.readouterr()
    assert printed.err == f"hwsim: {said}\n"
    assert printed.out == "" and sorted(Path().rglob("*")) == before


BEYOND = ("--seed 9223372036854775808", "--edge-factor 1048577", "--walkers 134217729", "--steps 1048577", "--width 65537")


@pytest.mark.parametrize("word", BEYOND)
def test_numbers_beyond_the_machine_are_one_line(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*"run spmm -m piuma_tiny --rmat 3".split(), *word.split()]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"hwsim: run: invalid value for '{word.split()[0]}': ") and printed.err.count("\n") == 1


def says(message: str, act: object) -> None:
    with pytest.raises(MatrixError) as e:
        act()  # type: ignore[operator]
    assert str(e.value) == message


def test_machines_without_a_kind_of_pipeline() -> None:
    tiny = load_thread_machine("piuma_tiny")
    no_stp, no_mtp = tiny.with_(stp__pipelines=0), tiny.with_(mtp__pipelines=0)
    cases = ((no_stp, "both", "single", "mtp"), (no_stp, "stp", "single", "mtp"), (no_mtp, "mtp", "multi", "stp"))
    for spec, version, kind, other in cases:
        says(
            f"version: {version} wants {kind}-threaded pipelines, piuma_tiny has none; use {other}",
            lambda s=spec, v=version: run_workload("spmm", s, graph("bull"), Options(version=v)),
        )


def test_what_a_token_cannot_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spgemm, "MOST_ROW", 20)
    monkeypatch.setattr(spgemm, "MOST_NONZEROS", 30)
    tiny = load_thread_machine("piuma_tiny")
    long = of((30, 30), np.zeros(21), np.arange(21))
    says("made: a row has 21 non-zeros; spgemm takes up to 20", lambda: run_workload("spgemm", tiny, long, Options()))
    many = of((30, 30), np.arange(30), np.arange(30))
    says("made: 30 non-zeros; spgemm takes fewer than 30", lambda: run_workload("spgemm", tiny, many, Options()))


def test_a_ring_for_ever_settles_or_is_refused() -> None:
    """Two vertices that only hand rank to each other settle; NetworkX's own limit is what is refused."""
    pair = of((2, 2), [0, 1], [1, 0])
    assert run_workload("pagerank", load_thread_machine("piuma_tiny"), pair, Options()).answer[1] > 0


def test_the_table_has_the_names() -> None:
    assert tuple(TABLE) == NAMES

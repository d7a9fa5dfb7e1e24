"""`hwsim run WORKLOAD` and `hwsim workloads`, from end to end."""

import json
from pathlib import Path

import pytest

from hwsim.cli import main
from hwsim.workloads import NAMES


def said(capsys: pytest.CaptureFixture[str], line: str) -> str:
    capsys.readouterr()
    assert main(line.split()) == 0
    return capsys.readouterr().out


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(said(capsys, "workloads --json"))
    assert [r["workload"] for r in rows] == list(NAMES)
    assert rows[0]["versions"].split(", ")[0] == "v3" and rows[3]["options"] == "--root"
    assert all(len(x) <= 100 for x in said(capsys, "workloads").splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_each_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, f"run {name} --machine piuma_tiny --blocks 1 --graph florentine")
    for word in ("cycles ", "DRAM bandwidth used", "data cache hits", "instructions a thread, stp", "threads  ", "equal to "):
        assert word in text, word


def test_json_and_out_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "run spgemm --machine piuma_tiny --rmat 5 --nonzeros 90 --version v1 --json"
    facts = json.loads(said(capsys, f"{line} -o {tmp_path / 'out'}"))
    assert facts == json.loads((tmp_path / "out/result.json").read_text())
    assert facts["matrix"]["nonzeros"] == 90 and facts["checked"]["equal"] and facts["blocks"] == 2
    m = facts["measures"]
    assert sum(m["waits"].values()) == pytest.approx(1)
    assert 0 < m["dram_used"] < 1 and 0 < m["on_chip"] < 1 and 0 < m["balance"] <= 1
    assert m["time_us"] == pytest.approx(m["cycles"] / 1100) and m["instructions"] == sum(p["mean"] * p["threads"] for p in m["pipelines"])


def test_files_weights_and_second(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = tmp_path / "a.mtx", tmp_path / "b.mtx"
    a.write_text("%%MatrixMarket matrix coordinate real general\n2 3 2\n1 3 2\n2 1 1\n")
    b.write_text("%%MatrixMarket matrix coordinate pattern general\n3 4 2\n1 4\n3 2\n")
    facts = json.loads(said(capsys, f"run spgemm -m piuma_tiny --matrix {a} --second {b} --json"))
    assert facts["work"]["multiplies"] == 2
    facts = json.loads(said(capsys, "run spmv -m piuma_tiny --blocks 1 --weights mlp/fc3 --pattern 1:8 --json"))
    assert facts["matrix"] == {"name": "mlp.fc3", "rows": 10, "columns": 512, "nonzeros": 640}
    facts = json.loads(said(capsys, "run spmv -m piuma_tiny --blocks 1 --weights mlp/fc3 --density 0.01 --json"))
    assert facts["matrix"]["nonzeros"] == 51

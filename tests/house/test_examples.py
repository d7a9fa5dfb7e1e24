"""Each example asks one question, stays short, runs, and answers; the README opens with what the first one prints."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, environment

EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))
LINES, TIMEOUT_SECONDS = 36, 600
# settings for a run of seconds; what an example of its own must have printed or written
FAST = {"03_design_space": ["--network", "mlp", "--sides", "8", "16", "--patterns", "dense", "2:8", "--kib", "512"]}
ANSWERS = {
    "01_one_layer": r"2:8 beside dense",
    "02_pruned_three_ways": r"unstructured at 0\.25 +[\d,]+ +[\d.-]+ +[\d.-]+ +\d+ of \d+",
    "03_design_space": r"4 points, 0 do not fit",
    "05_gates_equal": r"engine and gates agree: 20 Programs, [\d,]+ cycles",
    "07_sparse_products": r"v3 +[\d,]+ +[2-9]\.\d\d x.*\n\nchecked against SciPy: 27,326 entries",
    "04_your_own_machine": r"edge16-wide: \d+ us, [\d.]+x the dense run",
    "06_your_own_kernel": r"\n +16 +[\d.]+ +[\d.]+ % +[\d.]+\n",
}


def run(example: str, folder: Path) -> str:
    command = [sys.executable, str(ROOT / "examples" / f"{example}.py"), *FAST.get(example, [])]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, env=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_examples_are_numbered_and_answered() -> None:
    numbers = [int(f.name[:2]) for f in EXAMPLES]
    assert numbers == list(range(1, len(EXAMPLES) + 1)) and len(EXAMPLES) >= 4
    assert {f.stem for f in EXAMPLES} == set(ANSWERS)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_is_one_short_question(path: Path) -> None:
    text = path.read_text()
    first = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
    assert first.endswith("?"), f"{path.name}: the first line asks nothing: {first}"
    assert len(text.splitlines()) <= LINES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_runs_and_answers(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    said = run(path.stem, tmp_path)
    assert re.search(ANSWERS[path.stem], said), said
    if path.stem == "03_design_space":
        assert (tmp_path / "out/front.png").read_bytes().startswith(b"\x89PNG")
        assert len((tmp_path / "out/points.csv").read_text().splitlines()) == 5
    if path.stem == "01_one_layer":
        check_readme(said, request.config.getoption("--update-golden"))


def check_readme(said: str, update: bool) -> None:
    """The README opens with the first example's first screen, down to the first empty line behind its table."""
    opening = re.compile(r"(?<=^```text\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
    screen = "\n\n".join(said.split("\n\n")[:2]) + "\n"
    readme = (ROOT / "README.md").read_text()
    found = opening.search(readme)
    assert found, "the README has no block of text"
    if update:
        (ROOT / "README.md").write_text(readme[: found.start()] + screen + readme[found.end() :])
        return
    assert found[0] == screen, "the README shows another table than examples/01_one_layer.py prints; run pytest --update-golden"

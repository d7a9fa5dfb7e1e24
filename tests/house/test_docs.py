"""What the documents promise is there: links resolve, every page is listed, every command of the README runs."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT, environment

README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
TIMEOUT_SECONDS = 600


def blocks(language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(README) if kind == language]


def lines(tool: str) -> list[str]:
    """Command lines of the README that start with the tool, comments off, continued lines joined."""
    joined = "\n".join(blocks("sh")).replace("\\\n", " ")
    found = [line.split("#")[0].strip() for line in joined.splitlines()]
    return [line for line in found if line.split(" ")[0] == tool]


def test_links_resolve() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    links = [(p, target) for p in pages for target in LINK.findall(p.read_text())]
    broken = [f"{p.relative_to(ROOT)}: {target}" for p, target in links if not (p.parent / target).exists()]
    assert len(links) > 5 and not broken, broken


def test_every_page_is_listed() -> None:
    for folder in (ROOT / "docs", ROOT / "docs/decisions"):
        index = folder / ("index.md" if folder.name == "docs" else "README.md")
        listed = {(folder / t).resolve() for t in LINK.findall(index.read_text())}
        missing = [p.name for p in folder.glob("*.md") if p != index and p.resolve() not in listed]
        assert not missing, f"{index.relative_to(ROOT)} does not list {missing}"


def test_the_readme_names_both_commands_of_make() -> None:
    targets = {t for line in lines("make") for t in line.split()[1:]}
    assert {"demo", "test"} <= targets
    rules = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets <= set(rules)


def run(command: list[str], folder: Path) -> str:
    whole = [sys.executable, *command]
    done = subprocess.run(whole, cwd=folder, env=environment(), capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, f"{command[-1]}\n{done.stderr}"
    return done.stdout


def test_the_commands_of_the_readme_run_in_their_order(tmp_path: Path) -> None:
    """A later command may read what an earlier one wrote."""
    start = "import sys; from hwsim.cli import main; sys.exit(main())"
    commands = lines("hwsim")
    assert commands
    for line in commands:
        said = run(["-c", start, *shlex.split(line)[1:]], tmp_path)
        assert said.strip() or " -o " in line, f"{line}: prints nothing"


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    texts = blocks("python")
    assert texts
    for text in texts:
        assert run(["-c", text], tmp_path).strip(), "prints nothing"


def test_the_changelog_has_its_five_parts() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    for release in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        parts = re.findall(r"^### (\w+)", release, re.MULTILINE)
        assert parts == ["Added", "Changed", "Removed", "Fixed", "Numbers"], release.splitlines()[0]

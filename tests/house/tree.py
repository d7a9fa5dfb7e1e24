"""The tree as the house tests see it: files by room, parsed once."""

import ast
import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("hwsim", "mapper", "models", "rtl")
ROOMS = (*PACKAGES, "tests", "examples", "benchmarks")
TEXTS = {".py", ".md", ".toml", ".yaml", ".yml", ".json", ".txt", ".cfg", ".v", ".hex"}


def sources(*rooms: str) -> list[Path]:
    """Python files of the rooms, sorted; an empty room is a fault of the caller."""
    found = sorted(f for room in rooms for f in (ROOT / room).rglob("*.py"))
    assert found, f"no Python file in {rooms}"
    return found


def texts() -> list[Path]:
    """Every text file that belongs to the project."""
    rooms = [f for room in (*ROOMS, "docs") for f in (ROOT / room).rglob("*") if f.suffix in TEXTS and f.is_file()]
    top = [f for f in ROOT.iterdir() if f.is_file() and f.name not in ("LICENSE", ".git")]
    return sorted(rooms + top + list((ROOT / ".ci").iterdir()))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(parsed(path)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def environment() -> dict[str, str]:
    """For a process of its own that imports the packages of this tree, installed or not."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}

"""The cache of compiled kernels: what moves a kernel to another folder, and what an edit of a callee does."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hwsim import kernels

ROOT = Path(__file__).parents[3]
CALLER = """
from hwsim.callee import f
from hwsim.kernels import njit


@njit
def g(x):
    return f(x) + 1


print(g(1), g.stats.cache_hits.total())
"""
CALLEE = """
from hwsim.kernels import njit


@njit
def f(x):
    return x * {factor}
"""
TOP = """
import numpy
import hwsim.one
from hwsim.deep import two
from hwsim.deep.three import x


def f():
    from hwsim import four
"""


def package(folder: Path, **files: str) -> Path:
    root = folder / "hwsim"
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(text)
    return root


def test_sources_are_followed_through_every_kind_of_import(tmp_path):
    root = package(
        tmp_path,
        top=TOP, one="from hwsim import top", four="", unused="", deep__two="", deep__three="import os.path", deep__five="",
    )  # fmt: skip
    (root / "deep" / "__init__.py").write_text("")
    names = [str(p.relative_to(root)) for p in kernels.sources(root / "top.py", root)]
    assert names == ["deep/__init__.py", "deep/three.py", "deep/two.py", "four.py", "one.py", "top.py"]


def test_only_an_edit_of_a_source_or_a_setting_moves_the_folder(tmp_path, monkeypatch):
    root = package(tmp_path, top="from hwsim import callee", callee="x = 1", other="y = 1")
    first = kernels.source_hash(root / "top.py", root)
    (root / "other.py").write_text("y = 2")
    assert kernels.source_hash(root / "top.py", root) == first
    (root / "callee.py").write_text("x = 2")
    second = kernels.source_hash(root / "top.py", root)
    assert second != first
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert kernels.source_hash(root / "top.py", root) == second
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    assert kernels.source_hash(root / "top.py", root) != second


def run_script(path: Path, cache: Path) -> str:
    env = os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": f"{ROOT}{os.pathsep}{path.parent}"}
    env.pop("NUMBA_DISABLE_JIT", None)
    made = subprocess.run([sys.executable, str(path)], env=env, capture_output=True, text=True, timeout=120, check=True)
    return made.stdout.strip()


def test_an_edit_of_the_package_compiles_anew_and_an_unchanged_kernel_is_loaded(tmp_path):
    """The caller's own file stays; numba alone would load the old sum."""
    installed = tmp_path / "site"
    root = package(installed, callee=CALLEE.format(factor=10))
    for name in ("__init__.py", "kernels.py"):
        (root / name).write_bytes((ROOT / "hwsim" / name).read_bytes())
    script, cache = installed / "main.py", tmp_path / "cache"
    script.write_text("from hwsim.caller import g")
    (root / "caller.py").write_text(CALLER)
    env = {"PYTHONPATH": str(installed)}
    env = {k: v for k, v in os.environ.items() if k != "NUMBA_DISABLE_JIT"} | env | {"NUMBA_CACHE_DIR": str(cache)}

    def run() -> str:
        made = subprocess.run([sys.executable, str(script)], env=env, capture_output=True, text=True, timeout=120, check=True)
        return made.stdout.strip()

    assert run() == "11 0"
    assert run() == "11 1"
    (root / "callee.py").write_text(CALLEE.format(factor=20))
    assert run() == "21 0"


def test_folders_that_nobody_used_for_long_go(tmp_path):
    old, new, other = tmp_path / "kernels-a", tmp_path / "kernels-b", tmp_path / "mine"
    for folder in (old, new, other):
        folder.mkdir()
        (folder / "x.nbc").write_text("")
        past = time.time() - 86400 * (kernels.KEEP_DAYS + (1 if folder is not new else -1))
        os.utime(folder, (past, past))
    kernels.drop_old(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kernels-b", "mine"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX paths")
def test_without_a_folder_to_write_kernels_still_run(tmp_path):
    script, blocked = tmp_path / "k.py", tmp_path / "file"
    script.write_text("from hwsim.kernels import njit\n\n\n@njit\ndef f(x):\n    return x + 1\n\n\nprint(f(1), f.stats.cache_path)\n")
    blocked.write_text("a file where a folder should be")
    assert run_script(script, blocked) == "2 None"

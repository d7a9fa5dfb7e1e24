"""The import contract holds, and each of its sentences is broken by an import that it forbids."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import PACKAGES, ROOT

# sentence of the contract -> (new file, what it imports)
PLANTS = {
    "floors": ("mapper/passes/planted.py", "import hwsim.engine"),
    "models see of the mapper its graph alone": ("models/planted.py", "import mapper.passes"),
    "the engine's rooms are the engine's": ("rtl/planted.py", "import hwsim.components.link"),
    "the thread machine's rooms are its own": ("mapper/planted_thread.py", "import hwsim.thread.run"),
    "a Result is made by the engine": ("mapper/planted.py", "import hwsim.result"),
    "nothing below the trip knows models": ("hwsim/spec/planted.py", "import models"),
    "door: numba": ("hwsim/report/planted.py", "import numba"),
    "door: amaranth": ("hwsim/engine/planted.py", "import amaranth"),
    "door: onnx": ("models/planted_frontend.py", "import onnx"),
    "door: safetensors and tokenizers": ("mapper/planted_reader.py", "import safetensors"),
    "door: serial lines": ("hwsim/report/planted_serial.py", "import serial"),
    "door: YAML": ("hwsim/spec/planted_reader.py", "from ruamel.yaml import YAML"),
    "door: pictures": ("hwsim/engine/planted_picture.py", "import matplotlib.pyplot"),
    "door: clusters": ("hwsim/engine/planted_cluster.py", "import distributed"),
    "door: command line": ("hwsim/report/planted_line.py", "import typer"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import *; lint_imports_command(['--no-cache'])"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in PLANTS.values():
        (folder / path).write_text(text + "\n")
    done = lint(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_the_contract_holds() -> None:
    done = lint(ROOT)
    assert done.returncode == 0 and f"{len(PLANTS)} kept, 0 broken" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("sentence", PLANTS)
def test_a_planted_import_is_caught(planted: str, sentence: str) -> None:
    path, _ = PLANTS[sentence]
    module = path.removesuffix(".py").replace("/", ".")
    verdict = [line for line in planted.splitlines() if line.startswith(sentence) and " BROKEN" in line]
    assert verdict, f"{sentence}: kept although {path} was planted"
    broken = planted.split("Broken contracts")[1]
    assert any(module in part for part in broken.split("\n\n")), f"{module} is not named"


def test_every_sentence_has_a_plant() -> None:
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    bare = [c["name"] for c in contracts if not any(c["name"].startswith(s) for s in PLANTS)]
    assert not bare, f"no planted import for: {bare}"

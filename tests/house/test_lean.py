"""A floor that is not used is not started: light imports stay light."""

import subprocess
import sys

import pytest

from tests.house.tree import ROOT, environment, name, sources

HEAVY = ("numba", "amaranth", "onnx", "scipy", "matplotlib", "safetensors", "tokenizers", "torch")


def modules(room: str) -> list[str]:
    return [name(f).removesuffix(".py").replace("/", ".").removesuffix(".__init__") for f in sources(room)]


@pytest.mark.parametrize(
    ("room", "barred"),
    [("hwsim/spec", HEAVY), ("mapper", ("numba", "amaranth", "onnx", "matplotlib")), ("rtl", ("numba", "onnx", "matplotlib"))],
)
def test_a_room_starts_only_what_it_needs(room: str, barred: tuple[str, ...]) -> None:
    text = f"import sys, {', '.join(modules(room))}\nprint(*[m for m in {barred!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "", f"{room} starts {done.stdout.strip()}"


def test_the_probe_sees_what_is_started() -> None:
    text = "import sys, hwsim.kernels\nprint('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "True", done.stderr

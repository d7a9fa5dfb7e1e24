"""The kernels compiled and as plain Python: the same state of every storage, the same MACs."""

import os
import subprocess
import sys
from pathlib import Path

from tests.harness.values_digest import lines

ROOT = Path(__file__).parents[2]


def test_compiled_equals_plain_python(tmp_path):
    env = os.environ | {"NUMBA_DISABLE_JIT": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.harness.values_digest"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    plain, compiled = made.stdout.splitlines(), list(lines())
    assert len(compiled) == 23
    assert compiled == plain
    assert not list(tmp_path.iterdir())  # nothing was compiled there

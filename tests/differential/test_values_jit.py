"""The kernels compiled, for this host and for a lesser one, and as plain Python: the same state of every storage, the same MACs."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.values_digest import lines

ROOT = Path(__file__).parents[2]


def digests(**settings: str) -> list[str]:
    """What another process says of the same commands."""
    env = {k: v for k, v in os.environ.items() if k != "NUMBA_DISABLE_JIT"} | settings
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.harness.values_digest"],
        cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    return made.stdout.splitlines()


def test_compiled_equals_plain_python(tmp_path):
    plain, compiled = digests(NUMBA_DISABLE_JIT="1", NUMBA_CACHE_DIR=str(tmp_path)), list(lines())
    assert len(compiled) == 23
    assert compiled == plain
    assert not list(tmp_path.iterdir())  # nothing was compiled there


@pytest.mark.nightly
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="compiles for AVX2")
def test_a_host_without_avx512_gives_the_same_bits(tmp_path):
    narrow = digests(NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES="+avx,+avx2,+fma,+f16c", NUMBA_CACHE_DIR=str(tmp_path))
    assert list(tmp_path.iterdir())  # compiled anew
    assert narrow == list(lines())

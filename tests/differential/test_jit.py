"""The compiled kernels of the engine against their un-jitted selves."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import hashlib
from hwsim.engine import run_cycles
from tests.harness.programs import TINY4, program, tiled_commands
spec = TINY4.with_(link_depth=1, memory__latency_cycles=7)
state, units, cycles = run_cycles(spec, program(tiled_commands(4), spec=spec))
print(hashlib.sha256(state.log.tobytes() + units.tobytes() + cycles.tobytes()).hexdigest(), cycles.sum())
"""


def run(**changes: str) -> tuple[str, int]:
    root = Path(__file__).parents[2]
    out = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=root, env={**os.environ, **changes}, capture_output=True, text=True
    )
    assert out.returncode == 0, out.stderr
    digest, cycles = out.stdout.split()
    return digest, int(cycles)


def test_engine_jitted_is_unjitted() -> None:
    jitted, plain = run(), run(NUMBA_DISABLE_JIT="1")
    assert jitted == plain
    assert plain[1] > 100
    assert len(jitted[0]) == 2 * hashlib.sha256().digest_size

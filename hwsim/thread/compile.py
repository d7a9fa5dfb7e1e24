"""Compiles a kernel in C into an Image. The compiler is the Python package `ziglang` (extra `kernels`)."""

import importlib.util
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from hwsim.spec.errors import ProgramError
from hwsim.thread.image import Image, load_image

HERE = Path(__file__).parent / "kernels"
TARGET = ("-target", "riscv64-freestanding-none", "-mcpu=generic_rv64+m+a+zdinx", "-mcmodel=medany")
FLAGS = (
    "-O2", "-ffreestanding", "-fomit-frame-pointer", "-fno-unwind-tables", "-fno-sanitize=all", "-fno-math-errno", "-static", "-g0",
    "-Wl,--gc-sections", "-Wl,-s",
)  # fmt: skip
FAULT = re.compile(r"^(.*?):(\d+):(?:\d+:)? (?:fatal )?error: (.*)$", re.MULTILINE)
TIMEOUT_SECONDS = 300


def compiler_installed() -> bool:
    return importlib.util.find_spec("ziglang") is not None


def compile_kernel(source: str | Path) -> Image:
    """The image's name is the file's stem. A file that does not compile is one line: its first error."""
    source = Path(source)
    if not source.is_file():
        raise ProgramError(f"{source}: is no file; give a kernel in C")
    if not compiler_installed():
        raise ProgramError("compiler: the package ziglang is not installed; pip install 'hwsim[kernels]'")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "kernel.elf"
        command = [sys.executable, "-m", "ziglang", "cc", *TARGET, *FLAGS, "-I", str(HERE), f"-Wl,-T,{HERE / 'link.ld'}"]
        try:
            done = subprocess.run([*command, str(source), "-o", str(out)], capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired as e:
            raise ProgramError(f"{source}: the compiler took more than {TIMEOUT_SECONDS} s; give a smaller kernel") from e
        if done.returncode != 0 or not out.exists():
            raise ProgramError(_first_error(source, done.stderr))
        if "cannot find entry symbol" in done.stderr:
            raise ProgramError(f'{source}: nothing starts it; write #include "hwsim_thread.h" and void kernel(int64_t a, ...)')
        return replace(load_image(out), name=source.stem)


def _first_error(source: Path, said: str) -> str:
    if found := FAULT.search(said):
        return f"{found[1]}:{found[2]}: {' '.join(found[3].split())}; mend the line"
    if "undefined symbol: kernel" in said:
        return f"{source}: defines no function kernel; write void kernel(int64_t a, ...)"
    lines = [" ".join(line.split()) for line in said.splitlines() if "error" in line]
    return f"{source}: {(lines or ['the compiler failed without a word'])[0][:200]}; mend the file"

"""Kernels in C: what the compiler makes is what is committed; what does not compile is one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from hwsim.spec.errors import ProgramError, SimulationError
from hwsim.spec.load import load_thread_machine
from hwsim.thread import Image, compile_kernel, compiler_installed, load_image, run_threads
from hwsim.thread.compile import TARGET
from tests.harness.thread_traffic import FOLDER
from tests.house.tree import ROOT

needs_compiler = pytest.mark.skipif(not compiler_installed(), reason="the extra `kernels` is not installed")


COMMITTED = sorted([*FOLDER.glob("*.c"), *(ROOT / "benchmarks/kernels").glob("*.c")])


@needs_compiler
@pytest.mark.parametrize("source", COMMITTED, ids=lambda p: p.stem)
def test_a_committed_image_is_what_the_compiler_makes(source: Path) -> None:
    assert compile_kernel(source).text() == source.with_suffix(".hex").read_text() and len(COMMITTED) >= 3


@needs_compiler
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int x(", "k.c:2: expected parameter declarator; mend the line"),
        ('#include "no.h"', "k.c:2: 'no.h' file not found; mend the line"),
        ("void other(void) {}", "k.c: defines no function kernel; write void kernel(int64_t a, ...)"),
    ],
)
def test_a_file_that_does_not_compile_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "k.c").write_text(f'#include "hwsim_thread.h"\n{text}\n')
    with pytest.raises(ProgramError) as e:
        compile_kernel(tmp_path / "k.c")
    assert str(e.value) == f"{tmp_path}/{message}"


def test_a_missing_file_and_a_missing_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProgramError, match="no.c: is no file; give a kernel in C"):
        compile_kernel(tmp_path / "no.c")
    (tmp_path / "k.c").write_text("")
    monkeypatch.setattr("hwsim.thread.compile.compiler_installed", lambda: False)
    with pytest.raises(ProgramError, match=r"^compiler: the package ziglang is not installed; pip install 'hwsim\[kernels\]'$"):
        compile_kernel(tmp_path / "k.c")


def host_test(folder: Path, wanted: int, *more: str) -> Image:
    """The ELF file that a linker makes of a test in the convention of the public suites: `.tohost` in a page of its own."""
    out = folder / f"add-{wanted}.elf"
    words = [*TARGET, *more, "-nostdlib", "-static", f"-DWANTED={wanted}", f"-Wl,-T,{FOLDER / 'host_test.ld'}"]
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *words, str(FOLDER / "host_test.S"), "-o", str(out)], check=True)
    return load_image(out)


@needs_compiler
def test_an_image_of_the_public_convention_passes_and_fails(tmp_path: Path) -> None:
    tiny = load_thread_machine("piuma_tiny").with_(blocks=1)
    passes = host_test(tmp_path, 7)
    assert (passes.entry, passes.base, passes.tohost) == (0x80000000, 0x80000000, 0x80001000)
    assert run_threads(tiny, passes, limit_cycles=100_000).result.instructions > 40
    with pytest.raises(SimulationError, match=r"add-8.elf: test 3 failed \(tohost 7\); see its source$"):
        run_threads(tiny, host_test(tmp_path, 8), limit_cycles=100_000)


@needs_compiler
def test_compressed_instructions_are_named(tmp_path: Path) -> None:
    compressed = host_test(tmp_path, 7, "-mcpu=generic_rv64+m+a+c+zdinx")
    with pytest.raises(SimulationError, match=r"compressed instruction; compile without the extension c"):
        run_threads(load_thread_machine("piuma_tiny").with_(blocks=1), compressed, limit_cycles=100_000)

"""Kernels in C: what the compiler makes is what is committed; what does not compile is one line."""

from pathlib import Path

import pytest

from hwsim.spec.errors import ProgramError
from hwsim.thread import compile_kernel, compiler_installed
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

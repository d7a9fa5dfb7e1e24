"""A folder gets all files or none, and they are made where they can be renamed into it."""

import os
from pathlib import Path

import pytest

from hwsim.cli.files import whole_folder
from hwsim.spec.errors import ResultError


@pytest.mark.parametrize("there", [True, False])
def test_files_are_made_on_the_file_system_of_their_folder(tmp_path: Path, there: bool) -> None:
    """A folder that is there may be a mount of its own."""
    out = tmp_path / "out"
    if there:
        out.mkdir()
        (out / "old").touch()
    with whole_folder(out) as made:
        assert made is not None and made.parent == (out if there else tmp_path)
        (made / "deep").mkdir()
        (made / "deep/new").write_text("x")
    assert (out / "deep/new").read_text() == "x" and sorted(os.listdir(out)) == ["deep", *(["old"] if there else [])]
    assert os.listdir(tmp_path) == ["out"]


def test_a_failure_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("1")
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path) as made:
        assert made is not None
        (made / "old").write_text("2")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["old"] and (tmp_path / "old").read_text() == "1"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(ResultError, match="x: is a file; give a folder$"), whole_folder(tmp_path / "x"):
        pass

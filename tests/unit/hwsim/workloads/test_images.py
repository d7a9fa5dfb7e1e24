"""Every image is what the compiler makes of the source beside it."""

import pytest

from hwsim.thread import compiler_installed
from hwsim.workloads.images import FOLDER, compiled_text, image, image_names
from hwsim.workloads.table import TABLE

needs_compiler = pytest.mark.skipif(not compiler_installed(), reason="the C compiler (package ziglang) is not installed")


def test_every_source_has_its_image_and_every_image_its_source() -> None:
    assert {p.stem for p in FOLDER.glob("*.hex")} == set(image_names())
    of_versions = {f"spgemm_{v}" for v in TABLE["spgemm"].versions}
    assert set(image_names()) == of_versions | {name.replace("-", "_") for name in TABLE} - {"spgemm"}


@pytest.mark.parametrize("name", image_names())
def test_an_image_loads(name: str) -> None:
    found = image(name)
    assert found.entry == found.base and len(found.data) > 500


@needs_compiler
@pytest.mark.parametrize("name", image_names())
def test_an_image_is_its_source_compiled(name: str) -> None:
    assert compiled_text(name) == (FOLDER / f"{name}.hex").read_text(), "run python -m hwsim.workloads.images"

"""The kernels' images: C sources in c/, and beside each the image that a compiler made of it, as text."""

from pathlib import Path

from hwsim.thread import Image, load_image

FOLDER = Path(__file__).parent / "c"


def image_names() -> tuple[str, ...]:
    return tuple(sorted(p.stem for p in FOLDER.glob("*.c")))


def image(name: str) -> Image:
    return load_image(FOLDER / f"{name}.hex")

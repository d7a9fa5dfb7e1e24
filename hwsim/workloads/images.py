"""The kernels' images: C sources in c/, and beside each the image that a compiler made of it, as text.

`python -m hwsim.workloads.images` compiles them again (extra `kernels`).
"""

from pathlib import Path

from hwsim.thread import Image, compile_kernel, load_image

FOLDER = Path(__file__).parent / "c"


def image_names() -> tuple[str, ...]:
    return tuple(sorted(p.stem for p in FOLDER.glob("*.c")))


def image(name: str) -> Image:
    return load_image(FOLDER / f"{name}.hex")


def compiled_text(name: str) -> str:
    return compile_kernel(FOLDER / f"{name}.c").text()


def main() -> None:
    for name in image_names():
        (FOLDER / f"{name}.hex").write_text(compiled_text(name))


if __name__ == "__main__":
    main()

"""A kernel in C that keeps every part of a thread machine busy, in an order that depends on the thread and a seed; its image beside it."""

from pathlib import Path

from hwsim.thread import Image, load_image

FOLDER = Path(__file__).parent / "kernels"


def traffic_image() -> Image:
    return load_image(FOLDER / "traffic.hex")

"""Padding made on chip: fills around what was loaded."""

from mapper.emit.port import Port


def fill_border(
    port: Port, level: str, at: int, shape: tuple[int, int, int], pixel: int, inside: tuple[int, int, int, int], lowest: bool = False
) -> None:  # fmt: skip
    """`shape`: images, rows, columns of the tile, `pixel` bytes each. `inside`: top, left, height,
    width of what was loaded.

    The right edge of a row and the left edge of the next are one run.
    """
    images, tall, wide = shape
    top, left, height, width = inside
    image, line = tall * wide * pixel, wide * pixel
    if height == 0 or width == 0:
        port.fill(level, at, image, (images, image), lowest=lowest)
        return
    right, bottom = wide - left - width, tall - top - height
    port.fill(level, at, top * line + left * pixel, (images, image), lowest=lowest)
    if height > 1:
        port.fill(
            level,
            at + top * line + (left + width) * pixel,
            (right + left) * pixel,
            (height - 1, line),
            (images, image),
            lowest=lowest,
        )
    last = (top + height) * line - right * pixel
    port.fill(level, at + last, right * pixel + bottom * line, (images, image), lowest=lowest)

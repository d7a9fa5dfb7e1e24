"""Layers of the vector unit over rows: elementwise maps on flattened tensors, softmax and layernorm
on whole rows.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

from hwsim.spec.errors import MappingError
from hwsim.spec.machine import AcceleratorSpec
from mapper.emit.areas import Areas, Split, overlaps
from mapper.emit.port import Port
from mapper.emit.rows import RowStep, copy_rows, row_args
from mapper.nest import Place

SMALL_BYTES = 4096  # tiles below this size cost more in commands than their overlap gains


@dataclass(frozen=True)
class Rows:
    """A tensor as `count` rows of `length` elements, and rows of one tile. Rows of one `period`
    share a mask row; tiles do not straddle periods.
    """

    count: int
    length: int
    tile: int
    period: int


def plan_rows(spec: AcceleratorSpec, name: str, shape: tuple[int, int], operands: int, at: Split, period: int) -> Rows:
    """Tiles of a quarter of the rows, or as many as have two turns in vec."""
    count, length = shape
    row = length * spec.pe.element_bytes
    areas = Areas(spec, at)
    tile = min(max(ceil(count / 4), ceil(SMALL_BYTES / row)), period, (1 << 16) - 1)

    def fits(turns: int) -> bool:
        return areas.operands.holds(*[(tile, row)] * operands * turns) and areas.results.holds(*[(tile, row)] * turns)

    while tile > 1 and not fits(2):
        tile = ceil(tile / 2)
    if not fits(1):
        have = min((at.results - at.operands) // operands, at.end - at.results, spec.levels.vec.bank_bytes)
        raise MappingError(
            f"{name} at vec: needs {8 * row} bits for one row of {length} elements, {8 * have} there are; "
            "raise levels.vec.capacity_bits or lower levels.vec.banks"
        )
    return Rows(count, length, ceil(period / ceil(period / tile)), period)


def emit_rows(port: Port, areas: Areas, rows: Rows, step: RowStep, sources: list[int], dst: int) -> None:
    """`sources`, `dst`: addresses of dense tensors. A second source is operand b."""
    row_bytes = rows.length * port.spec.pe.element_bytes
    for start in range(0, rows.count, rows.period):
        for low in range(start, min(start + rows.period, rows.count), rows.tile):
            n = min(rows.tile, start + rows.period - low, rows.count - low)
            _emit_tile(
                port,
                areas,
                rows,
                step,
                [Place((s,), row_bytes) for s in sources],
                Place((dst,), row_bytes),
                low,
                n,
                row_bytes,
            )


def _emit_tile(
    port: Port, areas: Areas, rows: Rows, step: RowStep, sources: list[Place], dst: Place, low: int, n: int, row_bytes: int
) -> None:  # fmt: skip
    buffers = []
    areas.operands.room(*[(n, row_bytes)] * len(sources))
    for source in sources:
        buffers.append(areas.operands.take(n, row_bytes))
        copy_rows(port.load_vec, source, 0, low, 0, buffers[-1], row_bytes)
    args = row_args(port, areas, step, low // rows.period)
    buffers.append(areas.results.take(n, row_bytes))
    for _, count, at in overlaps(*buffers, row_bytes=(row_bytes,) * len(buffers)):
        more: dict[str, Any] = {"has_b": 1, "b": at[1], "b_stride0": row_bytes} if len(sources) > 1 else {}
        port.vector(
            step.fn,
            rows=(count, 1),
            length=rows.length,
            dst=at[-1],
            dst_row=row_bytes,
            from_vec=1,
            a=at[0],
            a_stride0=row_bytes,
            **args,
            **more,
        )
    copy_rows(port.store, dst, 0, low, 0, buffers[-1], row_bytes)

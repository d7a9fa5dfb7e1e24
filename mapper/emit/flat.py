"""Layers of the vector unit over rows: elementwise maps on flattened tensors, softmax and layernorm
on whole rows.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

from hwsim.spec.errors import MappingError
from hwsim.spec.machine import AcceleratorSpec
from mapper.emit.areas import Areas, overlaps
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


def plan_rows(
    spec: AcceleratorSpec, name: str, shape: tuple[int, int], operands: int, room: tuple[int, int], period: int
) -> Rows:
    """`room`: bytes of vec for operands and for results; each buffer has two turns where they fit."""
    count, length = shape
    row = length * spec.pe.element_bytes
    most = min(room[0] // (2 * operands), room[1] // 2) // row or min(room[0] // operands, room[1]) // row
    bank = spec.levels.vec.bank_bytes // row
    if not most or not bank:
        need, there = 8 * row * (operands + 1), 8 * min(sum(room), 2 * spec.levels.vec.bank_bytes)
        raise MappingError(
            f"{name} at vec: needs {need} bits for one row of {length} elements in and out, {there} there are; "
            "raise levels.vec.capacity_bits or lower levels.vec.banks"
        )
    quarter = max(ceil(count / 4), ceil(SMALL_BYTES / row))
    tile = min(most, quarter, period, bank, (1 << 16) - 1)
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

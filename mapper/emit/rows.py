"""Steps over whole rows in `vec`: softmax, layernorm and elementwise maps behind a product."""

from dataclasses import dataclass, field
from typing import Any

from mapper.allocate import Piece
from mapper.emit.areas import Areas, overlaps
from mapper.emit.port import Port
from mapper.nest import Place


@dataclass
class RowStep:
    """`fn` with its constants. Parameters and mask rows are loaded once and found again. `mask`:
    memory address of the first row, `length` elements each; `mask_every`: instances (or rows of the
    tensor) that share one. `premasked`: the map of the product before has added it.
    """

    fn: str
    length: int
    act: str = "none"
    has_bias: bool = False
    has_scale: bool = False
    shift: int = 0
    imm: int = 0
    param_at: int = 0
    param_bytes: int = 0
    mask: int = -1
    mask_every: int = 1
    premasked: bool = False
    loaded: dict[str, tuple[int, int]] = field(default_factory=dict)


def row_args(port: Port, areas: Areas, step: RowStep, instance: int) -> dict[str, Any]:
    args: dict[str, Any] = {
        "has_bias": int(step.has_bias), "has_scale": int(step.has_scale), "shift": step.shift, "imm": step.imm, "act": step.act,
    }  # fmt: skip
    if step.param_bytes:
        if "param" not in step.loaded:
            at = areas.keep(step.param_bytes)
            port.load("vec", at, step.param_at, step.param_bytes)
            step.loaded["param"] = (0, at)
        args |= {"param": step.loaded["param"][1], "param_bytes": step.param_bytes}
    if step.mask >= 0 and not step.premasked:
        args |= {"has_b": 1, "b": mask_row(port, areas, step, instance), "b_stride0": 0}
    return args


def mask_row(port: Port, areas: Areas, step: RowStep, instance: int) -> int:
    """Address in `vec` of the mask row of an instance; loads it when it is not there."""
    row, size = instance // step.mask_every, step.length * port.spec.pe.element_bytes
    if step.loaded.get("mask", (-1, 0))[0] != row:
        at = areas.turn("mask", size)
        port.load("vec", at, step.mask + row * size, size)
        step.loaded["mask"] = (row, at)
    return step.loaded["mask"][1]


def emit_row_step(
    port: Port, areas: Areas, step: RowStep, instance: int, source: list[Piece], rows: int, row_bytes: int, in_place: bool
) -> list[Piece]:  # fmt: skip
    """Runs the step over rows that stand in `vec`; where its result stands."""
    args = row_args(port, areas, step, instance)
    out = source if in_place else areas.results.take(rows, row_bytes)
    for _, n, (a, dst) in overlaps(source, out, row_bytes=(row_bytes, row_bytes)):
        port.vector(
            step.fn,
            rows=(n, 1),
            length=step.length,
            dst=dst,
            dst_row=row_bytes,
            from_vec=1,
            a=a,
            a_stride0=row_bytes,
            **args,
        )
    return out


def copy_rows(move: Any, place: Place, instance: int, row: int, skip: int, pieces: list[Piece], row_bytes: int) -> None:
    """`move` (a load into vec or a store) for dense rows of memory, from `row` on, bytes `skip`..
    of each.
    """
    for at, rows in pieces:
        mem = place.base[instance] + row * place.pitch + skip
        if place.pitch == row_bytes:
            move(at, mem, rows * row_bytes)
        else:
            move(at, mem, row_bytes, (rows, place.pitch, row_bytes))
        row += rows

"""Transposes a tensor in memory through vec, for a second operand of `scores` that no linear layer
makes.
"""

from dataclasses import dataclass

from hwsim.spec.errors import MappingError
from mapper.emit.areas import Areas, overlaps
from mapper.emit.port import Port
from mapper.emit.rows import copy_rows
from mapper.nest import Place


@dataclass(frozen=True)
class Transpose:
    """[batch*seq, n] at `source` -> [batch, n, seq] at `dst`; tiles of `rows` x `cols` elements."""

    name: str
    source: int
    dst: int
    batch: int
    seq: int
    n: int


def emit_transpose(port: Port, areas: Areas, x: Transpose) -> None:
    """Columns become rows of an odd pitch, so that the lanes of one write fall into different
    columns of the level.
    """
    eb = port.spec.pe.element_bytes
    rows, cols = _tile(port, areas, x)
    place = Place((x.source,), x.n * eb)
    for b in range(x.batch):
        for low in range(0, x.seq, rows):
            for col in range(0, x.n, cols):
                n, width = min(rows, x.seq - low), min(cols, x.n - col)
                source = areas.operands.take(n, width * eb)
                copy_rows(port.load_vec, place, 0, b * x.seq + low, col * eb, source, width * eb)
                pitch = (n | 1) * eb
                out = areas.results.take(1, width * pitch)[0][0]
                for row, count, (a,) in overlaps(source, row_bytes=(width * eb,)):
                    port.vector(
                        "map",
                        rows=(count, 1),
                        length=width,
                        dst=out + row * eb,
                        dst_row=eb,
                        dst_lane=pitch,
                        from_vec=1,
                        a=a,
                        a_stride0=width * eb,
                    )
                mem = x.dst + (b * x.n + col) * x.seq * eb + low * eb
                port.store(out, mem, n * eb, (width, x.seq * eb, pitch))


def _tile(port: Port, areas: Areas, x: Transpose) -> tuple[int, int]:
    """As many rows as fit, of some vector lanes each; two turns where they fit."""
    eb, cols = port.spec.pe.element_bytes, min(x.n, port.spec.vector.lanes)
    for turns in (2, 1):
        rows = x.seq
        while rows:
            if areas.operands.holds(*[(rows, cols * eb)] * turns) and areas.results.holds(
                *[(1, cols * (rows | 1) * eb)] * turns
            ):
                return rows, cols
            rows //= 2
    need = 8 * cols * eb
    raise MappingError(
        f"{x.name} at vec: needs {need} bits in and out to transpose a row, there are fewer; raise levels.vec.capacity_bits"
    )

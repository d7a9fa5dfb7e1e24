"""How a layer divides `vec`: parameters, operands, results. Operands and results lie in different
banks where there are two or more.
"""

from dataclasses import dataclass

from hwsim.spec.errors import MappingError
from hwsim.spec.machine import AcceleratorSpec
from mapper.allocate import BankedRing, Piece
from mapper.nest import Product


@dataclass(frozen=True)
class Split:
    """Byte borders of `vec`: [0, operands) parameters, [operands, results) operands, [results, end)
    results.
    """

    operands: int
    results: int
    end: int


def split(spec: AcceleratorSpec, param_bytes: int, where: str) -> Split:
    """A quarter of the first half for parameters, or what they need."""
    level = spec.levels.vec
    half = level.capacity_bytes // 2 if level.banks == 1 else level.banks // 2 * level.bank_bytes
    half -= half % 4
    need = -(-param_bytes // 4) * 4
    quarter = half // 16 * 4
    operands = max(need, quarter)
    if operands > half or param_bytes > level.bank_bytes:
        raise MappingError(
            f"{where} at vec: needs {8 * param_bytes} bits of parameters in one bank, {8 * min(half, level.bank_bytes)} there are; "
            "raise levels.vec.capacity_bits or lower levels.vec.banks"
        )
    return Split(operands, half, level.capacity_bytes)


def param_need(spec: AcceleratorSpec, x: Product) -> int:
    """Bytes of `vec` that parameters need at least: those of the row steps, and two turning blocks
    of a column tile.
    """
    return x.fixed_bytes + 2 * (x.params * 4 * spec.array.cols + x.table_bytes) + 8


class Areas:
    """Rings of operands and results; of the parameters, what is kept for the whole layer from the
    bottom, and two turning slots for each user. `reserved`: bytes that row steps will ask for.
    """

    def __init__(self, spec: AcceleratorSpec, at: Split, reserved: int = 0) -> None:
        self._bank = spec.levels.vec.bank_bytes
        self.operands = BankedRing(at.operands, at.results, self._bank)
        self.results = BankedRing(at.results, at.end, self._bank)
        self._kept, self._end, self._reserved = 0, at.operands, reserved
        self._slots: dict[str, tuple[int, list[int]]] = {}

    def _place(self, size: int) -> int:
        at = -(-self._kept // 4) * 4
        return at if at // self._bank == (at + size - 1) // self._bank else (at // self._bank + 1) * self._bank

    def fits(self, size: int) -> bool:
        """Whether `size` bytes can be kept, and as much again is left over."""
        return size <= self._bank and self._place(size) + 2 * size + self._reserved <= self._end

    def keep(self, size: int) -> int:
        at = self._place(size)
        assert at + size <= self._end, (at, size, self._end)
        self._kept = at + size
        return at

    def turn(self, user: str, size: int) -> int:
        """One of the two slots of a user in turn, so that its next parameters come while these are
        read. The first call fixes the size.
        """
        if user not in self._slots:
            self._slots[user] = (size, [self.keep(size), self.keep(size)])
        most, slots = self._slots[user]
        assert size <= most, (user, size, most)
        slots.reverse()
        return slots[0]


def overlaps(*buffers: list[Piece], row_bytes: tuple[int, ...]) -> list[tuple[int, int, tuple[int, ...]]]:
    """Cuts buffers of the same rows where any of them is cut: (first row, rows, address in each)."""
    borders = {0}
    for pieces in buffers:
        at = 0
        for _, rows in pieces:
            at += rows
            borders.add(at)
    cuts = sorted(borders)
    out = []
    for low, high in zip(cuts, cuts[1:], strict=False):
        out.append((low, high - low, tuple(_address(p, low, rb) for p, rb in zip(buffers, row_bytes, strict=True))))
    return out


def cut(pieces: list[Piece], row: int, rows: int, row_bytes: int) -> list[Piece]:
    """Rows row..row+rows of a buffer."""
    out = []
    for address, count in pieces:
        low, high = max(row, 0), min(row + rows, count)
        if low < high:
            out.append((address + low * row_bytes, high - low))
        row -= count
    return out


def _address(pieces: list[Piece], row: int, row_bytes: int) -> int:
    for address, rows in pieces:
        if row < rows:
            return address + row * row_bytes
        row -= rows
    raise AssertionError("row outside its buffer")

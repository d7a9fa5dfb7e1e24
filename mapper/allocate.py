"""Where things stand: memory for tensors by lifetime, rings for levels, and who touched which byte
last.
"""

from bisect import bisect_left, bisect_right

from hwsim.spec.errors import MappingError

ALIGN = 64


class Ledger:
    """Last writer and the readers since, for every byte of one level. Commands are (queue, place in
    queue).

    Disjoint segments, sorted. `needs[q]` is raised to the number of commands of queue q that must
    be done first.
    """

    def __init__(self) -> None:
        self._low: list[int] = []
        self._high: list[int] = []
        self._mark: list[tuple[tuple[int, int] | None, dict[int, int]]] = []

    def read(self, low: int, high: int, queue: int, place: int, needs: list[int]) -> None:
        i = self._isolate(low, high)
        while i < len(self._low) and self._low[i] < high:
            writer, readers = self._mark[i]
            if writer:
                needs[writer[0]] = max(needs[writer[0]], writer[1] + 1)
            readers[queue] = place
            i += 1

    def write(self, low: int, high: int, queue: int, place: int, needs: list[int]) -> None:
        first = i = self._isolate(low, high)
        while i < len(self._low) and self._low[i] < high:
            writer, readers = self._mark[i]
            if writer:
                needs[writer[0]] = max(needs[writer[0]], writer[1] + 1)
            for q, p in readers.items():
                needs[q] = max(needs[q], p + 1)
            i += 1
        self._low[first:i], self._high[first:i] = [low], [high]
        self._mark[first:i] = [((queue, place), {})]

    def _isolate(self, low: int, high: int) -> int:
        """Cuts segments at low and high and fills the gaps between; the place of the first one
        inside.
        """
        for at in (low, high):
            i = bisect_right(self._low, at) - 1
            if i >= 0 and self._low[i] < at < self._high[i]:
                writer, readers = self._mark[i]
                self._low.insert(i + 1, at)
                self._high.insert(i + 1, self._high[i])
                self._mark.insert(i + 1, (writer, dict(readers)))
                self._high[i] = at
        first = i = bisect_left(self._low, low)
        at = low
        while at < high:
            end = self._low[i] if i < len(self._low) else high
            if end > at:
                self._low.insert(i, at)
                self._high.insert(i, min(end, high))
                self._mark.insert(i, (None, {}))
            at = self._high[i]
            i += 1
        return first


class Ring:
    """Bytes low..high of a level, given out one after another, around and around. What a ring gives
    stands until the ring has come round to it.

    `passed`: bytes given or left out so far; what was given at `passed` p is overwritten once
    `passed` is beyond p + size.
    """

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high, self._at, self.passed = low, high, low, 0

    @property
    def size(self) -> int:
        return self.high - self.low

    def take(self, size: int) -> int:
        self.room(size)
        at = self._at
        self._at += size
        self.passed += size
        return at

    def room(self, size: int) -> None:
        """Goes on at the low end, if `size` bytes in a row are not left above."""
        assert size <= self.size, (size, self.size)
        if self._at + size > self.high:
            self.passed += self.high - self._at
            self._at = self.low

    def stands(self, passed: int) -> bool:
        return self.passed - passed <= self.size


Buffer = tuple[int, int]  # rows, bytes of one
Piece = tuple[int, int]  # address, rows


class BankedRing:
    """The same for `vec`: rows never straddle a bank, so a buffer is given as pieces."""

    def __init__(self, low: int, high: int, bank: int) -> None:
        self.low, self.high, self.bank, self._at = low, high, bank, low

    def holds(self, *buffers: Buffer) -> bool:
        """Whether these buffers fit side by side."""
        return self._end_of(self.low, buffers) is not None

    def room(self, *buffers: Buffer) -> None:
        """Goes on at the low end, if these buffers cannot be taken one after another above."""
        if self._end_of(self._at, buffers) is None:
            self._at = self.low

    def take(self, rows: int, row_bytes: int) -> list[Piece]:
        pieces = self._place(self._at, rows, row_bytes) or self._place(self.low, rows, row_bytes)
        assert pieces, (rows, row_bytes, self.low, self.high)
        self._at = pieces[-1][0] + pieces[-1][1] * row_bytes
        return pieces

    def _end_of(self, at: int, buffers: tuple[Buffer, ...]) -> int | None:
        for rows, row_bytes in buffers:
            pieces = self._place(at, rows, row_bytes)
            if not pieces:
                return None
            at = pieces[-1][0] + pieces[-1][1] * row_bytes
        return at

    def _place(self, at: int, rows: int, row_bytes: int) -> list[Piece]:
        """In one piece behind `at`, else from a bank's start (or the low end) on; empty where it
        does not fit.
        """
        at = -(-at // 4) * 4
        if at > self.low and self._fit(at, row_bytes) < rows:
            at = self._next_bank(at)
        pieces: list[Piece] = []
        while rows and at < self.high:
            fit = min(rows, self._fit(at, row_bytes))
            if fit > 0:
                pieces.append((at, fit))
            rows -= max(fit, 0)
            at = self._next_bank(at)
        return pieces if not rows else []

    def _fit(self, at: int, row_bytes: int) -> int:
        """Rows from `at` to the end of its bank."""
        return (min(self.high, self._next_bank(at)) - at) // row_bytes

    def _next_bank(self, at: int) -> int:
        return (at // self.bank + 1) * self.bank


class Memory:
    """First fit over the off-chip address space; `give_back` when the last reader has been emitted."""

    def __init__(self, first: int, address_bits: int, where: str) -> None:
        self._free = [(first, 1 << 62)]
        self._bits, self._where, self.top = address_bits, where, first

    def take(self, size: int) -> int:
        size = -(-max(size, 1) // ALIGN) * ALIGN
        for i, (low, high) in enumerate(self._free):
            at = -(-low // ALIGN) * ALIGN
            if high - at >= size:
                self._free[i : i + 1] = [(a, b) for a, b in ((low, at), (at + size, high)) if b > a]
                self.top = max(self.top, at + size)
                check_address_space(self._where, self.top, self._bits)
                return at
        raise AssertionError("free list ends at infinity")

    def give_back(self, at: int, size: int) -> None:
        size = -(-max(size, 1) // ALIGN) * ALIGN
        spans = sorted([*self._free, (at, at + size)])
        merged = [spans[0]]
        for low, high in spans[1:]:
            if low == merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
            else:
                merged.append((low, high))
        self._free = merged


def check_address_space(where: str, top: int, address_bits: int) -> None:
    if top > 1 << address_bits:
        raise MappingError(
            f"{where} at memory: needs {top * 8} bits ({top} bytes), memory.address_bits {address_bits} reaches {8 << address_bits}; "
            "raise memory.address_bits (40 at most), lower --batch, or prune to a sparser pattern"
        )

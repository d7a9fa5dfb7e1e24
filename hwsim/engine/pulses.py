"""Items of ports in their cycles: the n-th item is there in the cycle of the n-th pulse."""

import numpy as np

from hwsim.engine.carried.items import Array, Column, Columns


class Pulses:
    """`of`: columns by source. Stretches of cycles follow each other; how far each port has come is kept."""

    def __init__(self, of: dict[str, Columns]) -> None:
        self._of = of
        self._gone: dict[str, int] = {}
        self._last: dict[str, bool] = {}

    def ports(self, source: str, port: str, there: Array, taken: Array | None = None) -> dict[str, Column]:
        """`there` [cycles] bool: an item is to be seen on the port; it goes in the cycles `taken`, or in each of these."""
        goes = there if taken is None else taken
        at = self._at(f"{port}.{source}", goes)
        return {f"{port}.{name}": _seen(column, at, there) for name, column in self._of[source].items()}

    def _at(self, key: str, goes: Array) -> Array:
        """[cycles] how many have gone before."""
        gone = self._gone.get(key, 0)
        self._gone[key] = gone + int(np.count_nonzero(goes))
        return gone + np.cumsum(goes) - goes

    def whole(self, source: str, port: str, there: Array) -> dict[str, Column]:
        """A source of one column: 0 while no item is there."""
        (column,) = self.ports(source, port, there).values()
        return {port: Column(np.where(there, column.data, 0))}

    def of_place(self, source: str, place: int, port: str, there: Array) -> dict[str, Column]:
        """Of columns [n, places, bytes], one place, which has its own pulses."""
        at = self._at(f"{port}.{source}", there)
        return {f"{port}.{name}": _seen(Column(column.data[:, place]), at, there) for name, column in self._of[source].items()}

    def late(self, source: str, there: Array) -> Array:
        """The same pulses a cycle later."""
        before, self._last[source] = self._last.get(source, False), bool(there[-1])
        return np.concatenate([[before], there[:-1]])


def _seen(column: Column, at: Array, there: Array) -> Column:
    """`at`: the item of each cycle. What is not there is 0 and not known."""
    if not len(column.data):
        shape = (len(at), *column.data.shape[1:])
        return Column(np.zeros(shape, column.data.dtype), np.zeros(shape, bool))
    at = np.minimum(at, len(column.data) - 1)
    data = column.data[at]
    known = there.reshape(-1, *(1,) * (data.ndim - 1)) & (True if column.known is None else column.known[at])
    return Column(data, np.broadcast_to(known, data.shape))

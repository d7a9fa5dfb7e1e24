"""The commands of a Program, kind by kind, and what is wrong with them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hwsim.spec.commands import BODIES, OPS, column
from hwsim.spec.errors import ProgramError

Ints = np.ndarray[tuple[int], np.dtype[np.int64]]
Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Batch:
    """Commands of one kind: `at` their places in the Program, `fields` their values."""

    op: str
    at: Ints
    fields: dict[str, Ints]

    @classmethod
    def of(cls, op: str, table: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> "Batch":
        at = np.flatnonzero(table[:, 0] == OPS.index(op))
        return cls(op, at, {f.name: table[at, column(op, f.name)] for f in BODIES[op]})

    def __getitem__(self, name: str) -> Ints:
        return self.fields[name]

    def __len__(self) -> int:
        return len(self.at)

    def where(self, mask: Bools) -> "Batch":
        return Batch(self.op, self.at[mask], {k: v[mask] for k, v in self.fields.items()})

    def full(self, value: int) -> Ints:
        return np.full(len(self.at), value, np.int64)


class Faults:
    """Keeps the fault of the earliest command; of one command, the fault that was looked for first."""

    def __init__(self) -> None:
        self._first: tuple[int, str] | None = None

    def check(self, batch: Batch, bad: Bools, text: Callable[[int], str]) -> None:
        """`text(n)`: the message for the n-th command of the batch, without its place."""
        hits = np.flatnonzero(bad)
        if len(hits) and (self._first is None or batch.at[hits[0]] < self._first[0]):
            n = int(hits[0])
            self._first = int(batch.at[n]), f"command {batch.at[n]}: {text(n)}"

    def field(self, batch: Batch, name: str, bad: Bools, bound: str, remedy: str) -> None:
        self.check(
            batch, bad, lambda n: f"{batch.op}.{name} is {batch[name][n]}, {bound}; {remedy}"
        )

    def extents(self, batch: Batch, *names: str) -> None:
        for name in names:
            self.field(
                batch,
                name,
                batch[name] < 1,
                "an extent is 1 or more",
                "leave the command out if it does nothing",
            )

    def aligned(self, batch: Batch, bytes_: int, *names: str) -> None:
        for name in names:
            bad = batch[name] % bytes_ != 0
            self.field(batch, name, bad, f"not a multiple of {bytes_} bytes", "align it")

    def raise_first(self) -> None:
        if self._first is not None:
            raise ProgramError(self._first[1])

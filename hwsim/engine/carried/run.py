"""`Carried`: one Program's items, and what stands where after it."""

from functools import cache
from typing import NamedTuple

import numpy as np

from hwsim.components.config import LEVEL, SIGNALS, WAITS
from hwsim.engine.carried import copies, products, vectors
from hwsim.engine.carried.items import Array, Column, Columns, Items
from hwsim.functional import Functional, fill_memory
from hwsim.spec.commands import LEVELS, OPS, QUEUE_NAMES, WORD_BYTES, Command, decoded_table, layout
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.values.execute import execute_order
from hwsim.values.state import clear_levels, new_values
from hwsim.values.status import check


class Values(NamedTuple):
    """After a run: bytes, but numbers in act and weight, sums in acc. `macs`: effectual and gated products."""

    memory: Array
    act: Array
    weight: Array
    meta: Array
    acc: Array
    vec: Array
    macs: tuple[int, int]


class Carried:
    """`order`: commands as the engine ends them. `of`: columns by source."""

    def __init__(self, spec: AcceleratorSpec, program: Program, base: int, inputs: dict[str, Array], order: Array) -> None:
        self.spec, self.table, self._items = spec, program.table, Items()
        run = Functional(spec, program)
        self._state = state = run.values
        clear_levels(state)
        fill_memory(state.memory, program, inputs)
        self._raw = {name: np.zeros(getattr(spec.levels, name).capacity_bytes, np.uint8) for name in ("act", "weight")}
        self._macs = np.zeros((len(self.table), 2), np.int64)
        for moved in (_shapes(spec), *(self._moved(int(n), program) for n in order)):
            for source, columns in moved.items():
                self._items.add(source, columns)
        self.of = self._items.joined() | self._words(program, base)
        macs = self._macs.sum(axis=0).tolist()
        parts = {name: getattr(state, name) for name in ("memory", "act", "weight", "meta", "acc", "vec")}
        self.values = Values(**parts, macs=(macs[0], macs[1]))

    def _moved(self, n: int, program: Program) -> dict[str, Columns]:
        """What command n moves; runs it."""
        row, state, spec = self.table[n], self._state, self.spec
        op = OPS[int(row[0])]
        if op == "vector":
            return vectors.moved(spec, row, state)
        out: dict[str, Columns] = {}
        if op == "load":
            beats, out = copies.load(spec, row, state.memory)
            level = LEVELS[int(row[LEVEL])]
            if level in self._raw:
                where = beats.buffer[:, None] + np.arange(beats.mask.shape[1])
                self._raw[level][where[beats.mask]] = out["write"]["data"].data[beats.mask]
        elif op == "store":
            out = copies.store(spec, row, state.vec)
        elif op == "compute":
            acc = state.acc.reshape(-1, spec.array.cols)
            out = products.Product(spec, row, products.Levels(**self._raw, meta=state.meta, acc=acc)).columns()
        status, _ = execute_order(self.table, np.array([n]), state, self._macs)
        check(status, n, program.words)
        return out

    def _words(self, program: Program, base: int) -> dict[str, Columns]:
        """Commands as they are asked for, and as each queue gets them; what each takes and gives of the token counters."""
        size = self.spec.memory.beat_bytes
        step = min(size, WORD_BYTES)
        asked = (base + step * np.arange(len(self.table) * (WORD_BYTES // step))) // size * size
        memory = np.concatenate([program.words.ravel(), np.zeros(size, np.uint8)])
        answers = memory[(asked - base)[:, None] + np.arange(size)]
        out: dict[str, Columns] = {"ask_sequencer": {"address": Column(asked)}, "word": {"data": Column(answers)}}
        for op in QUEUE_NAMES:
            mine = self.table[self.table[:, 0] == OPS.index(op)]
            out[f"to_{op}"] = {f.name: Column(mine[:, place]) for place, f in enumerate(layout(op)) if f.name != "op"}
            out[f"take_{op}"], out[f"give_{op}"] = ({"": Column(mine[:, place])} for place in (WAITS, SIGNALS))
        return out


@cache
def _shapes(spec: AcceleratorSpec) -> dict[str, Columns]:
    """Every source without an item: those of one command of each kind, cut. A Program may lack some."""
    element, state = spec.pe.element_bytes, new_values(spec, spec.memory.beat_bytes)
    rows = {
        "load": Command.of("load", run=element), "store": Command.of("store", run=element), "compute": Command.of("compute", kept=1, run=1),
        "vector": Command.of("vector", len=1, dst_lane=element),
    }  # fmt: skip
    row = {op: decoded_table([c])[0] for op, c in rows.items()}
    act, weight, meta = (np.zeros(getattr(spec.levels, name).capacity_bytes, np.uint8) for name in ("act", "weight", "meta"))
    levels = products.Levels(act, weight, meta, state.acc.reshape(-1, spec.array.cols))
    found = copies.load(spec, row["load"], state.memory)[1] | copies.store(spec, row["store"], state.vec)
    found |= products.Product(spec, row["compute"], levels).columns() | vectors.moved(spec, row["vector"], state)
    return {source: {name: Column(x.data[:0]) for name, x in columns.items()} for source, columns in found.items()}

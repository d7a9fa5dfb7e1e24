"""What of the engine can be seen from outside, cycle by cycle, under the names of the ports: for comparison with the gates.

`Watch.stretch` runs some cycles; the numbers are those of a cycle before its edge, as ports show them. Ports of links: what is given and
taken in the cycle, whether there is room and an item. A PE works the delay of its place after the step is issued.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.components import feed, weight_loader
from hwsim.components.config import ENDED, TO_FETCH, TO_SEQUENCER
from hwsim.engine.actions import command_actions
from hwsim.engine.beats import Beats
from hwsim.engine.record import (
    ANSWER,
    COLUMNS,
    HEAD,
    HELD,
    ISSUED,
    ITEM_BATCH,
    ITEM_WEIGHT,
    KEPT,
    OS,
    OVER,
    ROW,
    TOKENS,
    WAVES,
    WRITES,
    record,
)  # fmt: skip
from hwsim.engine.state import new_state
from hwsim.engine.tick import LINKS
from hwsim.functional import Functional
from hwsim.result import ACTIONS
from hwsim.spec.commands import QUEUE_NAMES
from hwsim.spec.errors import SimulationError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program

Array = np.ndarray[Any, Any]
# link: who gives, through which port, who takes, through which port
ENDS = {
    "to_fetch": ("sequencer", "o_load", "fetch", "i"),
    "to_feed": ("sequencer", "o_compute", "feed", "i"),
    "to_vector": ("sequencer", "o_vector", "vector", "i"),
    "to_writeback": ("sequencer", "o_store", "writeback", "i"),
    "ask_sequencer": ("sequencer", "o_request", "memory", "i_sequencer"),
    "ask_fetch": ("fetch", "o_request", "memory", "i_fetch"),
    "ask_writeback": ("writeback", "o_request", "memory", "i_writeback"),
    "context": ("feed", "o_weights", "weight_loader", "i"),
    "batch": ("feed", "o_batch", "array", "i_batch"),
    "weight": ("weight_loader", "o", "array", "i_weight"),
}
DONE = ("fetch", "accumulator", "vector", "writeback")  # who ends the commands of each queue


@dataclass(frozen=True)
class Values:
    """What stands where after a run: bytes, but numbers in act and weight, sums in acc. `macs`: effectual products."""

    memory: Array
    act: Array
    weight: Array
    meta: Array
    acc: Array
    vec: Array
    macs: int


class Watch:
    """One run. `base`: address of the first command word. `log`, `state` as the engine leaves them."""

    def __init__(self, spec: AcceleratorSpec, program: Program, base: int, patience: int = 100_000) -> None:
        self.spec, self.program, self.state = spec, program, new_state(spec, program)
        self.now, self.over = 0, False
        self.beats, self.patience = Beats(spec, program, base), patience
        self._before = np.zeros((0, COLUMNS), np.int64)  # as far back as the array is deep
        self._held, self._head = np.zeros(len(LINKS), np.int64), np.zeros(len(LINKS), np.int64)

    def stretch(self, cycles: int) -> dict[str, Array]:
        """[cycles run] integers, or [cycles run, n] bits, by port."""
        raw = np.zeros((cycles, COLUMNS), np.int64)
        s = self.state
        done = int(record(s.machine, s.table, s.log, s.left_in_layer, raw))
        if s.machine.run.now - s.machine.run.moved_at > self.patience:
            raise SimulationError(f"cycle {s.machine.run.now}: the machine stands still; report the Program")
        raw, first = raw[:done], self.now
        self.now, self.over = first + done, bool(raw[-1, OVER])
        out = self._links(raw) | self._items(raw) | self._requests(raw) | self._array(raw)
        out |= self._events(raw, first)
        for p, giver in enumerate(QUEUE_NAMES):
            for q, taker in enumerate(QUEUE_NAMES):
                out[f"tokens.{giver}_{taker}"] = raw[:, TOKENS + 4 * p + q]
        return out

    def values(self, inputs: dict[str, Array]) -> Values:
        """Of the whole Program, its commands in the order in which they ended; once all is over."""
        run = Functional(self.spec, self.program)
        macs = run.run(inputs, np.argsort(self.state.log[:-1, ENDED], kind="stable")).macs
        parts = {name: getattr(run.values, name) for name in ("memory", "act", "weight", "meta", "acc", "vec")}
        return Values(**parts, macs=int(macs[:, 0].sum()))

    def actions(self, macs: int) -> dict[str, int]:
        """The counts of hwsim/result.py that commands alone tell."""
        counts = command_actions(self.spec, self.state.table, self.state.log).sum(axis=0)
        return dict(zip(ACTIONS, counts.tolist(), strict=True)) | {"pe.mac": macs}

    def _links(self, raw: Array) -> dict[str, Array]:
        """Given and taken are what the levels after the edge tell."""
        m, out = self.state.machine, {}
        self.taken: dict[str, Array] = {}
        for k, name in enumerate(LINKS):
            giver, port_out, taker, port_in = ENDS[name]
            link, held = getattr(m, name), raw[:, HELD + k]
            after, head = np.append(held[1:], link.held), np.append(raw[1:, HEAD + k], link.head)
            taken = after < held if link.depth == 1 else head != raw[:, HEAD + k]
            self.taken[name] = taken
            out[f"{taker}.{port_in}.taken"], out[f"{taker}.{port_in}.valid"] = taken, held > 0
            out[f"{giver}.{port_out}.given"] = after - held + taken
            out[f"{giver}.{port_out}.ready"] = held < link.depth
        return out

    @staticmethod
    def _items(raw: Array) -> dict[str, Array]:
        batch = {
            "os": feed.B_OS, "kept": feed.B_KEPT, "steps": feed.B_STEPS, "pixels": feed.B_PIXELS, "first": feed.B_FIRST,
        }  # fmt: skip
        out = {f"array.i_batch.{name}": raw[:, ITEM_BATCH + k] for name, k in batch.items()}
        block, last = raw[:, ITEM_BATCH + feed.B_BLOCK], raw[:, ITEM_BATCH + feed.B_LAST]
        out["array.i_batch.block_log2"] = np.where(block > 0, np.log2(np.maximum(block, 1)), 0).astype(np.int64)
        out["array.i_batch.last"], out["array.i_batch.end"] = last > 0, last == 2
        weight = {"os": weight_loader.W_OS, "kept": weight_loader.W_KEPT, "last": weight_loader.W_LAST}
        return out | {f"array.i_weight.{name}": raw[:, ITEM_WEIGHT + k] for name, k in weight.items()}

    def _requests(self, raw: Array) -> dict[str, Array]:
        address, mask = np.zeros(len(raw), np.int64), np.zeros((len(raw), self.spec.memory.beat_bytes), bool)
        for name in ("ask_sequencer", "ask_fetch", "ask_writeback"):
            asked = np.flatnonzero(self.taken[name])
            address[asked], masks = self.beats.next(name, len(asked))
            if masks is not None:
                mask[asked] = masks
        return {"memory.o_request.address": address, "memory.o_request.write": self.taken["ask_writeback"], "memory.o_request.mask": mask}

    def _array(self, raw: Array) -> dict[str, Array]:
        """PE (r, c) swaps and works r*kept*L + c (ws) or r + c (os) cycles after PE (0, 0), which works a cycle after the issue."""
        rows, cols, latency = self.spec.array.rows, self.spec.array.cols, self.spec.pe.adder_latency_cycles
        deepest = rows * self.spec.pe.kept_max * latency + cols + 1
        past, n = np.concatenate([self._before, raw]), len(raw)
        self._before = past[-deepest:]
        lead, out = len(past) - n, dict[str, Array]()
        for name, column, late in (("i_step", ISSUED, 1), ("i_swap", WAVES, 0)):
            at, here = np.flatnonzero(past[:, column]), np.zeros((len(past) + deepest, rows * cols), bool)
            slow = np.where(past[at, OS] == 1, 1, past[at, KEPT] * latency)
            for r in range(rows):
                for c in range(cols):
                    here[at + r * slow + c + late, r * cols + c] = True
            for k in range(rows * cols):
                out[f"array.pe[{k // cols},{k % cols}].{name}"] = here[lead : lead + n, k]
        row = raw[:, ROW]
        out |= {"array.o.valid": row > 0, "array.o.end": row == 2}
        written = np.concatenate([np.zeros(latency, bool), past[:, ROW] > 0])[lead : lead + n]
        return out | {"accumulator.o_write.valid": written}

    def _events(self, raw: Array, first: int) -> dict[str, Array]:
        writes, ended = raw[:, WRITES], self.state.log[:-1, ENDED]
        out = {
            "sequencer.i_answer.valid": raw[:, ANSWER] == TO_SEQUENCER,
            "fetch.i_answer.valid": raw[:, ANSWER] == TO_FETCH,
            "fetch.o_write.valid": writes > 0,
            "fetch.o_write.level": np.maximum(writes - 1, 0),
            "top.o_ended": raw[:, OVER],
        }
        mine = (ended >= first) & (ended < first + len(raw)) & (ended > 0)
        for queue, unit in enumerate(DONE):
            out[f"{unit}.o_done"] = np.zeros(len(raw), bool)
            out[f"{unit}.o_done"][ended[mine & (self.state.table[:-1, 0] == queue + 1)] - first] = True
        return out

"""What of the engine can be seen from outside, cycle by cycle, under the names of the ports: for comparison with the gates.

`Watch.stretch` runs some cycles; what it gives is that of a cycle before its edge, as ports show it. Ports of links: what is given and
taken in the cycle, whether there is room and an item, and what the item is. A PE works the delay of its place after the step is issued.
Cycles are the engine's, what is carried is the functional run's (hwsim/engine/carried).
"""

import numpy as np

from hwsim.components import feed, weight_loader
from hwsim.components.config import ENDED, TO_FETCH, TO_SEQUENCER
from hwsim.engine.actions import command_actions
from hwsim.engine.carried.items import Array, Column
from hwsim.engine.carried.run import Carried
from hwsim.engine.pulses import Pulses
from hwsim.engine.record import (
    ANSWER,
    BEAT,
    COLUMNS,
    ENDS,
    HEAD,
    HELD,
    ISSUED,
    ITEM_BATCH,
    ITEM_WEIGHT,
    KEPT,
    LOADING,
    OS,
    OVER,
    READING,
    READS,
    RESULT,
    ROW,
    TOKENS,
    WAVES,
    WRITES,
    record,
)  # fmt: skip
from hwsim.engine.simulate import run_cycles
from hwsim.engine.state import new_state
from hwsim.engine.tick import LINKS
from hwsim.result import ACTIONS
from hwsim.spec.commands import QUEUE_NAMES
from hwsim.spec.errors import SimulationError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program

# link: who gives, through which port, who takes, through which port
ENDS_OF = {
    "to_load": ("sequencer", "o_load", "fetch", "i"),
    "to_compute": ("sequencer", "o_compute", "feed", "i"),
    "to_vector": ("sequencer", "o_vector", "vector", "i"),
    "to_store": ("sequencer", "o_store", "writeback", "i"),
    "ask_sequencer": ("sequencer", "o_request", "memory", "i_sequencer"),
    "ask_fetch": ("fetch", "o_request", "memory", "i_fetch"),
    "ask_writeback": ("writeback", "o_request", "memory", "i_writeback"),
    "context": ("feed", "o_weights", "weight_loader", "i"),
    "batch": ("feed", "o_batch", "array", "i_batch"),
    "weight": ("weight_loader", "o", "array", "i_weight"),
}
GIVES = {"load": "fetch.tokens.give", "compute": "accumulator.o_give", "vector": "vector.tokens.give", "store": "writeback.tokens.give"}
DONE = ("fetch", "accumulator", "vector", "writeback")  # who ends the commands of each queue
NOT_OF_COMMANDS = ("pe.skipped_mac", "pe.padded_mac")  # counts that need the layer behind the commands


class Watch:
    """One run. `base`: address of the first command word. `log`, `state` as the engine leaves them."""

    def __init__(
        self, spec: AcceleratorSpec, program: Program, base: int, inputs: dict[str, Array] | None = None, patience: int = 100_000
    ) -> None:
        self.spec, self.program, self.state = spec, program, new_state(spec, program)
        self.now, self.over, self.patience = 0, False, patience
        ahead, _, _ = run_cycles(spec, program)
        self.carried = Carried(spec, program, base, inputs or {}, np.argsort(ahead.log[:-1, ENDED], kind="stable"))
        self._before = np.zeros((0, COLUMNS), np.int64)  # as far back as the array is deep
        self._pulses = Pulses(self.carried.of)

    def stretch(self, cycles: int) -> dict[str, Column]:
        """Of the cycles run, by port."""
        raw = np.zeros((cycles, COLUMNS), np.int64)
        s = self.state
        done = int(record(s.machine, s.table, s.log, s.left_in_layer, raw))
        if s.machine.run.now - s.machine.run.moved_at > self.patience:
            raise SimulationError(f"cycle {s.machine.run.now}: the machine stands still; report the Program")
        raw, first = raw[:done], self.now
        self.now, self.over = first + done, bool(raw[-1, OVER])
        plain = self._links(raw) | self._events(raw, first)
        for p, giver in enumerate(QUEUE_NAMES):
            for q, taker in enumerate(QUEUE_NAMES):
                plain[f"tokens.{giver}_{taker}"] = raw[:, TOKENS + 4 * p + q]
        out = {name: Column(np.asarray(data)) for name, data in plain.items()}
        return out | self._items(raw) | self._array(raw) | self._carried(raw)

    def actions(self) -> dict[str, int]:
        """The counts of hwsim/result.py that commands alone tell."""
        counts = command_actions(self.spec, self.state.table, self.state.log).sum(axis=0)
        out = dict(zip(ACTIONS, counts.tolist(), strict=True))
        out["pe.mac"], out["pe.gated_mac"] = self.carried.values.macs
        return {name: count for name, count in out.items() if name not in NOT_OF_COMMANDS}

    def _links(self, raw: Array) -> dict[str, Array]:
        """Given and taken are what the levels after the edge tell."""
        m, out = self.state.machine, {}
        self._taken: dict[str, Array] = {}
        self._there: dict[str, Array] = {}
        self._given: dict[str, Array] = {}
        for k, (link_name, name) in enumerate(zip(LINKS, ENDS_OF, strict=True)):
            giver, port_out, taker, port_in = ENDS_OF[name]
            link, held = getattr(m, link_name), raw[:, HELD + k]
            after, head = np.append(held[1:], link.held), np.append(raw[1:, HEAD + k], link.head)
            taken = after < held if link.depth == 1 else head != raw[:, HEAD + k]
            self._taken[name], self._there[name] = taken, held > 0
            out[f"{taker}.{port_in}.taken"], out[f"{taker}.{port_in}.valid"] = taken, held > 0
            self._given[name] = after - held + taken > 0
            out[f"{giver}.{port_out}.given"] = self._given[name]
            out[f"{giver}.{port_out}.ready"] = held < link.depth
        return out

    def _items(self, raw: Array) -> dict[str, Column]:
        """What the engine itself knows of batches, weight rows and writes of fetch."""
        batch = {
            "os": feed.B_OS, "kept": feed.B_KEPT, "steps": feed.B_STEPS, "pixels": feed.B_PIXELS, "first": feed.B_FIRST,
        }  # fmt: skip
        out = {name: raw[:, ITEM_BATCH + k] for name, k in batch.items()}
        block, last = raw[:, ITEM_BATCH + feed.B_BLOCK], raw[:, ITEM_BATCH + feed.B_LAST]
        out["block_log2"] = np.where(block > 0, np.log2(np.maximum(block, 1)), 0).astype(np.int64)
        out |= {"last": last > 0, "end": last == 2}
        shown = {f"array.i_batch.{name}": Column(data, self._there["batch"]) for name, data in out.items()}
        weight = {"os": weight_loader.W_OS, "kept": weight_loader.W_KEPT, "last": weight_loader.W_LAST}
        shown |= {f"array.i_weight.{name}": Column(raw[:, ITEM_WEIGHT + k], self._there["weight"]) for name, k in weight.items()}
        return shown | {"fetch.o_write.level": Column(raw[:, WRITES] - 1, raw[:, WRITES] > 0)}

    def _events(self, raw: Array, first: int) -> dict[str, Array]:
        writes, ended = raw[:, WRITES], self.state.log[:-1, ENDED]
        out = {
            "sequencer.i_answer.valid": raw[:, ANSWER] == TO_SEQUENCER,
            "fetch.i_answer.valid": raw[:, ANSWER] == TO_FETCH,
            "fetch.o_write.valid": writes > 0,
            "accumulator.i_walk.valid": self._taken["to_compute"],
            "vector.o_write.valid": raw[:, RESULT],
            "vector.o_reads": raw[:, READS],
            "memory.o_request.write": self._taken["ask_writeback"],
            "sequencer.o_ended": raw[:, ENDS],
            "top.o_ended": raw[:, OVER],
        }
        mine = (ended >= first) & (ended < first + len(raw)) & (ended > 0)
        for queue, unit in enumerate(DONE):
            out[f"{unit}.o_done"] = np.zeros(len(raw), bool)
            out[f"{unit}.o_done"][ended[mine & (self.state.table[:-1, 0] == queue + 1)] - first] = True
        self._done = {op: out[f"{unit}.o_done"] for op, unit in zip(QUEUE_NAMES, DONE, strict=True)}
        return out

    def _array(self, raw: Array) -> dict[str, Column]:
        """PE (r, c) swaps and works r*kept*L + c (ws) or r + c (os) cycles after PE (0, 0), which works a cycle after the issue. Its sum is
        there the multiplier's and the adder's cycles later."""
        pe, rows, cols = self.spec.pe, self.spec.array.rows, self.spec.array.cols
        behind = pe.multiplier_latency_cycles + pe.adder_latency_cycles
        deepest = rows * pe.kept_max * pe.adder_latency_cycles + cols + 1 + behind
        past, n, out = np.concatenate([self._before, raw]), len(raw), dict[str, Column]()
        self._before = past[-deepest:]
        lead = len(past) - n
        for name, column, late, source in (
            ("i_step", ISSUED, 1, "steps"),
            ("i_swap", WAVES, 0, ""),
            ("", ISSUED, 1 + behind, "sums"),
        ):
            at, here = np.flatnonzero(past[:, column]), np.zeros((len(past) + deepest, rows * cols), bool)
            slow = np.where(past[at, OS] == 1, 1, past[at, KEPT] * pe.adder_latency_cycles)
            for r in range(rows):
                for c in range(cols):
                    here[at + r * slow + c + late, r * cols + c] = True
            here = here[lead : lead + n]
            for k in range(rows * cols):
                pe_name = f"array.pe[{k // cols},{k % cols}]"
                out |= {f"{pe_name}.{name}": Column(here[:, k])} if name else {}
                out |= self._pulses.of_place(source, k, pe_name, here[:, k]) if source else {}
        return out | self._rows(past, lead, raw[:, ROW])

    def _rows(self, past: Array, lead: int, row: Array) -> dict[str, Column]:
        """Rows that leave the array, and what the accumulator makes of them."""
        latency, pulses, there = self.spec.pe.adder_latency_cycles, self._pulses, past[:, ROW] > 0
        late = {n: np.concatenate([np.zeros(n, bool), there])[lead : lead + len(row)] for n in {1, latency}}
        return {
            "array.o.valid": Column(row > 0), "array.o.end": Column(row == 2), "accumulator.o_write.valid": Column(late[latency]),
            **pulses.ports("leaving", "array.o", row > 0), **pulses.ports("place", "accumulator", row > 0),
            **pulses.ports("standing", "accumulator", late[1]), **pulses.ports("written", "accumulator.o_write", late[latency]),
        }  # fmt: skip

    def _carried(self, raw: Array) -> dict[str, Column]:
        """What ports carry beside the rows and the PEs."""
        pulses, out, load = self._pulses, dict[str, Column](), raw[:, WRITES] > 0
        out |= self._requests()
        for link, (giver, port_out, taker, port_in) in ENDS_OF.items():
            out |= pulses.ports(link, f"{giver}.{port_out}", self._given[link])
            out |= pulses.ports(link, f"{taker}.{port_in}", self._there[link], self._taken[link])
        for op in QUEUE_NAMES:
            taker = ENDS_OF[f"to_{op}"][2]
            out |= pulses.whole(f"take_{op}", f"{taker}.tokens.take", self._taken[f"to_{op}"])
            out |= pulses.whole(f"give_{op}", GIVES[op], self._done[op])
        out |= pulses.ports("word", "sequencer.i_answer", raw[:, ANSWER] == TO_SEQUENCER)
        out |= pulses.ports("answer", "fetch.i_answer", raw[:, ANSWER] == TO_FETCH)
        out |= pulses.ports("write", "fetch.o_write", load)
        out |= pulses.ports("walk", "accumulator.i_walk", self._taken["to_compute"])
        out |= pulses.ports("result", "vector.o_write", raw[:, RESULT] > 0)
        out |= pulses.ports("act_read", "feed", raw[:, READING] > 0, raw[:, READING] == 2)
        out |= pulses.ports("weight_read", "weight_loader", raw[:, LOADING] > 0, self._given["weight"])
        beat = raw[:, BEAT] > 0
        out |= pulses.ports("beat", "vector", beat)
        return out | pulses.ports("read", "vector", pulses.late("read", beat))

    def _requests(self) -> dict[str, Column]:
        """Memory's port: what it takes from each of the three that ask."""
        asked = {n: self._pulses.ports(n, "memory.o_request", self._taken[n]) for n in ("ask_sequencer", "ask_fetch", "ask_writeback")}
        address, known = np.zeros(len(self._taken["ask_fetch"]), np.int64), np.zeros(len(self._taken["ask_fetch"]), bool)
        for name, columns in asked.items():
            known |= self._taken[name]
            address += np.where(self._taken[name], columns["memory.o_request.address"].data, 0)
        return asked["ask_writeback"] | {"memory.o_request.address": Column(address, known)}

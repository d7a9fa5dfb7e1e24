"""All registers of one tile machine, and the tables of the Program that it runs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.components.config import LAYER, LOG_COLUMNS, STARTED, fill_config
from hwsim.components.link import records
from hwsim.engine.tick import LINKS, MACHINE
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class State:
    """machine: one record; table: [commands, WIDTH]; log: [commands, LOG_COLUMNS]; left_in_layer:
    [layers] commands not yet done.
    """

    machine: Any
    table: Array
    log: Array
    left_in_layer: Array


def layers_of(program: Program) -> Array:
    """[commands] int64: the layer of each command; what stands between layers belongs to the one
    before.
    """
    starts = np.array([x.first for x in program.layers] or [0])
    return np.maximum(np.searchsorted(starts, np.arange(len(program.words)), side="right") - 1, 0)


def new_state(spec: AcceleratorSpec, program: Program) -> State:
    """Reset: every register 0, no command in any unit."""
    table = program.table
    m = records(1, MACHINE)[0]
    fill_config(m.c, spec)
    for i, name in enumerate(LINKS):
        getattr(m, name).depth = spec.sequencer.queue_depth if i < 4 else spec.link_depth
    for unit in (m.fetch, m.feed, m.walk, m.vector, m.writeback):
        unit.cmd = -1
    m.vector.held_a = m.vector.held_b = m.vector.held_param = -1
    m.array.busy_until = -1
    m.run.remaining = len(table) - 1
    log = np.zeros((len(table), LOG_COLUMNS), np.int64)
    log[:, LAYER] = layers_of(program)
    log[:, STARTED] = -1
    left = np.bincount(log[:-1, LAYER], minlength=max(1, len(program.layers)))
    return State(m, table, log, left.astype(np.int64))

"""What the components read of the spec, as one record, and the codes they share."""

from typing import Any

import numpy as np

from hwsim.kernels import njit
from hwsim.spec.commands import column
from hwsim.spec.machine import AcceleratorSpec

CONFIG = np.dtype(
    [
        (name, "i8")
        for name in (
            "rows", "cols", "multiplier", "latency", "element_bytes", "act_bytes", "beat_bytes", "memory_latency",
            "queue_depth", "weight_depth",
            "lanes", "vector_latency", "vector_results", "vector_reduce", "rows_in_flight", "chunk_beats",
            "vec_width_bits", "vec_bank_bytes", "word_beats", "token_depth",
        )
    ]
)  # fmt: skip

TOKENS = np.dtype([("held", "i8", (4, 4)), ("change", "i8", (4, 4)), ("changed", "i8")])
# columns of the log, one row a command: its layer, its first and last cycle, activation bits and weight rows read, PE cycles taken
LAYER, STARTED, ENDED, ACT_BITS, WEIGHT_ROWS, PE_CYCLES = range(6)
LOG_COLUMNS = 6

BUSY, WAIT_TOKEN, WAIT_INPUT, WAIT_OUTPUT, FILL, DRAIN, IDLE = range(7)  # hwsim.result.CAUSES
SEQUENCER, FETCH, FEED, ARRAY, VECTOR, WRITEBACK, MEMORY = range(7)  # hwsim.result.UNITS
NOBODY, TO_SEQUENCER, TO_FETCH = range(3)  # who gets the beat that memory answers

OP, WAITS, SIGNALS = range(3)  # columns of the decoded table
_c = column
LEVEL, FILLED, MEM, BUF, RUN, COUNT0, COUNT1 = (
    _c("load", n) for n in ("level", "fill", "mem", "buf", "run", "count0", "count1")
)
MS0, MS1, BS0, BS1 = (
    _c("load", n) for n in ("mem_stride0", "mem_stride1", "buf_stride0", "buf_stride1")
)
STORE_SHIFT = (
    _c("store", "mem") - MEM
)  # the walk of a store stands this many columns from that of a load
VEC_LEVEL = 3


def fill_config(c: Any, spec: AcceleratorSpec) -> None:
    c.rows, c.cols = spec.array.rows, spec.array.cols
    c.multiplier, c.latency = spec.pe.multiplier_latency_cycles, spec.pe.adder_latency_cycles
    c.element_bytes, c.act_bytes = spec.pe.element_bytes, spec.levels.act.width_bits // 8
    c.beat_bytes, c.memory_latency = spec.memory.beat_bytes, spec.memory.latency_cycles
    c.queue_depth, c.weight_depth = spec.sequencer.queue_depth, spec.link_depth
    c.lanes, c.vector_latency = spec.vector.lanes, spec.vector.latency_cycles
    c.chunk_beats = spec.vector.chunk_beats
    c.vector_results, c.vector_reduce, c.rows_in_flight = spec.vector.results, spec.vector.reduce_cycles, spec.vector.rows_in_flight
    c.vec_width_bits, c.vec_bank_bytes = spec.levels.vec.width_bits, spec.levels.vec.bank_bytes
    c.word_beats = max(1, 512 // spec.memory.width_bits)
    c.token_depth = spec.sequencer.token_depth


@njit
def ceil_div(a, b):
    return (a + b - 1) // b


@njit
def tokens_there(tokens, queue, waits):
    """Whether each counter [from, to] that `waits` names is above 0, as the last edge left it."""
    for q in range(4):
        if waits >> q & 1 and tokens.held[q, queue] == 0:
            return False
    return True


@njit
def take_tokens(tokens, queue, waits):
    for q in range(4):
        if waits >> q & 1:
            tokens.change[q, queue] -= 1
            tokens.changed = 1


@njit
def give_tokens(tokens, queue, signals):
    for q in range(4):
        if signals >> q & 1:
            tokens.change[queue, q] += 1
            tokens.changed = 1


@njit
def start(log, tokens, queue, table, n, now):
    """A command starts: its tokens are taken, its cycle is noted."""
    take_tokens(tokens, queue, table[n, WAITS])
    log[n, STARTED] = now

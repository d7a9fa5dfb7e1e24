"""The tick of the tile machine: its block diagram, one call a component, then the edge; and the
loop over ticks.
"""

import numpy as np

from hwsim.components import (
    accumulator,
    array,
    feed,
    fetch,
    memory,
    sequencer,
    vector,
    weight_loader,
    writeback,
)
from hwsim.components.config import (
    ARRAY,
    BUSY,
    CONFIG,
    DRAIN,
    ENDED,
    FEED,
    FETCH,
    FILL,
    IDLE,
    LAYER,
    MEMORY,
    SEQUENCER,
    SIGNALS,
    TO_FETCH,
    TO_SEQUENCER,
    TOKENS,
    VECTOR,
    WAIT_INPUT,
    WAIT_OUTPUT,
    WAIT_TOKEN,
    WRITEBACK,
    give_tokens,
)  # fmt: skip
from hwsim.components.link import LINK, can_pop, commit
from hwsim.engine.borrow import borrow
from hwsim.kernels import njit
from hwsim.result import CAUSES, UNITS

RUNNING, FINISHED, DEADLOCK, TOKEN_OVERFLOW = range(4)
RUN = np.dtype(
    [(name, "i8") for name in ("now", "moved_at", "layer", "layer_from", "remaining", "status")]
    + [("count", "i8", (len(UNITS), len(CAUSES))), ("asleep", "i8", (len(UNITS),)), ("eager", "i8")]
)
LINKS = (
    "to_fetch",
    "to_feed",
    "to_vector",
    "to_writeback",
    "ask_sequencer",
    "ask_fetch",
    "ask_writeback",
    "context",
    "batch",
    "weight",
)
MACHINE = np.dtype(
    [("c", CONFIG), ("tokens", TOKENS), ("run", RUN)]
    + [(name, LINK) for name in LINKS]
    + [
        ("sequencer", sequencer.STATE), ("fetch", fetch.STATE), ("feed", feed.STATE),
        ("weight_loader", weight_loader.STATE), ("walk", feed.STATE), ("array", array.STATE),
        ("accumulator", accumulator.STATE), ("vector", vector.STATE),
        ("writeback", writeback.STATE), ("memory", memory.STATE),
    ]
)  # fmt: skip


@njit(forceinline=True)
def _array_cause(cause, m):
    """Why no batch is there: the feed reads (fill, where nothing is in flight), the pipeline
    empties, tokens are missing, or there is no command.
    """
    if cause != WAIT_INPUT or can_pop(m.batch):
        return cause
    if m.feed.cmd >= 0:
        return WAIT_INPUT if m.array.exits else FILL
    if m.array.exits:
        return DRAIN
    return WAIT_TOKEN if can_pop(m.to_feed) else IDLE


@njit
def _finish(m, n, queue, table, log, left_in_layer):
    """A command is done: its tokens are given, its layer has one command fewer."""
    give_tokens(m.tokens, queue, table[n, SIGNALS])
    log[n, ENDED] = m.run.now
    left_in_layer[log[n, LAYER]] -= 1
    m.run.remaining -= 1


@njit
def _edge_of_tokens(m):
    m.tokens.changed = 0
    for p in range(4):
        for q in range(4):
            m.tokens.held[p, q] += m.tokens.change[p, q]
            m.tokens.change[p, q] = 0
            if m.tokens.held[p, q] > m.c.token_depth:
                m.run.status = TOKEN_OVERFLOW
    for unit in (FETCH, FEED, VECTOR, WRITEBACK):
        m.run.asleep[unit] = 0


@njit(forceinline=True)
def _edge_of_links(m):
    """Commits every link and wakes the components at its ends."""
    asleep, moved = m.run.asleep, 0
    if commit(m.to_fetch):
        asleep[SEQUENCER], asleep[FETCH], moved = 0, 0, 1
    if commit(m.to_feed):
        asleep[SEQUENCER], asleep[FEED], moved = 0, 0, 1
    if commit(m.to_vector):
        asleep[SEQUENCER], asleep[VECTOR], moved = 0, 0, 1
    if commit(m.to_writeback):
        asleep[SEQUENCER], asleep[WRITEBACK], moved = 0, 0, 1
    if commit(m.ask_sequencer):
        asleep[SEQUENCER], moved = 0, 1
    if commit(m.ask_fetch):
        asleep[FETCH], moved = 0, 1
    if commit(m.ask_writeback):
        asleep[WRITEBACK], moved = 0, 1
    if commit(m.context) | commit(m.batch):
        asleep[FEED], moved = 0, 1
    return moved | commit(m.weight)


@njit(forceinline=True)
def _doze(m, unit, cause, waiting):
    """A component that waits, and can only be woken by a link, a token or an answer, is not stepped
    until then; its cause goes on being counted.
    """
    if waiting and cause != BUSY and not m.run.eager:
        m.run.asleep[unit] = cause + 1
    m.run.count[unit, cause] += 1
    return cause == BUSY


@njit(forceinline=True)
def _memory_side(m, table, log, left_in_layer, answer):
    """Sequencer and fetch; returns whether one moved, and the bank of vec that fetch writes."""
    c, asleep, count, written = m.c, m.run.asleep, m.run.count, -1
    moved = False
    if asleep[SEQUENCER] and answer != TO_SEQUENCER:
        count[SEQUENCER, asleep[SEQUENCER] - 1] += 1
    else:
        asleep[SEQUENCER] = 0
        cause = sequencer.step(
            c, m.sequencer, m.to_fetch, m.to_feed, m.to_vector, m.to_writeback, m.ask_sequencer,
            table, answer,
        )  # fmt: skip
        waits = m.sequencer.sent >= m.sequencer.got or cause == WAIT_OUTPUT
        moved |= _doze(m, SEQUENCER, cause, waits)
    if asleep[FETCH] and answer != TO_FETCH:
        count[FETCH, asleep[FETCH] - 1] += 1
    else:
        asleep[FETCH] = 0
        cause, done, written = fetch.step(
            c, m.fetch, m.to_fetch, m.ask_fetch, m.tokens, table, log, m.run.now, answer
        )
        moved |= _doze(m, FETCH, cause, True)
        if done >= 0:
            _finish(m, done, 0, table, log, left_in_layer)
    return moved, written


@njit(forceinline=True)
def _compute_side(m, table, log, left_in_layer):
    """Array, feed, weight loader and accumulator."""
    c, now, count, asleep = m.c, m.run.now, m.run.count, m.run.asleep
    cause = array.step(c, m.array, m.batch, m.weight, log, now)
    count[ARRAY, _array_cause(cause, m)] += 1
    if asleep[FEED]:
        count[FEED, asleep[FEED] - 1] += 1
    else:
        reading = feed.step(c, m.feed, m.to_feed, m.batch, m.context, m.tokens, table, log, now)
        _doze(m, FEED, reading, True)
    weight_loader.step(c, m.weight_loader, m.walk, m.context, m.weight, table, log)
    done = accumulator.step(c, m.accumulator, m.array, now)
    if done >= 0:
        _finish(m, done, 1, table, log, left_in_layer)
    return cause == BUSY


@njit(forceinline=True)
def _vector_side(m, table, log, left_in_layer, written):
    """Vector unit and writeback."""
    c, now, count, asleep = m.c, m.run.now, m.run.count, m.run.asleep
    moved, read_a, read_b, read_param = False, -1, -1, -1
    if asleep[VECTOR]:
        count[VECTOR, asleep[VECTOR] - 1] += 1
    else:
        cause, done, read_a, read_b, read_param = vector.step(
            c, m.vector, m.to_vector, m.tokens, table, log, now, written
        )
        moved = _doze(m, VECTOR, cause, m.vector.cmd < 0 and cause != DRAIN)
        if done >= 0:
            _finish(m, done, 2, table, log, left_in_layer)
    if asleep[WRITEBACK]:
        count[WRITEBACK, asleep[WRITEBACK] - 1] += 1
    else:
        cause, done = writeback.step(
            c,
            m.writeback,
            m.to_writeback,
            m.ask_writeback,
            m.tokens,
            table,
            log,
            now,
            read_a,
            read_b,
            read_param,
        )
        _doze(m, WRITEBACK, cause, m.writeback.cmd < 0 and cause != DRAIN)
        if done >= 0:
            _finish(m, done, 3, table, log, left_in_layer)
    return moved


@njit(forceinline=True)
def tick(m, table, log, left_in_layer):
    """One clock cycle. Components see what the last edge left, so their order matters only where a
    signal is combinational: memory's answer, fetch's bank to vector.
    """
    answer = memory.answer_of(m.memory)
    moved, written = _memory_side(m, table, log, left_in_layer, answer)
    moved |= _compute_side(m, table, log, left_in_layer)
    moved |= _vector_side(m, table, log, left_in_layer, written)
    cause = memory.step(m.c, m.memory, m.ask_sequencer, m.ask_fetch, m.ask_writeback)
    m.run.count[MEMORY, cause] += 1
    if m.tokens.changed:
        _edge_of_tokens(m)
        moved = True
    if _edge_of_links(m) | moved:
        m.run.moved_at = m.run.now
    m.run.now += 1


@njit
def _close_layers(run, left_in_layer, total, layer_cycles):
    """Gives the cycles since the last close to the current layer, and goes on to the first layer
    with work left.
    """
    layer = run.layer
    for u in range(total.shape[1]):
        for k in range(total.shape[2]):
            total[layer, u, k] += run.count[u, k]
            run.count[u, k] = 0
    layer_cycles[layer] += run.now - run.layer_from
    run.layer_from = run.now
    while run.layer + 1 < left_in_layer.size and left_in_layer[run.layer] == 0:
        run.layer += 1


@njit
def loop(m, table, log, left_in_layer, total, layer_cycles, until, patience):
    """Ticks until the Program has ended, cycle `until`, or `patience` cycles without any movement.
    Status in `m.run`.

    total: [layers, units, causes] and layer_cycles: [layers], both int64.
    """
    run, table, log, left_in_layer = m.run, borrow(table), borrow(log), borrow(left_in_layer)
    while run.status == RUNNING:
        tick(m, table, log, left_in_layer)
        if left_in_layer[run.layer] == 0 and run.layer + 1 < left_in_layer.size:
            _close_layers(run, left_in_layer, total, layer_cycles)
        if run.remaining == 0 and m.sequencer.ended:
            run.status = FINISHED
        elif run.now - run.moved_at > patience:
            run.status = DEADLOCK
        elif run.now >= until:
            return
    _close_layers(run, left_in_layer, total, layer_cycles)

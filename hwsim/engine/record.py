"""Runs ticks and writes down, cycle by cycle, what `watch` makes ports of: registers before the edge, and what the edge changed."""

from hwsim.components import vector
from hwsim.components.config import ARRAY, BUSY, FILLED, LEVEL, TO_FETCH, VEC_LEVEL
from hwsim.engine.tick import tick
from hwsim.kernels import njit

# columns
HELD, HEAD, TOKENS, ITEM_BATCH, ITEM_WEIGHT = 0, 10, 20, 36, 44
ANSWER, WRITES, ROW, ISSUED, WAVES, KEPT, OS, OVER, BEAT, RESULT, READS, ENDS, READING, LOADING = range(48, 62)
COLUMNS = 62


@njit
def _look_at_links(m, out):
    """Levels and heads, in the order of tick.LINKS; what stands at the head of batch and weight."""
    for k, link in enumerate(
        (
            m.to_fetch, m.to_feed, m.to_vector, m.to_writeback, m.ask_sequencer, m.ask_fetch, m.ask_writeback,
            m.context, m.batch, m.weight,
        )
    ):  # fmt: skip
        out[HELD + k], out[HEAD + k] = link.held, link.head
    for k in range(8):
        out[ITEM_BATCH + k] = m.batch.slots[m.batch.head, k] if m.batch.held else 0
    for k in range(4):
        out[ITEM_WEIGHT + k] = m.weight.slots[m.weight.head, k] if m.weight.held else 0


@njit
def _look_at_vector(m, out):
    """Whether a beat goes, whether a result is written, and the banks that the beat of the last cycle reads, a bit each."""
    s, out[READS] = m.vector, 0
    for bank in (s.held_a, s.held_b, s.held_param):
        if bank >= 0:
            out[READS] |= 1 << bank
    out[BEAT] = s.cmd >= 0 and (s.setup > 0 or (s.wait == 0 and s.rows > 0 and not vector.blocked(m.c, s)))
    out[RESULT] = s.cmd >= 0 and vector.due(m.c, s, m.run.now, m.fetch.bank if out[WRITES] == 1 + VEC_LEVEL else -1) > 0


@njit
def _look(m, table, out):
    """The registers before the edge."""
    _look_at_links(m, out)
    for p in range(4):
        for q in range(4):
            out[TOKENS + 4 * p + q] = m.tokens.held[p, q]
    out[ANSWER] = m.memory.pipe[m.memory.at]
    out[WRITES] = 0
    if m.fetch.flying:
        n = m.fetch.flight[m.fetch.first]
        if out[ANSWER] == TO_FETCH or table[n, FILLED]:
            out[WRITES] = 1 + table[n, LEVEL]
    a, out[ROW] = m.array, 0
    if a.exits and a.first[a.head] <= m.run.now:
        last = m.run.now == a.first[a.head] + a.rows[a.head] - 1
        out[ROW] = 2 if last and a.ends[a.head] >= 0 else 1
    out[WAVES] = a.waves > 0 and a.wave_now == m.run.now
    out[KEPT], out[OS] = a.kept, a.os
    out[ENDS] = m.sequencer.ended != 0
    out[OVER] = m.run.remaining == 0 and m.sequencer.ended != 0
    out[READING] = 0 if m.feed.cmd < 0 else 2 if m.feed.left > 1 or m.batch.held < m.batch.depth else 1
    out[LOADING] = m.walk.cmd >= 0
    _look_at_vector(m, out)


@njit
def record(m, table, log, left_in_layer, out):
    """[cycles, COLUMNS] of as many cycles as `out` has rows, or of fewer: the last is that in which all is over. Returns their number."""
    for k in range(len(out)):
        _look(m, table, out[k])
        issued = m.run.count[ARRAY, BUSY]
        tick(m, table, log, left_in_layer)
        out[k, ISSUED] = m.run.count[ARRAY, BUSY] - issued
        if out[k, OVER]:
            return k + 1
    return len(out)

"""Loads, stores and atomics that leave a pipeline: served in the own block, or sent to another one; what arrives there, what comes back."""

import numpy as np

from hwsim.thread.cache import arrived, write_words
from hwsim.thread.jit import njit
from hwsim.thread.memory import READ, serve, serve_two, server
from hwsim.thread.messages import keep, next_order, take_slot
from hwsim.thread.ops import (
    AMO_CAS_D,
    AMO_CAS_W,
    ANSWER,
    HOST,
    LB,
    LINE_READ,
    LINE_WRITE,
    LWU,
    NEVER,
    ON_DRAM,
    ON_REMOTE,
    ON_SCRATCHPAD,
    REQUEST,
    SB,
    SD,
    WHO_NOBODY,
)  # fmt: skip
from hwsim.thread.thread import set_register, stop, take_ring_slot, wake


@njit(forceinline=True)
def crosses(op, at):
    """Whether a load or store reaches into the next word."""
    return (at & 7) + (1 << ((op - LB) & 3) if op <= LWU else 1 << (op - SB)) > 8


@njit(forceinline=True)
def watch_host(p, block, home, at, op, value, who, t):
    """A nonzero word written to `tohost` ends the run."""
    if at == p.tohost and home == 0 and value != 0 and op >= SB and op <= SD:
        stop(block, HOST, who, value, 0, t)


@njit
def request_bits(p, op):
    if op <= LWU or op == LINE_READ:
        return p.header
    return p.header + (128 if op == AMO_CAS_D or op == AMO_CAS_W else 64)


@njit
def post(p, block, pool, heap, b, op, home, at, value, other, who, reg, ring, pipe, t):
    """Hands a request for another block to the own router, which takes it up in t."""
    slot = take_slot(block, pool, b)
    if slot >= 0:
        m = pool[b, slot]
        m.cycle, m.order, m.kind, m.op, m.to, m.home = t, next_order(block, b), REQUEST, op, home, b
        m.bits, m.who, m.reg, m.slot, m.pipe = request_bits(p, op), who, reg, ring, pipe
        m.at, m.value, m.other = at, value, other
        keep(block, pool, heap, b, slot)


@njit(forceinline=True)
def booked(p, block, pipeline, thread, who, d, b, value, done, t):
    """What an access in the own block leaves in the thread."""
    at = pipeline.address
    why = ON_SCRATCHPAD if at < p.pad_bytes else ON_DRAM
    set_register(thread, d.rd, value, done, why)
    take_ring_slot(p, thread, done)
    thread.detail = b
    watch_host(p, block, b, at, d.op, pipeline.value, who, t)
    if d.acquire:
        thread.hold, thread.hold_why = done, why


@njit
def request(p, block, memory, pool, heap, b, pipeline, thread, who, d, t):
    """An access past the caches, in its cycle t."""
    home, at = pipeline.home, pipeline.address
    if home == b:
        if d.op <= SD and crosses(d.op, at):
            v, done = serve_two(p, block, memory, thread, home, at, d.op, pipeline.value, t)
        else:
            v, done = serve(p, block, memory, thread, home, at, d.op, pipeline.value, pipeline.other, t)
        booked(p, block, pipeline, thread, who, d, b, v, done, t)
        return
    set_register(thread, d.rd, np.int64(0), NEVER, ON_REMOTE)
    ring = take_ring_slot(p, thread, NEVER)
    if d.acquire:
        thread.hold, thread.hold_why = NEVER, ON_REMOTE
    thread.detail = home
    post(p, block, pool, heap, b, d.op, home, at, pipeline.value, pipeline.other, who, d.rd, ring, d.acquire, t + 1)


@njit
def reply(p, block, pool, heap, b, m, value, bits, done):
    """Turns a request into its answer, which the router takes up when the access is done."""
    slot = take_slot(block, pool, b)
    if slot >= 0:
        a = pool[b, slot]
        a.cycle, a.order, a.kind, a.op, a.to, a.home = done, next_order(block, b), ANSWER, m.op, m.home, b
        a.bits, a.who, a.reg, a.slot, a.pipe = bits, m.who, m.reg, m.slot, m.pipe
        a.at, a.value, a.other = m.at, value, np.int64(b)
        for i in range(8):
            a.word[i] = m.word[i]
        keep(block, pool, heap, b, slot)


@njit
def serve_message(p, block, memory, threads, pool, heap, b, m, t):
    """A memory request from another block, at home."""
    if m.op == LINE_READ:
        start, done = m.at >> p.line_bits << p.line_bits, t
        for k in range(p.line_words):
            m.word[k] = memory[b, (start >> 3) + k]
            done = max(done, server(p, block, start + 8 * k, READ, t))
        reply(p, block, pool, heap, b, m, m.value, p.header + 64 * p.line_words, done)
        return
    if m.op == LINE_WRITE:
        done = write_words(p, block, memory, b, m.at, m.word, np.uint64(m.value), t)
        value, bits = np.int64(0), p.header
    else:
        value, done = serve(p, block, memory, threads[max(0, m.who)], b, m.at, m.op, m.value, m.other, t)
        watch_host(p, block, b, m.at, m.op, m.value, m.who, t)
        bits = p.header if m.op >= SB and m.op <= SD else p.header + 64
    if m.who != WHO_NOBODY:
        reply(p, block, pool, heap, b, m, value, bits, done)


@njit
def answered(p, threads, pipelines, code, lines, m, t):
    """An answer reaches the thread that asked."""
    thread = threads[m.who]
    if m.op == LINE_WRITE:
        thread.flushing -= 1
        if thread.flushing == 0:
            thread.hold = max(thread.hold_until, t + 1)
        wake(p, threads, pipelines, code, m.who)
        return
    value = arrived(p, lines, m, t) if m.op == LINE_READ else m.value
    set_register(thread, m.reg, value, t + 1, ON_REMOTE)
    if m.slot >= 0:
        thread.slots[m.slot] = t + 1
    if m.op != LINE_READ and m.pipe:
        thread.hold = t + 1
    wake(p, threads, pipelines, code, m.who)
    if m.op == LINE_READ:
        pipeline = pipelines[m.pipe]
        release_stuck(p, threads, pipelines, code, pipeline.first, pipeline.first + pipeline.threads, t)


@njit
def release_stuck(p, threads, pipelines, code, first, last, t):
    """What threads were parked for is there: they look again in the next cycle."""
    for i in range(first, last):
        thread = threads[i]
        if thread.stuck:
            thread.hold, thread.hold_why = t + 1, thread.cause
            wake(p, threads, pipelines, code, i)

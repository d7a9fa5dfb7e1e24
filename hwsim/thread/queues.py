"""The queue engine of a block: bounded queues of tokens; who must wait is parked, and served first come first."""

import numpy as np

from hwsim.thread.jit import njit
from hwsim.thread.messages import keep, next_order, take_slot
from hwsim.thread.ops import (
    ANSWER,
    N_QUEUE,
    ON_QUEUE,
    QUEUE_POP,
    QUEUE_PUSH,
    QUEUE_TRYPOP,
    QUEUE_TRYPUSH,
)
from hwsim.thread.thread import set_register, wake


@njit
def reach(p, block, threads, pipelines, code, pool, heap, b, who, reg, op, value, r):
    """An engine's result for a thread, ready in cycle r: written, or sent to its block."""
    if who // p.threads == b:
        thread = threads[who]
        set_register(thread, reg, value, r, ON_QUEUE)
        thread.hold = r
        wake(p, threads, pipelines, code, who)
        return
    slot = take_slot(block, pool, b)
    if slot >= 0:
        m = pool[b, slot]
        m.cycle, m.order, m.kind, m.op, m.to, m.home, m.bits = r, next_order(block, b), ANSWER, op, who // p.threads, b, p.header + 64
        m.who, m.reg, m.slot, m.pipe, m.value = who, reg, -1, 1, value
        keep(block, pool, heap, b, slot)


@njit
def park_in(queue, waiters, b, who, value, reg):
    w = waiters[b, who]
    w.next, w.value, w.reg = -1, value, reg
    if queue.wait_end >= 0:
        waiters[b, queue.wait_end].next = who
    else:
        queue.wait = who
    queue.wait_end = who


@njit
def unpark(queue, waiters, b):
    who = queue.wait
    queue.wait = waiters[b, who].next
    if queue.wait < 0:
        queue.wait_end = -1
    return who


@njit
def put(p, queue, tokens, b, number, value):
    tokens[b, number * p.depth + (queue.first + queue.tokens) % p.depth] = value
    queue.tokens += 1


@njit
def take(p, queue, tokens, b, number):
    value = tokens[b, number * p.depth + queue.first]
    queue.first = (queue.first + 1) % p.depth
    queue.tokens -= 1
    return value


@njit
def queue_operation(p, block, threads, pipelines, code, pool, heap, queues, tokens, waiters, b, number, op, token, who, reg, t):
    """One operation, at home, in the order of arrival."""
    start = max(t + 1, block.queue_free)
    block.queue_free = start + 1
    block.count[N_QUEUE] += 1
    r = start + p.queue_latency
    queue = queues[b, number]
    pushes, answer = op == QUEUE_PUSH or op == QUEUE_TRYPUSH, np.int64(0)
    if pushes and queue.wait >= 0 and queue.tokens == 0:
        other = unpark(queue, waiters, b)
        reach(p, block, threads, pipelines, code, pool, heap, b, other, waiters[b, other].reg, QUEUE_POP, token, r)
        answer = np.int64(1)
    elif pushes and queue.tokens < p.depth:
        put(p, queue, tokens, b, number, token)
        answer = np.int64(1)
    elif op == QUEUE_PUSH:
        park_in(queue, waiters, b, who, token, reg)
        return
    elif not pushes and queue.tokens > 0:
        answer = take(p, queue, tokens, b, number)
        if queue.wait >= 0:
            other = unpark(queue, waiters, b)
            put(p, queue, tokens, b, number, waiters[b, other].value)
            reach(p, block, threads, pipelines, code, pool, heap, b, other, 0, QUEUE_PUSH, np.int64(0), r)
    elif op == QUEUE_POP:
        park_in(queue, waiters, b, who, 0, reg)
        return
    elif op == QUEUE_TRYPOP:
        answer = np.int64(-1)
    reach(p, block, threads, pipelines, code, pool, heap, b, who, reg, op, answer, r)

"""The collective engine: barriers, reductions, broadcast over the run, a block, or one kind of its pipelines."""

from hwsim.thread.bits import double, of_double
from hwsim.thread.jit import njit
from hwsim.thread.messages import keep, next_order, take_slot
from hwsim.thread.ops import (
    COLL_ADD,
    COLL_FADD,
    COLL_MAX,
    COLL_MIN,
    COLL_OR,
    COLLECT,
    N_COLLECTIVE,
    ON_COLLECTIVE,
    RESULT,
    T_ILLEGAL,
    TRAPPED,
)  # fmt: skip
from hwsim.thread.thread import set_register, stop, wake

RUN = 0


@njit
def two(op, a, b):
    if op == COLL_ADD:
        return a + b
    if op == COLL_MIN:
        return min(a, b)
    if op == COLL_MAX:
        return max(a, b)
    if op == COLL_OR:
        return a | b
    if op == COLL_FADD:
        return of_double(double(a) + double(b))
    return a  # barrier, first


@njit
def members(p, scope):
    """First and last + 1 of a block's threads."""
    if scope == 2:
        return 0, p.mtp_threads
    return p.mtp_threads if scope == 3 else 0, p.threads


@njit
def tell(p, block, pool, heap, b, kind, op, to, value, t):
    slot = take_slot(block, pool, b)
    if slot >= 0:
        m = pool[b, slot]
        m.cycle, m.order, m.kind, m.op, m.to, m.home, m.bits, m.value = t, next_order(block, b), kind, op, to, b, p.header + 64, value
        keep(block, pool, heap, b, slot)


@njit
def arrive(p, block, threads, pipelines, code, pool, heap, parts, b, index, reg, op, value, scope, t):
    """A thread comes to a collective in t and waits."""
    local = index - b * p.threads
    block.count[N_COLLECTIVE] += 1
    if block.come[scope] == 0:
        block.collect_op[scope] = op
    if block.collect_op[scope] != op:
        stop(block, TRAPPED, index, T_ILLEGAL, scope, t)
        return
    parts[b, scope * p.threads + local] = value
    threads[index].collect_reg = reg
    block.come[scope] += 1
    first, last = members(p, scope)
    if block.come[scope] < last - first:
        return
    block.come[scope] = 0
    total = parts[b, scope * p.threads + first]
    for i in range(first + 1, last):
        total = two(op, total, parts[b, scope * p.threads + i])
    if scope == RUN:
        tell(p, block, pool, heap, b, COLLECT, op, 0, total, t + p.collective_latency)
    else:
        release(p, threads, pipelines, code, b, scope, total, t + p.collective_latency)


@njit
def collect(p, block, pool, heap, parts, b, m, t):
    """A block's part comes to block 0; the result leaves for one block a cycle."""
    base = 4 * p.threads
    parts[b, base + m.home] = m.value
    block.parts += 1
    if block.parts < p.blocks:
        return
    block.parts = 0
    total = parts[b, base]
    for i in range(1, p.blocks):
        total = two(m.op, total, parts[b, base + i])
    for i in range(p.blocks):
        tell(p, block, pool, heap, b, RESULT, m.op, i, total, t + p.collective_latency + i)


@njit
def release(p, threads, pipelines, code, b, scope, value, r):
    first, last = members(p, scope)
    for i in range(b * p.threads + first, b * p.threads + last):
        thread = threads[i]
        set_register(thread, thread.collect_reg, value, r, ON_COLLECTIVE)
        thread.hold = r
        wake(p, threads, pipelines, code, i)

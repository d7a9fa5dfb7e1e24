"""A block cycle by cycle, and all blocks of one process epoch by epoch."""

import numpy as np

from hwsim.thread.collective import collect, release
from hwsim.thread.dma import command_done, dma_answered, step
from hwsim.thread.jit import njit
from hwsim.thread.messages import deliver, drop_first, route
from hwsim.thread.ops import (
    ANSWER,
    COLLECT,
    DMA_DONE,
    FENCED,
    NEVER,
    QUEUE_PUSH,
    QUEUE_TRYPOP,
    REQUEST,
    RESULT,
    RUNNING,
    WHO_DMA,
)
from hwsim.thread.pipeline import commit, commit_here, issue
from hwsim.thread.queues import queue_operation
from hwsim.thread.requests import answered, serve_message
from hwsim.thread.thread import span


@njit
def handle(
    p, blocks, threads, pipelines, code, memory, lines, pool, heap, outbox, links, queues, tokens, waiters, commands, flight, ahead, parts,
    b, t,
):  # fmt: skip
    """The first message of the heap: sent on, or done what it says. What it causes comes in a later cycle, so it stays the first."""
    block, m = blocks[b], pool[b, heap[b, 0].slot]
    if m.to != b:
        route(p, block, links, outbox, b, m, t)
    elif m.kind == REQUEST:
        if m.op >= QUEUE_PUSH and m.op <= QUEUE_TRYPOP:
            queue_operation(
                p, block, threads, pipelines, code, pool, heap, queues, tokens, waiters, b, m.at, m.op, m.value, m.who, m.reg, t
            )
        else:
            serve_message(p, block, memory, threads, pool, heap, b, m, t)
    elif m.kind == ANSWER:
        if m.who == WHO_DMA:
            dma_answered(p, block, pool, heap, commands, flight, ahead, b, m, t)
        else:
            answered(p, threads, pipelines, code, lines, m, t)
    elif m.kind == COLLECT:
        collect(p, block, pool, heap, parts, b, m, t)
    elif m.kind == RESULT:
        release(p, threads, pipelines, code, b, 0, m.value, t + p.collective_latency)
    elif m.kind == DMA_DONE:
        command_done(p, block, threads, pipelines, code, pool, heap, commands, b, t)


@njit
def note(threads, pipeline, t, spans, spanned):
    """The trace of a pipeline's cycle: who issued, who was parked."""
    if pipeline.before == t:
        span(threads, pipeline.first + pipeline.last, spans, spanned)
    for i in range(pipeline.first, pipeline.first + pipeline.threads):
        if threads[i].parked == t:
            span(threads, i, spans, spanned)


@njit
def run_block(
    p, threads, pipelines, blocks, code, memory, lines, fetched, pool, heap, outbox, links, queues, tokens, waiters, commands, flight,
    ahead, parts, spans, spanned, b, begin, end,
):  # fmt: skip
    """Cycles begin..end-1 of a block; it stops behind the cycle in which it got a status. Returns the next cycle."""
    block, t, n = blocks[b], begin, p.pipelines
    first = b * n
    while t < end:
        while block.waiting > 0 and heap[b, 0].cycle <= t:
            handle(
                p, blocks, threads, pipelines, code, memory, lines, pool, heap, outbox, links, queues, tokens, waiters, commands, flight,
                ahead, parts, b, t,
            )  # fmt: skip
            drop_first(block, pool, heap, b)
        if block.dma_next <= t or not p.jump:
            step(p, block, memory, threads, pool, heap, commands, flight, ahead, b, t)
        for i in range(n):
            pipe = first + (i + p.shuffle) % n
            if pipelines[pipe].next <= t or not p.jump:
                issue(p, block, threads, pipelines[pipe], code, lines, pipe, b, t)
                if p.trace:
                    note(threads, pipelines[pipe], t, spans, spanned)
        turn = t % n
        for i in range(n):
            pipe = first + (i + turn if i + turn < n else i + turn - n)
            if pipelines[pipe].issued >= 0 and not commit_here(p, block, threads, pipelines[pipe], code, memory, b, t):
                commit(
                    p, block, threads, pipelines, pipelines[pipe], code, memory, lines, fetched, pool, heap, queues, tokens, waiters,
                    commands, parts, pipe, b, t,
                )  # fmt: skip
        soonest = min(block.dma_next, heap[b, 0].cycle if block.waiting > 0 else np.int64(NEVER))
        for i in range(n):
            soonest = min(soonest, pipelines[first + i].next)
        block.next = max(soonest, t + 1)
        t = block.next if p.jump else t + 1
        if block.status != RUNNING:
            break
    return min(t, end)


@njit
def run_epoch(
    params, threads, pipelines, blocks, code, memory, lines, fetched, pool, heap, outbox, links, queues, tokens, waiters, commands, flight,
    ahead, parts, spans, spanned, first, last, begin, end,
):  # fmt: skip
    """Blocks first..last-1 through cycles begin..end-1, apart from one another. Returns the next cycle of the last block."""
    p = params[0]
    t = end
    for b in range(first, last):
        blocks[b].out[p.parity] = 0
        if blocks[b].next < end or not p.jump:
            t = run_block(
                p, threads, pipelines, blocks, code, memory, lines, fetched, pool, heap, outbox, links, queues, tokens, waiters, commands,
                flight, ahead, parts, spans, spanned, b, max(begin, blocks[b].next) if p.jump else begin, end,
            )  # fmt: skip
    return t


@njit
def next_cycle(blocks, outbox, parity, first, last):
    """The soonest cycle in which something happens in blocks first..last-1, or with what they sent."""
    soonest = np.int64(NEVER)
    for b in range(first, last):
        soonest = min(soonest, blocks[b].next)
        for i in range(blocks[b].out[parity]):
            soonest = min(soonest, outbox[parity, b, i].cycle)
    return soonest


@njit
def exchange(blocks, pool, heap, outbox, parity, first, last):
    """Behind an epoch: messages of the others into the heaps of blocks first..last-1."""
    deliver(blocks, pool, heap, outbox, parity, first, last)
    for b in range(first, last):
        if blocks[b].waiting > 0:
            blocks[b].next = min(blocks[b].next, heap[b, 0].cycle)


@njit
def any_stopped(blocks, first, last):
    for b in range(first, last):
        if blocks[b].status != RUNNING:
            return True
    return False


@njit
def run_alone(
    params, threads, pipelines, blocks, code, memory, lines, fetched, pool, heap, outbox, links, queues, tokens, waiters, commands, flight,
    ahead, parts, spans, spanned, begin, length, limit,
):  # fmt: skip
    """All blocks, epoch after epoch, in one process: (next cycle, whether it is over). Comes back early past the limit, when the trace has
    no room for another epoch, and for a fence.i in a run of one block."""
    p, n, cycle = params[0], blocks.shape[0], begin
    while True:
        end = cycle + length
        t = run_epoch(
            params, threads, pipelines, blocks, code, memory, lines, fetched, pool, heap, outbox, links, queues, tokens, waiters, commands,
            flight, ahead, parts, spans, spanned, 0, n, cycle, end,
        )  # fmt: skip
        if n == 1 and blocks[0].status == FENCED:
            return t, False
        soonest, stopped = next_cycle(blocks, outbox, p.parity, 0, n), any_stopped(blocks, 0, n)
        exchange(blocks, pool, heap, outbox, p.parity, 0, n)
        if stopped or soonest >= NEVER:
            return end, True
        cycle = max(end, soonest) if p.jump else end
        p.parity ^= 1
        if cycle > limit or (p.trace and spanned[0] + 2 * n * p.pipelines * length > spans.shape[0]):
            return cycle, False

"""A pipeline: in a cycle the first ready thread behind the last one issues (`issue`); then its request takes effect (`commit`)."""

import numpy as np

from hwsim.thread.cache import access, blocked, fetch, on_their_way, walk
from hwsim.thread.collective import arrive
from hwsim.thread.dma import enqueue
from hwsim.thread.floating import floating
from hwsim.thread.integer import integer, muldiv
from hwsim.thread.jit import njit
from hwsim.thread.memory import CACHED, locate, serve
from hwsim.thread.ops import (
    ATOMIC,
    CACHE_FLUSH,
    CACHE_FLUSHINVAL,
    COLL_BARRIER,
    COLL_FIRST,
    DMA_START,
    ENGINE,
    EXIT,
    EXITED,
    FENCE_I,
    FENCED,
    FLOAT,
    INTEGER,
    LOAD,
    MULDIV,
    N_FLOAT,
    N_INTEGER,
    N_MULTIPLY,
    NEVER,
    ON_ARITHMETIC,
    ON_CACHE,
    ON_COLLECTIVE,
    ON_DMA,
    ON_ENDED,
    ON_QUEUE,
    ON_REMOTE,
    OUTSIDE,
    QUEUE_PUSH,
    QUEUE_TRYPOP,
    SD,
    STORE,
    SYSTEM,
    T_FETCH,
    T_ILLEGAL,
    T_LOAD,
    T_LOAD_ALIGN,
    T_STORE,
    T_STORE_ALIGN,
)  # fmt: skip
from hwsim.thread.queues import queue_operation
from hwsim.thread.requests import booked, crosses, post, request
from hwsim.thread.system import system, trap
from hwsim.thread.thread import account, park, set_register, settle, stop, watch_stack

OUTSIDE_CODE = 0


@njit(forceinline=True)
def code_index(p, pc):
    """Row of the table of decoded words; row 0 is outside."""
    i = (pc - p.code_base) >> 2
    return i + 1 if i >= 0 and i + 1 < p.codes and pc & 3 == 0 else OUTSIDE_CODE


@njit(forceinline=True)
def issue(p, block, threads, pipeline, code, lines, pipe, b, t):
    """Chooses a thread and executes what needs no request."""
    soonest, n, k = np.int64(NEVER), pipeline.threads, pipeline.last
    for _ in range(n):
        k += 1
        if k >= n:
            k = 0
        if pipeline.wakes[k] > t:
            soonest = min(soonest, pipeline.wakes[k])
            continue
        index = pipeline.first + k
        thread = threads[index]
        d = code[thread.code]
        if d.check:
            cause = obstacle(p, block, thread, pipeline, d, lines, pipe, b, index, t)
            if cause:
                park(thread, t, cause)
                pipeline.wakes[k] = NEVER
                continue
        pipeline.last, pipeline.next = k, t + 1
        execute(p, block, thread, pipeline, code, d, index, b, t)
        return
    pipeline.next = soonest


@njit
def obstacle(p, block, thread, pipeline, d, lines, pipe, b, index, t):
    """What keeps a request from issuing although its thread is ready; where the request goes stays in the pipeline. What writes sp is
    no request and always issues; it ends the run where it leaves the stack."""
    if d.group == INTEGER:
        v, _ = integer(d.op, thread.x[d.rs1], thread.x[d.rs2], thread.pc, d.imm, d.by_imm)
        watch_stack(p, block, thread, index, v, t)
        return 0
    if d.group == ENGINE:
        if d.op == DMA_START:
            return ON_DMA if block.dma_commands >= p.dma_depth else 0
        if d.op >= CACHE_FLUSH and d.op <= CACHE_FLUSHINVAL and on_their_way(p, lines, pipe):
            return ON_CACHE
        return 0
    address = thread.x[d.rs1] + (0 if d.group == ATOMIC else d.imm)
    pipeline.other = address
    home, at = locate(p, b, address)
    pipeline.home, pipeline.address, pipeline.cached = home, at, 0
    if d.group != ATOMIC and address & CACHED and at >= p.pad_bytes and home >= 0:
        pipeline.cached = 1
        if blocked(p, lines, pipe, home, at):
            return ON_REMOTE
    return 0


@njit(forceinline=True)
def execute(p, block, thread, pipeline, code, d, index, b, t):
    """Registers, next pc, account. What is a request waits in the pipeline for `commit`."""
    account(thread, t)
    if t - pipeline.before > 1:
        pipeline.waits[thread.cause] += t - pipeline.before - 1
    pipeline.before, pipeline.issued, pipeline.code = t, index, thread.code
    pipeline.count += 1
    thread.issued += 1
    thread.last = t
    pc = thread.pc
    after = pc + 4
    if d.group == INTEGER:
        block.count[N_INTEGER] += 1
        v, after = integer(d.op, thread.x[d.rs1], thread.x[d.rs2], pc, d.imm, d.by_imm)
        set_register(thread, d.rd, v, t + 1, ON_ARITHMETIC)
    elif d.group == LOAD or d.group == STORE or d.group == ATOMIC:
        after = prepare(p, block, thread, pipeline, d, index, t)
    elif d.group == FLOAT:
        block.count[N_FLOAT] += 1
        rm = thread.frm if d.rm == 7 else d.rm
        if rm > 4 or (rm != 0 and d.modes == 0):
            after = trap(block, thread, index, T_ILLEGAL, np.int64(d.raw), t)
        else:
            v = floating(d.op, d.by_imm, thread.x[d.rs1], thread.x[d.rs2], thread.x[d.rs3], rm)
            set_register(thread, d.rd, v, t + d.cycles, ON_ARITHMETIC)
    elif d.group == MULDIV:
        block.count[N_MULTIPLY] += 1
        set_register(thread, d.rd, muldiv(d.op, thread.x[d.rs1], thread.x[d.rs2]), t + d.cycles, ON_ARITHMETIC)
    elif d.group == SYSTEM:
        after = system(p, block, pipeline, thread, index, d, t)
    elif d.group == ENGINE:
        after = prepare_engine(p, block, thread, pipeline, d, index, b, t)
    elif d.group == OUTSIDE:
        after = trap(block, thread, index, T_FETCH, pc, t)
    else:
        after = trap(block, thread, index, T_ILLEGAL, np.int64(d.raw), t)
    thread.pc = after
    thread.code = code_index(p, after)
    thread.earliest = t + pipeline.interval
    if after != pc + 4:
        thread.earliest = max(thread.earliest, t + 1 + p.branch)
    if d.group <= FLOAT and after >> p.fetch_bits == thread.line:
        pipeline.issued = -1  # no request, no fetch: nothing to commit
        settle(p, thread, code)
        pipeline.wakes[pipeline.last] = thread.wake


@njit
def misaligned(p, pipeline, d, index):
    """An atomic off its size; a load or store that crosses into a word that is not plainly the next one of the own block."""
    at = pipeline.address
    if d.group == ATOMIC:
        return at & (d.rm - 1) != 0
    if not crosses(d.op, at):
        return False
    end = p.pad_bytes if at < p.pad_bytes else p.bytes
    return pipeline.cached != 0 or pipeline.home != index // p.threads or at + 8 >= end


@njit
def prepare(p, block, thread, pipeline, d, index, t):
    """Checks an access; a bad one traps and is no request. Returns the next pc."""
    loads = d.group == LOAD
    if pipeline.home < 0:
        address = pipeline.other
        pipeline.code = OUTSIDE_CODE
        return trap(block, thread, index, T_LOAD if loads else T_STORE, address, t)
    if misaligned(p, pipeline, d, index):
        pipeline.code = OUTSIDE_CODE
        return trap(block, thread, index, T_LOAD_ALIGN if loads else T_STORE_ALIGN, pipeline.other, t)
    pipeline.value = thread.x[d.rs2]
    pipeline.other = thread.x[d.rs3]
    return thread.pc + 4


@njit
def prepare_engine(p, block, thread, pipeline, d, index, b, t):
    """Takes the operands, refuses what no engine takes. Returns the next pc."""
    first, second = thread.x[d.rs1], thread.x[d.rs2]
    pipeline.value, pipeline.other = first, second
    bad = False
    if d.op == DMA_START:
        home, at = locate(p, b, first)
        bad = home != b or at & 7 or at + 64 > p.bytes
        pipeline.address = at
    elif d.op >= QUEUE_PUSH and d.op <= QUEUE_TRYPOP:
        bad = first < 0 or first >> 8 >= p.blocks or first & 0xFF >= p.queues
    elif d.op >= COLL_BARRIER and d.op <= COLL_FIRST:
        bad = second < 0 or second > 3 or not in_scope(p, index, second)
    if bad:
        pipeline.code = OUTSIDE_CODE
        return trap(block, thread, index, T_ILLEGAL, second if d.op >= COLL_BARRIER else first, t)
    return thread.pc + 4


@njit
def in_scope(p, index, scope):
    mtp = index % p.threads < p.mtp_threads
    return scope < 2 or (scope == 2) == mtp


@njit(forceinline=True)
def commit_here(p, block, threads, pipeline, code, memory, b, t):
    """`commit` of the common case: one access to the own scratchpad or DRAM by a thread that stays in its line of code. False: it is
    another case."""
    index = pipeline.issued
    thread = threads[index]
    d = code[pipeline.code]
    if d.slot == 0 or pipeline.cached or pipeline.home != b or thread.pc >> p.fetch_bits != thread.line:
        return False
    if d.op <= SD and crosses(d.op, pipeline.address):
        return False
    pipeline.issued = -1
    v, done = serve(p, block, memory, thread, b, pipeline.address, d.op, pipeline.value, pipeline.other, t)
    booked(p, block, pipeline, thread, index, d, b, v, done, t)
    settle(p, thread, code)
    pipeline.wakes[pipeline.last] = thread.wake
    return True


@njit
def commit(
    p, block, threads, pipelines, pipeline, code, memory, lines, fetched, pool, heap, queues, tokens, waiters, commands, parts, pipe, b, t
):
    """The request of this cycle takes effect; the thread's next instruction is fetched and its scoreboard looked at."""
    index = pipeline.issued
    pipeline.issued = -1
    thread = threads[index]
    d = code[pipeline.code]
    if d.group == LOAD or d.group == STORE or d.group == ATOMIC:
        if pipeline.cached:
            access(p, block, memory, lines, pool, heap, b, pipeline, pipe, thread, index, d, t)
        else:
            request(p, block, memory, pool, heap, b, pipeline, thread, index, d, t)
    elif d.group == ENGINE:
        engine(
            p, block, threads, pipelines, pipeline, code, memory, lines, pool, heap, queues, tokens, waiters, commands, parts, pipe, b,
            thread, index, d, t,
        )  # fmt: skip
    elif d.group == SYSTEM and d.op == FENCE_I:
        refetch(p, block, fetched, threads, pipeline, pipe, index, t)
    if not thread.ended and thread.hold_why != ON_ENDED:
        if thread.code != OUTSIDE_CODE:
            fetch(p, block, fetched, b, pipeline, pipe, thread, t)
        settle(p, thread, code)
    pipeline.wakes[pipeline.last] = thread.wake


@njit
def refetch(p, block, fetched, threads, pipeline, pipe, index, t):
    for i in range(p.fetch_sets * p.fetch_ways):
        fetched[pipe, i].tag = -1
    for i in range(pipeline.first, pipeline.first + pipeline.threads):
        threads[i].line = -1
    if p.blocks == 1:
        stop(block, FENCED, index, 0, 0, t)


@njit
def engine(
    p, block, threads, pipelines, pipeline, code, memory, lines, pool, heap, queues, tokens, waiters, commands, parts, pipe, b, thread,
    index, d, t,
):  # fmt: skip
    """Own instructions that are no atomics."""
    if d.op == EXIT:
        thread.ended, thread.wake, thread.cause = 1, NEVER, ON_ENDED
        block.live -= 1
        block.clock = max(block.clock, t + 1)
        if pipeline.value != 0:
            stop(block, EXITED, index, pipeline.value, 0, t)
    elif d.op == DMA_START:
        enqueue(p, block, commands, b, thread, index, pipeline.address, t)
    elif d.op >= QUEUE_PUSH and d.op <= QUEUE_TRYPOP:
        number, home = pipeline.value & 0xFF, pipeline.value >> 8
        thread.hold, thread.hold_why, thread.detail = NEVER, ON_QUEUE, pipeline.value
        if home == b:
            queue_operation(
                p, block, threads, pipelines, code, pool, heap, queues, tokens, waiters, b, number, d.op, pipeline.other, index, d.rd, t
            )
        else:
            post(p, block, pool, heap, b, d.op, home, number, pipeline.other, 0, index, d.rd, -1, 1, t + 1)
    elif d.op >= COLL_BARRIER and d.op <= COLL_FIRST:
        thread.hold, thread.hold_why, thread.detail = NEVER, ON_COLLECTIVE, pipeline.other
        arrive(p, block, threads, pipelines, code, pool, heap, parts, b, index, d.rd, d.op, pipeline.value, pipeline.other, t)
    elif d.op >= CACHE_FLUSH and d.op <= CACHE_FLUSHINVAL:
        thread.flushing = 0
        done = walk(p, block, memory, lines, pool, heap, b, pipe, thread, index, d.op, pipeline.value, pipeline.other, t)
        thread.hold_until, thread.hold_why = done, ON_CACHE
        thread.hold = NEVER if thread.flushing > 0 else done


@njit
def begin(p, blocks, threads, pipelines, code, fetched, first, last):
    """Before cycle 0: every thread fetches its first line."""
    for b in range(first, last):
        for pipe in range(b * p.pipelines, (b + 1) * p.pipelines):
            pipeline = pipelines[pipe]
            for i in range(pipeline.first, pipeline.first + pipeline.threads):
                threads[i].code = code_index(p, threads[i].pc)
                if threads[i].code != OUTSIDE_CODE:
                    fetch(p, blocks[b], fetched, b, pipeline, pipe, threads[i], np.int64(-1))
                settle(p, threads[i], code)
                pipeline.wakes[i - pipeline.first] = threads[i].wake

"""A thread's scoreboard: from which cycle on its next instruction may issue, what it waits for till then, and the account of it."""

from hwsim.thread.jit import njit
from hwsim.thread.memory_map import SCRATCHPAD
from hwsim.thread.ops import (
    DMA_WAIT,
    EXIT,
    NEVER,
    ON_DMA,
    ON_FENCE,
    ON_FETCH,
    ON_INTERVAL,
    ON_SLOTS,
    ON_TURN,
    OVERRUN,
    SP,
)

FAR = 1 << 40  # as far as the scratchpad of one block may reach


@njit
def drained(p, thread):
    """The cycle from which all of the thread's requests are done."""
    done = thread.slots[0]
    for i in range(1, p.slots):
        done = max(done, thread.slots[i])
    return done


@njit(forceinline=True)
def settle(p, thread, code):
    """Sets `wake` and `cause` for the instruction at hand; a wake of NEVER waits for an answer."""
    d = code[thread.code]
    wake, cause = thread.earliest, ON_INTERVAL
    if thread.fetch > wake:
        wake, cause = thread.fetch, ON_FETCH
    if thread.hold > wake:
        wake, cause = thread.hold, thread.hold_why
    if thread.ready[d.rs1] > wake:
        wake, cause = thread.ready[d.rs1], thread.why[d.rs1]
    if thread.ready[d.rs2] > wake:
        wake, cause = thread.ready[d.rs2], thread.why[d.rs2]
    if thread.ready[d.rd] > wake:
        wake, cause = thread.ready[d.rd], thread.why[d.rd]
    if d.rs3 and thread.ready[d.rs3] > wake:
        wake, cause = thread.ready[d.rs3], thread.why[d.rs3]
    if d.slot and thread.slots[thread.head] > wake:
        wake, cause = thread.slots[thread.head], ON_SLOTS
    if d.drain:
        done = drained(p, thread)
        if done > wake:
            wake, cause = done, ON_FENCE
        if d.op == EXIT and thread.dma_left > 0:
            wake, cause = NEVER, ON_DMA
    elif d.op == DMA_WAIT and thread.dma_left > thread.x[d.rs1]:
        wake, cause = NEVER, ON_DMA
    thread.wake, thread.cause, thread.stuck = wake, cause, 0


@njit
def span(threads, index, spans, spanned):
    """Writes down what the thread waited for before the instruction that it just issued, or before it was parked."""
    thread = threads[index]
    if thread.span_end > thread.span_begin and spanned[0] < spans.shape[0]:
        s = spans[spanned[0]]
        s.thread, s.cause, s.begin, s.end, s.detail = index, thread.span_cause, thread.span_begin, thread.span_end, thread.detail
        spanned[0] += 1


@njit(forceinline=True)
def account(thread, t):
    """Cycles since the last instruction, up to t, go to what they were spent on."""
    if thread.earliest < t:
        thread.waits[ON_INTERVAL] += thread.earliest - thread.last - 1
        wake = min(thread.wake, t)
        thread.waits[thread.cause] += wake - thread.earliest
        thread.waits[ON_TURN] += t - wake
        thread.span_begin, thread.span_end, thread.span_cause = thread.earliest, wake, thread.cause
    else:
        thread.waits[ON_INTERVAL] += t - thread.last - 1
        thread.span_end = thread.span_begin


@njit
def park(thread, t, cause):
    """It was its turn in t, but what it needs is taken; somebody settles it again."""
    account(thread, t)
    thread.last, thread.earliest, thread.wake, thread.cause, thread.stuck = t - 1, t, NEVER, cause, 1
    thread.parked = t


@njit
def wake(p, threads, pipelines, code, index):
    """Settles a thread to whom something has come, and lets its pipeline look again."""
    settle(p, threads[index], code)
    block, local = index // p.threads, index % p.threads
    pipe = block * p.pipelines
    while local >= pipelines[pipe].threads:
        local -= pipelines[pipe].threads
        pipe += 1
    pipelines[pipe].wakes[local] = threads[index].wake
    pipelines[pipe].next = min(pipelines[pipe].next, threads[index].wake)


@njit(forceinline=True)
def set_register(thread, reg, value, ready, why):
    if reg > 0:
        thread.x[reg] = value
        thread.ready[reg] = ready
        thread.why[reg] = why


@njit
def take_ring_slot(p, thread, done):
    """Books the oldest slot until `done`; its number."""
    slot = thread.head
    thread.slots[slot] = done
    thread.head = slot + 1 if slot + 1 < p.slots else 0
    return slot


@njit
def stop(block, status, who, what, where, t):
    """The first reason in a block stays."""
    if block.status == 0:
        block.status, block.who, block.what, block.where, block.clock = status, who, what, where, t + 1


@njit
def watch_stack(p, block, thread, index, sp, t):
    """A stack pointer that goes from the thread's own stack to below it ends the run: the neighbour's lies there. One that comes from
    elsewhere, or goes far away, is no stack of ours."""
    home, local = index // p.threads, index % p.threads
    bottom = (SCRATCHPAD | home << 40) + local * p.stack
    before = thread.x[SP]
    if before >= bottom and before <= bottom + p.stack and sp < bottom and bottom - sp < FAR:
        stop(block, OVERRUN, index, 0, thread.pc, t)

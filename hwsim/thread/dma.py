"""The DMA engine of a block: commands in order, one read and one write request a cycle.

Word of a descriptor: flags, count, run, dst, dst_stride, src, src_stride, index. `flight`: elements read and not yet written, a ring;
`ahead`: indices read and not yet used, a ring.
"""


from hwsim.thread.jit import njit
from hwsim.thread.memory import locate, serve, server
from hwsim.thread.messages import keep, next_order, take_slot
from hwsim.thread.ops import (
    AMO_FADD_D,
    AMO_FADD_S,
    AMOADD_D,
    AMOADD_W,
    DMA_DONE,
    DMA_START,
    LD,
    LW,
    LWU,
    N_DMA_BUSY,
    N_DMA_COMMANDS,
    N_DMA_ELEMENTS,
    NEVER,
    ON_DMA,
    SD,
    SW,
    T_LOAD,
    T_STORE,
    TRAPPED,
    WHO_DMA,
)  # fmt: skip
from hwsim.thread.requests import post, release_stuck
from hwsim.thread.thread import stop, wake

GATHER, SCATTER, FILL, INDEX32, ADD, ADD_FLOAT, SIZE4 = 1, 2, 4, 8, 16, 32, 256
FLAGS, COUNT, RUN, DST, DST_STRIDE, SRC, SRC_STRIDE, INDEX = range(8)
DATA, INDICES, WRITES = range(3)  # `reg` of a request: what its answer is for


@njit
def enqueue(p, block, commands, b, thread, index, at, t):
    """A thread's command comes in t."""
    n = commands.shape[1]
    c = commands[b, (block.dma_first + block.dma_commands) % n]
    c.at, c.thread, c.unacked, c.done, c.closed = at, index, 0, 0, 0
    block.dma_commands += 1
    block.count[N_DMA_COMMANDS] += 1
    thread.dma_left += 1
    if block.dma_read == block.dma_commands - 1:
        _begin(p, block, t)


@njit
def _begin(p, block, t):
    block.dma_begin, block.dma_words = t + 1 + p.dma_start, 0
    block.dma_k, block.dma_j, block.dma_ik = 0, 0, 0
    block.dma_next = min(block.dma_next, t + 1)


@njit
def step(p, block, memory, threads, pool, heap, commands, flight, ahead, b, t):
    """One cycle of the engine."""
    wrote = _write(p, block, memory, threads, pool, heap, commands, flight, b, t)
    read = block.dma_read < block.dma_commands and block.dma_begin <= t
    if read:
        read = _read(p, block, memory, threads, pool, heap, commands, flight, ahead, b, t)
    _finish(p, block, pool, heap, commands, b, t)
    if wrote or read:
        block.count[N_DMA_BUSY] += 1
        block.dma_next = t + 1
        return
    block.dma_next = NEVER
    if block.dma_between > 0:
        _look_again(block, flight[b, block.dma_head].ready, t)
    if block.dma_read < block.dma_commands:
        _look_again(block, block.dma_begin, t)
        if block.dma_ik > block.dma_k:
            _look_again(block, ahead[b, block.dma_k % ahead.shape[1]].ready, t)


@njit
def _look_again(block, cycle, t):
    """What comes later than t wakes the engine; what is there already waits for something else."""
    if cycle > t:
        block.dma_next = min(block.dma_next, cycle)


@njit
def _command(block, commands, b, i):
    return commands[b, (block.dma_first + i) % commands.shape[1]]


@njit
def _write(p, block, memory, threads, pool, heap, commands, flight, b, t):
    """The oldest element goes to its place when it has come."""
    if block.dma_between == 0 or flight[b, block.dma_head].ready > t:
        return False
    e = flight[b, block.dma_head]
    block.dma_head = (block.dma_head + 1) % flight.shape[1]
    block.dma_between -= 1
    block.count[N_DMA_ELEMENTS] += 1
    c = commands[b, e.command]
    small = c.word[FLAGS] & SIZE4
    op = SW if small else SD
    if c.word[FLAGS] & ADD:
        op = AMOADD_W if small else AMOADD_D
    elif c.word[FLAGS] & ADD_FLOAT:
        op = AMO_FADD_S if small else AMO_FADD_D
    if e.final:
        c.closed = 1
    home, at = locate(p, b, e.to)
    if home < 0 or at & (3 if small else 7):
        stop(block, TRAPPED, c.thread, T_STORE, e.to, t)
    elif home == b:
        _, done = serve(p, block, memory, threads[c.thread], home, at, op, e.value, 0, t)
        c.done = max(c.done, done)
    else:
        c.unacked += 1
        post(p, block, pool, heap, b, op, home, at, e.value, 0, WHO_DMA, WRITES, e.command, 0, t + 1)
    return True


@njit
def _read(p, block, memory, threads, pool, heap, commands, flight, ahead, b, t):
    """A word of the descriptor, an index, or an element."""
    c = _command(block, commands, b, block.dma_read)
    number = (block.dma_first + block.dma_read) % commands.shape[1]
    if block.dma_words < 8:
        at = c.at + 8 * block.dma_words
        c.word[block.dma_words] = memory[b, at >> 3]
        done = server(p, block, at, 0, t)
        block.dma_words += 1
        if block.dma_words == 8:
            block.dma_begin = done
            if c.word[COUNT] <= 0 or c.word[RUN] <= 0:
                c.closed = 1
                _all_read(p, block, t)
        return True
    indexed = c.word[FLAGS] & (GATHER | SCATTER)
    room = ahead.shape[1] - (block.dma_ik - block.dma_k)
    if indexed and room > 0 and block.dma_ik < c.word[COUNT]:
        _read_index(p, block, memory, threads, pool, heap, c, ahead, b, t)
        return True
    if block.dma_between >= flight.shape[1]:
        return False
    if indexed and (block.dma_ik <= block.dma_k or ahead[b, block.dma_k % ahead.shape[1]].ready > t):
        return False
    _read_element(p, block, memory, threads, pool, heap, c, number, flight, ahead, b, t)
    return True


@njit
def _load(p, block, memory, threads, pool, heap, entry, c, address, op, size, what, ring, b, t):
    """Reads into a ring's entry."""
    home, at = locate(p, b, address)
    if home < 0 or at & (size - 1):
        stop(block, TRAPPED, c.thread, T_LOAD, address, t)
        entry.ready = NEVER
    elif home == b:
        entry.value, entry.ready = serve(p, block, memory, threads[c.thread], home, at, op, 0, 0, t)
    else:
        entry.ready = NEVER
        post(p, block, pool, heap, b, op, home, at, 0, 0, WHO_DMA, what, ring, 0, t + 1)


@njit
def _read_index(p, block, memory, threads, pool, heap, c, ahead, b, t):
    ring = block.dma_ik % ahead.shape[1]
    size = 4 if c.word[FLAGS] & INDEX32 else 8
    op = LWU if size == 4 else LD
    address = c.word[INDEX] + size * block.dma_ik
    _load(p, block, memory, threads, pool, heap, ahead[b, ring], c, address, op, size, INDICES, ring, b, t)
    block.dma_ik += 1


@njit
def _read_element(p, block, memory, threads, pool, heap, c, number, flight, ahead, b, t):
    ring = (block.dma_head + block.dma_between) % flight.shape[1]
    e = flight[b, ring]
    size = 4 if c.word[FLAGS] & SIZE4 else 8
    k, j = block.dma_k, block.dma_j
    index = ahead[b, k % ahead.shape[1]].value
    e.to = c.word[DST] + (index if c.word[FLAGS] & SCATTER else k) * c.word[DST_STRIDE] + j * size
    e.command, e.final = number, 1 if k == c.word[COUNT] - 1 and j == c.word[RUN] - 1 else 0
    block.dma_between += 1
    if c.word[FLAGS] & FILL:
        e.value, e.ready = c.word[SRC], t + 1
    else:
        address = c.word[SRC] + (index if c.word[FLAGS] & GATHER else k) * c.word[SRC_STRIDE] + j * size
        _load(p, block, memory, threads, pool, heap, e, c, address, LW if size == 4 else LD, size, DATA, ring, b, t)
    block.dma_j += 1
    if block.dma_j == c.word[RUN]:
        block.dma_j = 0
        block.dma_k += 1
        if block.dma_k == c.word[COUNT]:
            _all_read(p, block, t)


@njit
def _all_read(p, block, t):
    """The next command begins."""
    block.dma_read += 1
    if block.dma_read < block.dma_commands:
        _begin(p, block, t)


@njit
def _finish(p, block, pool, heap, commands, b, t):
    """The oldest command whose writes are all done ends, once; commands end in order."""
    if block.dma_commands == 0:
        return
    c = _command(block, commands, b, 0)
    if c.closed != 1 or c.unacked > 0:
        return
    c.closed = 2
    slot = take_slot(block, pool, b)
    if slot >= 0:
        m = pool[b, slot]
        m.cycle, m.order, m.kind, m.op, m.to, m.home = max(c.done, t + 1), next_order(block, b), DMA_DONE, DMA_START, b, b
        keep(block, pool, heap, b, slot)


@njit
def command_done(p, block, threads, pipelines, code, pool, heap, commands, b, t):
    """The oldest command is over: its thread hears of it, one that waits for room looks again."""
    c = _command(block, commands, b, 0)
    thread = threads[c.thread]
    thread.dma_left -= 1
    if thread.wake == NEVER and thread.cause == ON_DMA and not thread.stuck:
        thread.hold, thread.hold_why = t + 1, ON_DMA
        wake(p, threads, pipelines, code, c.thread)
    block.dma_first = (block.dma_first + 1) % commands.shape[1]
    block.dma_commands -= 1
    block.dma_read -= 1
    release_stuck(p, threads, pipelines, code, b * p.threads, (b + 1) * p.threads, t)
    _finish(p, block, pool, heap, commands, b, t)


@njit
def dma_answered(p, block, pool, heap, commands, flight, ahead, b, m, t):
    """An answer from another block's memory: usable in the next cycle."""
    if m.reg == WRITES:
        c = commands[b, m.slot]
        c.unacked -= 1
        c.done = max(c.done, t + 1)
        _finish(p, block, pool, heap, commands, b, t)
        return
    e = flight[b, m.slot] if m.reg == DATA else ahead[b, m.slot]
    e.value, e.ready = m.value, t + 1
    block.dma_next = min(block.dma_next, t + 1)

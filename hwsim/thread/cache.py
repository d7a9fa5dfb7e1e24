"""A pipeline's data cache and fetch cache: tags, lines on their way, what was written."""

import numpy as np

from hwsim.thread.jit import njit
from hwsim.thread.memory import READ, WRITE, extract, insert, locate, server
from hwsim.thread.messages import keep, next_order, take_slot
from hwsim.thread.ops import (
    CACHE_FLUSH,
    CACHE_INVAL,
    LINE_READ,
    LINE_WRITE,
    LWU,
    N_FETCH_HIT,
    N_FETCH_MISS,
    N_HIT,
    N_MISS,
    N_WRITTEN_BACK,
    NEVER,
    ON_CACHE,
    ON_DRAM,
    ON_REMOTE,
    REQUEST,
    SB,
    WHO_NOBODY,
    WINDOW_LOCAL,
)  # fmt: skip
from hwsim.thread.thread import set_register, take_ring_slot

HOME_SHIFT = 48


@njit
def line_tag(p, home, at):
    return (home << HOME_SHIFT) | (at >> p.line_bits)


@njit
def find(caches, pipe, base, ways, tag):
    for w in range(ways):
        if caches[pipe, base + w].tag == tag:
            return base + w
    return -1


@njit
def oldest(caches, pipe, base, ways):
    """The least recently used line that is not on its way, or -1."""
    best, used = -1, np.int64(NEVER)
    for w in range(ways):
        line = caches[pipe, base + w]
        if line.ready != NEVER and line.used < used:
            best, used = base + w, line.used
    return best


@njit
def blocked(p, lines, pipe, home, at):
    """Whether a cached access has to wait for a line that is on its way from another block."""
    tag = line_tag(p, home, at)
    base = (tag & (p.data_sets - 1)) * p.data_ways
    i = find(lines, pipe, base, p.data_ways, tag)
    if i >= 0:
        return lines[pipe, i].ready == NEVER
    return oldest(lines, pipe, base, p.data_ways) < 0


@njit
def write_words(p, block, memory, home, at, words, written, t):
    """Written bytes of a line into memory; the cycle in which the last access is done."""
    done = t
    for i in range(p.line_words):
        mask = (written >> np.uint64(8 * i)) & np.uint64(0xFF)
        if mask:
            word = (at >> 3) + i
            for k in range(8):
                if (mask >> np.uint64(k)) & np.uint64(1):
                    memory[home, word] = insert(memory[home, word], k, np.int64(np.uint64(words[i]) >> np.uint64(8 * k)), 1)
            block.version[word & 63] += 1
            done = max(done, server(p, block, at + 8 * i, WRITE, t))
    return done


@njit
def written_words(p, written):
    n = 0
    for i in range(p.line_words):
        if (written >> np.uint64(8 * i)) & np.uint64(0xFF):
            n += 1
    return n


@njit
def write_back(p, block, memory, pool, heap, b, line, who, t):
    """Sends the written bytes home; they stay in the line, now clean. `who` gets an answer from another block. The cycle in which it is
    done,
    0 where an answer will say."""
    home, at = line.tag >> HOME_SHIFT, (line.tag & ((1 << HOME_SHIFT) - 1)) << p.line_bits
    block.count[N_WRITTEN_BACK] += 1
    done = np.int64(0)
    if home == b:
        done = write_words(p, block, memory, home, at, line.word, line.written, t)
    else:
        slot = take_slot(block, pool, b)
        if slot >= 0:
            m = pool[b, slot]
            m.cycle, m.order, m.kind, m.op, m.to, m.home = t + 1, next_order(block, b), REQUEST, LINE_WRITE, home, b
            m.bits = p.header + 64 * written_words(p, line.written)
            m.who, m.reg, m.slot, m.at, m.value = who, 0, -1, at, np.int64(line.written)
            for i in range(p.line_words):
                m.word[i] = line.word[i]
            keep(block, pool, heap, b, slot)
    line.written = np.uint64(0)
    return done


@njit
def use(line, at, op, value):
    """A load's value, or a store, in a line that is there."""
    word = (at & 63) >> 3
    if op <= LWU:
        return extract(line.word[word], at, op)
    size = 1 << (op - SB)
    line.word[word] = insert(line.word[word], at, value, size)
    line.written |= np.uint64((1 << size) - 1) << np.uint64(at & 63)
    return np.int64(0)


@njit
def access(p, block, memory, lines, pool, heap, b, pipeline, pipe, thread, who, d, t):
    """A cached load or store that `blocked` let pass."""
    at, home = pipeline.address, pipeline.home
    tag = line_tag(p, home, at)
    inside = at & ((1 << p.line_bits) - 1)
    base = (tag & (p.data_sets - 1)) * p.data_ways
    i = find(lines, pipe, base, p.data_ways, tag)
    pipeline.clock += 1
    if i >= 0:
        line = lines[pipe, i]
        line.used = pipeline.clock
        block.count[N_HIT] += 1
        v = use(line, inside, d.op, pipeline.value)
        set_register(thread, d.rd, v, max(t, line.ready) + p.data_hit, ON_CACHE)
        return
    line = lines[pipe, oldest(lines, pipe, base, p.data_ways)]
    if line.written:
        write_back(p, block, memory, pool, heap, b, line, WHO_NOBODY, t)
    block.count[N_MISS] += 1
    line.tag, line.used, line.written = tag, pipeline.clock, np.uint64(0)
    start = at - inside
    if home == b:
        line.ready = t
        for k in range(p.line_words):
            line.word[k] = memory[home, (start >> 3) + k]
            line.ready = max(line.ready, server(p, block, start + 8 * k, READ, t))
        v = use(line, inside, d.op, pipeline.value)
        set_register(thread, d.rd, v, line.ready + p.data_hit, ON_DRAM)
        if d.op <= LWU:
            take_ring_slot(p, thread, line.ready)
        return
    _ask(p, block, pool, heap, b, pipe, line, thread, who, d, home, at, t)
    if d.op > LWU:
        use(line, inside, d.op, pipeline.value)


@njit
def _ask(p, block, pool, heap, b, pipe, line, thread, who, d, home, at, t):
    line.ready = NEVER
    ring = -1
    if d.op <= LWU:
        set_register(thread, d.rd, np.int64(0), NEVER, ON_REMOTE)
        ring = take_ring_slot(p, thread, NEVER)
    slot = take_slot(block, pool, b)
    if slot >= 0:
        m = pool[b, slot]
        m.cycle, m.order, m.kind, m.op, m.to, m.home, m.bits = t + 1, next_order(block, b), REQUEST, LINE_READ, home, b, p.header
        m.who, m.reg, m.slot, m.pipe, m.at, m.value = who, d.rd, ring, pipe, at, d.op
        keep(block, pool, heap, b, slot)


@njit
def arrived(p, lines, m, t):
    """A line comes from another block: bytes written meanwhile stay. The value of the load that asked for it."""
    tag = line_tag(p, m.other, m.at)
    i = find(lines, m.pipe, (tag & (p.data_sets - 1)) * p.data_ways, p.data_ways, tag)
    line = lines[m.pipe, i]
    line.ready = t
    for k in range(p.line_words):
        mask = (line.written >> np.uint64(8 * k)) & np.uint64(0xFF)
        word = m.word[k]
        for j in range(8):
            if (mask >> np.uint64(j)) & np.uint64(1):
                word = insert(word, j, np.int64(np.uint64(line.word[k]) >> np.uint64(8 * j)), 1)
        line.word[k] = word
    at = m.at & ((1 << p.line_bits) - 1)
    return extract(line.word[at >> 3], at, m.value) if m.value <= LWU else np.int64(0)


@njit
def on_their_way(p, lines, pipe):
    for i in range(p.data_sets * p.data_ways):
        if lines[pipe, i].ready == NEVER:
            return True
    return False


@njit
def walk(p, block, memory, lines, pool, heap, b, pipe, thread, who, op, address, size, t):
    """Flush, invalidate: the lines of a range, those that are written back one a cycle. Returns the cycle in which all that was written
    back
    here is done; `thread.flushing` counts what other blocks will answer."""
    if size <= 0:
        return t + 1
    first, last = address >> p.line_bits, (address + size - 1) >> p.line_bits
    done = t + min(last - first + 1, p.data_sets * p.data_ways)
    step = np.int64(0)
    for number in range(first, last + 1):
        home, at = locate(p, b, number << p.line_bits)
        if home < 0:
            continue
        tag = line_tag(p, home, at)
        i = find(lines, pipe, (tag & (p.data_sets - 1)) * p.data_ways, p.data_ways, tag)
        if i < 0:
            continue
        line = lines[pipe, i]
        if op != CACHE_INVAL and line.written:
            done = max(done, write_back(p, block, memory, pool, heap, b, line, who, t + step))
            thread.flushing += 1 if home != b else 0
            step += 1
        if op != CACHE_FLUSH:
            line.tag, line.written, line.ready, line.used = -1, np.uint64(0), 0, 0
    return done


@njit
def fetch(p, block, fetched, b, pipeline, pipe, thread, t):
    """Looks the thread's next line of code up; `thread.fetch`: the cycle from which it is there."""
    number = thread.pc >> p.fetch_bits
    if number == thread.line:
        return
    thread.line = number
    base = (number & (p.fetch_sets - 1)) * p.fetch_ways
    i = find(fetched, pipe, base, p.fetch_ways, number)
    pipeline.clock += 1
    if i >= 0:
        block.count[N_FETCH_HIT] += 1
        fetched[pipe, i].used = pipeline.clock
        thread.fetch = max(max(t + 1, thread.earliest), fetched[pipe, i].ready) + p.fetch_hit - 1
        return
    block.count[N_FETCH_MISS] += 1
    line = fetched[pipe, oldest(fetched, pipe, base, p.fetch_ways)]
    line.tag, line.used, line.ready = number, pipeline.clock, t
    start = p.pad_bytes + (number << p.fetch_bits) - WINDOW_LOCAL
    for k in range(p.fetch_words):
        line.ready = max(line.ready, server(p, block, start + 8 * k, READ, t))
    thread.fetch = line.ready

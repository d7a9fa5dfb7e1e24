"""Messages between blocks and in a block's own future: a pool, a heap by (cycle, source, age), links with their bandwidth.

A message whose `to` is another block is sent on when its cycle comes; one whose `to` is here is handled.
"""

from hwsim.thread.jit import njit
from hwsim.thread.ops import (
    FULL_INBOX,
    FULL_OUTBOX,
    N_LINK_BUSY,
    N_MESSAGE_BITS,
    N_MESSAGES,
    RUNNING,
)

SOURCE_SHIFT = 44  # order = source block, then its count of messages


@njit
def before(a, b):
    return a.cycle < b.cycle or (a.cycle == b.cycle and a.order < b.order)


@njit
def sift_up(heap, b, i):
    cycle, order, slot = heap[b, i].cycle, heap[b, i].order, heap[b, i].slot
    while i > 0:
        up = (i - 1) >> 1
        above = heap[b, up]
        if above.cycle < cycle or (above.cycle == cycle and above.order < order):
            break
        heap[b, i].cycle, heap[b, i].order, heap[b, i].slot = above.cycle, above.order, above.slot
        i = up
    heap[b, i].cycle, heap[b, i].order, heap[b, i].slot = cycle, order, slot


@njit
def sift_down(heap, b, n):
    """Puts the entry behind the last, n, where the first was."""
    cycle, order, slot = heap[b, n].cycle, heap[b, n].order, heap[b, n].slot
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and before(heap[b, child + 1], heap[b, child]):
            child += 1
        low = heap[b, child]
        if not (low.cycle < cycle or (low.cycle == cycle and low.order < order)):
            break
        heap[b, i].cycle, heap[b, i].order, heap[b, i].slot = low.cycle, low.order, low.slot
        i = child
    heap[b, i].cycle, heap[b, i].order, heap[b, i].slot = cycle, order, slot


@njit
def take_slot(block, pool, b):
    """A free place of the pool, or -1."""
    slot = block.free
    if slot >= 0:
        block.free = pool[b, slot].cycle
        return slot
    if block.high >= pool.shape[1]:
        block.status = FULL_INBOX
        return -1
    block.high += 1
    return block.high - 1


@njit
def keep(block, pool, heap, b, slot):
    """Hangs a filled place of the pool into the heap."""
    n = block.waiting
    heap[b, n].cycle, heap[b, n].order, heap[b, n].slot = pool[b, slot].cycle, pool[b, slot].order, slot
    block.waiting = n + 1
    sift_up(heap, b, n)


@njit
def next_order(block, b):
    block.sequence += 1
    return (b << SOURCE_SHIFT) | block.sequence


@njit
def drop_first(block, pool, heap, b):
    slot = heap[b, 0].slot
    block.waiting -= 1
    if block.waiting > 0:
        sift_down(heap, b, block.waiting)
    pool[b, slot].cycle = block.free
    block.free = slot


@njit
def route(p, block, links, outbox, b, m, t):
    """Copies a message into the outbox, on the link to the next block of its way."""
    row, to_row = b // p.row, m.to // p.row
    column, to_column = b % p.row, m.to % p.row
    if column != to_column and row * p.row + to_column < p.blocks:
        link, hop, width, latency = to_column, row * p.row + to_column, p.link_row, p.hop_row
    else:
        link, hop, width, latency = min(p.row, p.blocks) + to_row, to_row * p.row + column, p.link_column, p.hop_column
    cycles = (m.bits + width - 1) // width
    start = max(t + 1, links[b, link])
    links[b, link] = start + cycles
    block.count[N_LINK_BUSY] += cycles
    block.count[N_MESSAGES] += 1
    block.count[N_MESSAGE_BITS] += m.bits
    n = block.out[p.parity]
    if n >= outbox.shape[2]:
        block.status = FULL_OUTBOX
        return
    outbox[p.parity, b, n] = m
    sent = outbox[p.parity, b, n]
    sent.cycle, sent.order, sent.hop = start + cycles - 1 + latency, next_order(block, b), hop
    block.out[p.parity] = n + 1


@njit
def deliver(blocks, pool, heap, outbox, parity, first, last):
    """Moves what blocks sent in an epoch into the heaps of blocks first..last-1."""
    for b in range(blocks.shape[0]):
        for i in range(blocks[b].out[parity]):
            hop = outbox[parity, b, i].hop
            if hop >= first and hop < last:
                slot = take_slot(blocks[hop], pool, hop)
                if slot >= 0:
                    pool[hop, slot] = outbox[parity, b, i]
                    keep(blocks[hop], pool, heap, hop, slot)
    return RUNNING

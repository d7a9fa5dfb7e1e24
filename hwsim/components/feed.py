"""Feed: reads activations and pushes them to the array in batches. Twin: rtl/components/feed.py.

ws: a batch is up to L pixels of one fold, pixels x V reads, V = reads of one pixel (at least one
for each contiguous segment). os: a batch is one read for each of up to R*L pixels. It is pushed in
the cycle of its last read; a full link holds that read. Takes its next command in the cycle in
which it pushes the last batch, and hands the command to the weight loader.
"""

import numpy as np

from hwsim.components.config import (
    ACT_BITS,
    BUSY,
    IDLE,
    WAIT_OUTPUT,
    WAIT_TOKEN,
    WAITS,
    ceil_div,
    start,
    tokens_there,
)
from hwsim.components.link import can_pop, can_push, pop, push
from hwsim.kernels import njit
from hwsim.spec.commands import column

STATE = np.dtype(
    [
        (name, "i8")
        for name in (
            "cmd",
            "os",
            "kept",
            "block",
            "pixels",
            "blocks",
            "run_blocks",
            "pixel",
            "at",
            "wide",
            "reads",
            "left",
        )
    ]
)
(_OS, _KEPT, _LOG2, _Q, _P, _B, _RUN, _S, _R) = (
    column("compute", n)
    for n in (
        "dataflow",
        "kept",
        "block_log2",
        "count_q",
        "count_p",
        "count_b",
        "run",
        "count_s",
        "count_r",
    )
)
# an item of the batch link
B_CMD, B_OS, B_KEPT, B_BLOCK, B_STEPS, B_PIXELS, B_FIRST, B_LAST = range(
    8
)  # B_LAST: 1 last batch of a fold (ws) or group (os), 2 of the command


@njit
def open_command(s, table, n):
    """Also used by whoever needs a command's extents: pixels T, blocks KB."""
    s.cmd, s.os, s.kept, s.block = n, table[n, _OS], table[n, _KEPT], 1 << table[n, _LOG2]
    s.pixels = table[n, _Q] * table[n, _P] * table[n, _B]
    s.run_blocks = table[n, _RUN] // s.block
    s.blocks = table[n, _R] * table[n, _S] * s.run_blocks
    s.pixel = s.at = 0


@njit
def _reads_of_fold(c, s):
    """Reads that one pixel's part of the fold takes: blocks at..at+wide, cut where the contiguous
    run ends.
    """
    reads, at, end = 0, s.at, s.at + s.wide
    while at < end:
        part = min(end - at, s.run_blocks - at % s.run_blocks)
        reads += ceil_div(part * s.block * c.element_bytes, c.act_bytes)
        at += part
    return reads


@njit
def _open_fold(c, s):
    """ws: the fold that starts at block `at`; os: the chunk that does."""
    if s.os:
        s.wide = min(s.run_blocks - s.at % s.run_blocks, c.act_bytes // (s.block * c.element_bytes))
        s.reads = 1
    else:
        s.wide = min(c.rows, s.blocks - s.at)
        s.reads = _reads_of_fold(c, s)


@njit(forceinline=True)
def _group(c, s):
    """Pixels of the batch that comes next."""
    return min(c.latency * c.rows if s.os else c.latency, s.pixels - s.pixel)


@njit(forceinline=True)
def _push(c, s, batch):
    group = _group(c, s)
    item = batch.slots[push(batch)]
    item[B_CMD], item[B_OS], item[B_KEPT], item[B_BLOCK] = s.cmd, s.os, s.kept, s.block
    item[B_STEPS] = s.kept * c.latency * (s.wide if s.os else 1)
    item[B_PIXELS] = group
    end_blocks, end_pixels = s.at + s.wide >= s.blocks, s.pixel + group >= s.pixels
    if s.os:
        item[B_FIRST], item[B_LAST] = (
            s.at == 0,
            (1 if end_blocks else 0) + (1 if end_blocks and end_pixels else 0),
        )
    else:
        item[B_FIRST], item[B_LAST] = (
            s.pixel == 0,
            (1 if end_pixels else 0) + (1 if end_blocks and end_pixels else 0),
        )
    _advance(c, s, group, end_blocks, end_pixels)


@njit(forceinline=True)
def _advance(c, s, group, end_blocks, end_pixels):
    if end_blocks and end_pixels:
        s.cmd = -1
        return
    if s.os:
        s.at += s.wide
        if end_blocks:
            s.at = 0
            s.pixel += group
        _open_fold(c, s)
    else:
        s.pixel += group
        if end_pixels:
            s.pixel = 0
            s.at += s.wide
            _open_fold(c, s)
    s.left = s.reads * _group(c, s)


@njit(forceinline=True)
def step(c, s, queue, batch, context, tokens, table, log, now):
    cause = IDLE
    if s.cmd >= 0:
        cause = BUSY
        if s.left > 1:
            s.left -= 1
        elif can_push(batch):
            log[s.cmd, ACT_BITS] += _group(c, s) * s.wide * s.block * c.element_bytes * 8
            _push(c, s, batch)
        else:
            cause = WAIT_OUTPUT
    if s.cmd < 0 and can_pop(queue):
        n = queue.slots[queue.head, 0]
        if not tokens_there(tokens, 1, table[n, WAITS]):
            if cause == IDLE:
                cause = WAIT_TOKEN
        elif can_push(context):
            start(log, tokens, 1, table, n, now)
            pop(queue)
            context.slots[push(context), 0] = n
            open_command(s, table, n)
            _open_fold(c, s)
            s.left = s.reads * _group(c, s)
            cause = BUSY
    return cause

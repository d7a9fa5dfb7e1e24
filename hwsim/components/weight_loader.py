"""Weight loader: reads weight rows (payload and offsets) in order into the weight link. Twin:
rtl/components/weight_loader.py.

One row a cycle. ws: every fold once; os: the whole stream once for each group of R*L pixels. A full
link stalls it.
"""

import numpy as np

from hwsim.components import feed
from hwsim.components.config import WEIGHT_ROWS, ceil_div
from hwsim.components.link import can_pop, can_push, pop, push
from hwsim.kernels import njit

STATE = np.dtype([(name, "i8") for name in ("rows", "fold_rows", "passes")])
# an item of the weight link; W_LAST: last row of a fold (ws)
W_CMD, W_OS, W_KEPT, W_LAST = range(4)


@njit(forceinline=True)
def step(c, s, walk, context, weight, table, log):
    """walk: a feed STATE record for the extents of the command."""
    if walk.cmd >= 0 and can_push(weight):
        item = weight.slots[push(weight)]
        s.fold_rows -= 1
        s.rows -= 1
        item[W_CMD], item[W_OS], item[W_KEPT], item[W_LAST] = (
            walk.cmd,
            walk.os,
            walk.kept,
            s.fold_rows == 0 or s.rows == 0,
        )
        log[walk.cmd, WEIGHT_ROWS] += 1
        if s.fold_rows == 0:
            s.fold_rows = c.rows * walk.kept
        if s.rows == 0:
            s.passes -= 1
            _open_pass(c, s, walk)
            if s.passes == 0:
                walk.cmd = -1
    if walk.cmd < 0 and can_pop(context):
        feed.open_command(walk, table, context.slots[context.head, 0])
        pop(context)
        s.passes = ceil_div(walk.pixels, c.rows * c.latency) if walk.os else 1
        _open_pass(c, s, walk)


@njit(forceinline=True)
def _open_pass(c, s, walk):
    s.rows = walk.blocks * walk.kept
    s.fold_rows = c.rows * walk.kept

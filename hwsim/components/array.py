"""Array: R x C sparse PEs, folded into one component. Twin: rtl/components/array.py (built PE by
PE).

A batch taken in cycle t issues its steps in t+1, t+2, ... (PE 0,0 works one cycle after the issue):
kept*L steps (ws), blocks*kept*L (os); the next one is taken in the cycle of the last of them, so
without a bubble. ws: row of pixel p is on `o` in cycle t + 1 + R*kept*L + C + D + p, D the stages
of the multiplier. os: rows are on `o`, one a cycle, from cycle e + R + C + D + L on, e the cycle of
the group's last step. Rows are never refused.

What stalls it: no batch; ws: the first batch of a fold before `start_rows` of its weight rows are
in the shadow registers; os: no weight row at the start of L steps; another (dataflow, kept, block)
before the cycle of the last row; os: the last L steps of a group, which end R + C - 1 + R*L cycles after
the previous group's last step at least.
"""

import numpy as np

from hwsim.components.config import BUSY, DRAIN, FILL, PE_CYCLES, WAIT_INPUT
from hwsim.components.feed import B_BLOCK, B_CMD, B_FIRST, B_KEPT, B_LAST, B_OS, B_PIXELS, B_STEPS
from hwsim.components.link import can_pop, pop
from hwsim.components.weight_loader import W_KEPT, W_LAST, W_OS
from hwsim.kernels import njit
from hwsim.spec.machine import MULTIPLIER_STAGES

SIDES_MAX = 1016  # R + C
RING = SIDES_MAX + MULTIPLIER_STAGES + 8
STATE = np.dtype(
    [
        (name, "i8")
        for name in (
            "left", "phase", "os", "kept", "block", "pixels", "last", "cmd",  # the batch that is being issued
            "busy_until",  # cycle of the last row on `o` so far
            "group_end", "grouped",  # os: cycle of the previous group's last step, and whether there was one
            "waves", "wave_now", "wave_before", "rate_now", "rate_before",  # ws: swap waves started; cycle and kept*L of the last two
            "loads", "row", "slot", "loaded",  # ws: folds whose loading is over; where the loader is in its fold
            "head", "exits",
        )
    ]
    # ring of what is on its way out: rows on `o` in first..first+rows-1; ends: the command that they end, or -1
    + [("first", "i8", (RING,)), ("rows", "i8", (RING,)), ("ends", "i8", (RING,))]
)  # fmt: skip


@njit(forceinline=True)
def start_rows(c, kept):
    """Weight rows that must be in the shadow registers before the swap wave may start, so that
    loading keeps ahead of it.
    """
    period = 2 if c.weight_depth == 1 else 1
    if period <= c.latency:
        return kept
    return c.rows * kept - (c.rows - 1) * kept * c.latency // period


@njit(forceinline=True)
def step(c, s, batch, weight, log, now):
    """Returns the cause."""
    loaded, waves = s.loaded, s.waves
    cause = WAIT_INPUT
    if s.left:
        cause = _issue(c, s, weight, log, now)
        if s.left == 0 and can_pop(batch):
            _take(c, s, batch, loaded, now)
    elif can_pop(batch):
        cause = _take(c, s, batch, loaded, now)
    if can_pop(weight) and not weight.slots[weight.head, W_OS]:
        _load_shadow(c, s, weight, waves, now)
    return cause


@njit(forceinline=True)
def _take(c, s, batch, loaded, now):
    """A batch for the next cycle on. Returns why the array has nothing to do in this one."""
    item, idle = batch.slots[batch.head], FILL if now > s.busy_until else WAIT_INPUT
    if (
        item[B_OS] != s.os or item[B_KEPT] != s.kept or item[B_BLOCK] != s.block
    ) and now < s.busy_until:
        return DRAIN
    if not item[B_OS] and item[B_FIRST]:
        rate = item[B_KEPT] * c.latency
        # the fold to start is fold `waves`; the loader may be at the one before, at it, or beyond it
        if s.loads < s.waves or (s.loads == s.waves and loaded < start_rows(c, item[B_KEPT])):
            return idle
        s.wave_before, s.rate_before = s.wave_now, s.rate_now
        s.wave_now, s.rate_now = now + 1, rate
        s.waves += 1
    s.os, s.kept, s.block = item[B_OS], item[B_KEPT], item[B_BLOCK]
    s.left, s.phase, s.pixels, s.last, s.cmd = (
        item[B_STEPS],
        0,
        item[B_PIXELS],
        item[B_LAST],
        item[B_CMD],
    )
    pop(batch)
    if not s.os:
        _leave(s, now + 1 + c.rows * s.kept * c.latency + c.cols + c.multiplier)
    return idle


@njit(forceinline=True)
def _leave(s, first):
    place = s.head + s.exits
    if place >= RING:
        place -= RING
    s.first[place], s.rows[place] = first, s.pixels
    s.ends[place] = s.cmd if s.last == 2 else -1
    s.exits += 1
    s.busy_until = max(s.busy_until, first + s.pixels - 1)


@njit(forceinline=True)
def _group_gap(c):
    """From the last step of a group to the first of the last L of the next."""
    return c.rows + c.cols + (c.rows - 1) * c.latency


@njit(forceinline=True)
def _issue(c, s, weight, log, now):
    """One step; os takes a weight row every L steps."""
    if s.os:
        if s.phase == 0:
            if s.left == c.latency and s.last and s.grouped and now < s.group_end + _group_gap(c):
                return DRAIN
            if not can_pop(weight) or not weight.slots[weight.head, W_OS]:
                return WAIT_INPUT
            pop(weight)
        s.phase = s.phase + 1 if s.phase + 1 < c.latency else 0
        if s.left == 1 and s.last:
            s.group_end, s.grouped = now, 1
            _leave(s, now + c.rows + c.cols + c.multiplier + c.latency)
    s.left -= 1
    log[s.cmd, PE_CYCLES] += 1
    return BUSY


@njit(forceinline=True)
def _load_shadow(c, s, weight, waves, now):
    """One weight row into row `row`, slot `slot`, of the fold after the last complete one."""
    item = weight.slots[weight.head]
    if s.loads > waves:
        return
    # the wave before the fold that is loaded must have passed the row: fold `loads` follows wave number `loads` (counted from 1)
    if s.loads == waves:
        wave, rate, there = s.wave_now, s.rate_now, waves > 0
        if s.waves > waves:  # a wave of this very fold started in this cycle
            wave, rate = s.wave_before, s.rate_before
    else:
        wave, rate, there = s.wave_before, s.rate_before, waves > 1
    if there and now < wave + s.row * rate + c.cols:
        return
    pop(weight)
    s.loaded += 1
    s.slot += 1
    if s.slot == item[W_KEPT]:
        s.slot = 0
        s.row += 1
    if item[W_LAST]:
        s.loads += 1
        s.row = s.slot = s.loaded = 0

"""When folds (ws) and groups of pixels (os) follow each other in the array: a lower bound, step by step (docs/machine.md).

A walk takes a State to a State. A later one by the same difference gives a later one by that difference, so a walk that is done again and
again settles: every time gains the same, and the rest is a product.
"""

from collections.abc import Callable, Iterable
from functools import partial
from math import ceil
from typing import NamedTuple

from hwsim.spec.machine import AcceleratorSpec

NEVER = -(1 << 60)
PERIODS, ROUNDS = (1, 2, 3), 24  # in how many times a walk may settle; how many are walked if it does not


class State(NamedTuple):
    """Cycles, at least: `free` when the next fold may start, `wave` when the last one did, `feed` when the next fold's reads
    may start, `end` behind the last step so far, `mark` what `end` was when it was marked. Of os, a group is called a fold.
    """

    free: int = 0
    wave: int = NEVER
    feed: int = 0
    end: int = NEVER
    mark: int = 0


class Fold(NamedTuple):
    """Of one fold: `steps` of its batches, `batch` those of the last; from its start to the next at least `gap`; from the start
    of the one before it to the one behind it at least `behind`; from the last end to its own at least `apart`; `reads` of the feed,
    `first` those of its first batch; the feed is done at most `ahead` steps before the array.
    """

    steps: int
    batch: int
    gap: int
    behind: int
    apart: int
    reads: int
    first: int
    ahead: int

    @property
    def least(self) -> int:
        """From the end of the fold before it to its own end, or from its start to the next."""
        return max(self.gap, self.apart)


Walk = Callable[[State], State]
Runs = tuple[tuple[Fold, int], ...]  # folds, and how many of each follow each other


def fold(spec: AcceleratorSpec, kept: int, rows: int, pixels: int, reads: int) -> Fold:
    """`rows`: PE rows in use; `reads` a pixel.

    Row 0 of the shadow registers is free C cycles after a wave began, and takes N weight rows, and a batch is taken a cycle before its
    wave: the next wave begins C + N + 1 later at least. The loader fills row r of the fold behind wave f from f + r*N*L + C on, and
    only then row 0 of the fold after it: wave f + 2 begins (rows - 1)*N*L + C + 2*N + 1 after wave f at least, rows those of the fold
    between. The feed's last batch waits until the link has room.
    """
    cols, lat, depth = spec.array.cols, spec.pe.adder_latency_cycles, spec.link_depth
    batches, batch = ceil(pixels / lat), kept * lat
    return Fold(
        steps=batches * batch,
        batch=batch,
        gap=max(batches * batch, cols + kept + 1),
        behind=(rows - 1) * kept * lat + cols + 2 * kept + 1,
        apart=0,
        reads=pixels * reads,
        first=min(pixels, lat) * reads,
        ahead=(depth + 1) * batch if batches > depth + 1 else -NEVER,
    )


def group(spec: AcceleratorSpec, kept: int, block: int, run: int, runs: int, pixels: int) -> Fold:
    """`run` blocks, `runs` times, for up to R*L pixels. A batch is a chunk of what a read gives, read once a pixel. Between the last
    steps of two groups the shadow sums of the first must have left.
    """
    rows, lat, depth = spec.array.rows, spec.pe.adder_latency_cycles, spec.link_depth
    wide = min(run, max(1, spec.levels.act.width_bits // (spec.pe.element_bits * block)))
    chunks, steps = ceil(run / wide) * runs, run * runs * kept * lat
    return Fold(
        steps=steps,
        batch=((run - 1) % wide + 1) * kept * lat,
        gap=steps,
        behind=0,
        apart=rows + spec.array.cols - 1 + rows * lat,
        reads=pixels * chunks,
        first=pixels,
        ahead=(depth + 1) * wide * kept * lat if chunks > depth + 1 else -NEVER,
    )


def follow(f: Fold, s: State) -> State:
    wave = max(s.free, s.feed + f.first + 1)
    read = max(s.feed + f.reads, wave + f.steps - f.ahead)
    end = max(wave + f.steps, read + f.batch, s.end + f.apart)
    return State(max(wave + f.gap, s.wave + f.behind, end), wave, read, end, s.mark)


def follow_all(runs: Iterable[tuple[Fold, int]], s: State) -> State:
    for f, times in runs:
        s = repeat(s, partial(follow, f), times)
    return s


def marked(s: State) -> State:
    return s._replace(mark=s.end)


def repeat(s: State, walk: Walk, times: int) -> State:
    """Where the walk does not settle within ROUNDS, what is left gains what the slowest part gained last: no more than it will."""
    past = [s]
    for done in range(1, times + 1):
        past.append(walk(past[-1]))
        for period in PERIODS:
            if _settled(past, period):
                rounds, rest = divmod(times - done, period)
                return repeat(_later(past[-1 - period], past[-1], rounds), walk, rest)
        if done == ROUNDS:
            slowest = min(b - a for a, b in zip(past[-2][:-1], past[-1][:-1], strict=True))
            free, wave, feed, end = (x + slowest * (times - done) for x in past[-1][:-1])
            return State(free, wave, feed, end, past[-1].mark)
    return past[-1]


def _settled(past: list[State], period: int) -> bool:
    """Whether each further `period` gains the same. The feed may lag: if it fell back twice without a change of the others,
    then a feed that falls back further changes nothing (each is the largest of sums: convex in the feed, and it never falls).
    """
    if len(past) <= period:
        return False
    gain, lag = _gains(past[-1 - period], past[-1])
    if gain is None or lag > 0:
        return False
    return lag == 0 or (len(past) > 2 * period and _gains(past[-1 - 2 * period], past[-1 - period])[0] == gain)


def _gains(a: State, b: State) -> tuple[int | None, int]:
    """Of all but the feed, if they agree; of the feed, beyond that."""
    gain = b.end - a.end
    same = b.free - a.free == gain == b.wave - a.wave and b.mark - a.mark in (0, gain)
    return gain if same else None, b.feed - a.feed - gain


def _later(a: State, b: State, rounds: int) -> State:
    """`rounds` times further from b what b is from a."""
    return State(*(y + (y - x) * rounds for x, y in zip(a, b, strict=True)))

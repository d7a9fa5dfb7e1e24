"""Walks of folds: what repeats is reckoned as if it were walked; what the engine takes is no less."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.spec.load import load_machine
from mapper.waves import NEVER, PERIODS, Fold, State, Walk, fold, follow_all, marked, repeat

SAT = load_machine("sat")
FOLDS = st.builds(
    Fold,
    steps=st.integers(1, 60), batch=st.integers(1, 8), gap=st.integers(1, 60), behind=st.integers(1, 150),
    apart=st.sampled_from([0, 0, 70]),
    reads=st.integers(1, 90), first=st.integers(1, 9), ahead=st.sampled_from([0, 4, 12, -NEVER]),
)  # fmt: skip


def walked(s: State, walk: Walk, times: int) -> State:
    for _ in range(times):
        s = walk(s)
    return s


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(FOLDS, st.integers(1, 4)), min_size=1, max_size=4), st.integers(0, 90))
def test_repeating_is_walking_or_less_where_it_does_not_settle(runs: list[tuple[Fold, int]], times: int) -> None:
    def walk(s: State) -> State:
        return follow_all(runs, marked(s))

    got, wanted = repeat(State(), walk, times), walked(State(), walk, times)
    assert all(a <= b for a, b in zip(got, wanted, strict=True))
    short = walked(State(), walk, min(times, 24))
    if times <= 24 or got.end - short.end == wanted.end - short.end:
        assert got.end == wanted.end


@pytest.mark.parametrize("period", PERIODS)
def test_walks_settle_in_every_period(period: int) -> None:
    """Two waves take at least 100: three of 30, 45 and 80 settle in a round of three folds; alike ones alternate."""
    gaps = {1: (70,), 2: (30, 40), 3: (30, 45, 80)}[period]
    runs = [(Fold(steps=g, batch=4, gap=g, behind=100, apart=0, reads=1, first=1, ahead=-NEVER), 1) for g in gaps]
    calls = 0

    def walk(s: State) -> State:
        nonlocal calls
        calls += 1
        return follow_all(runs, s)

    got = repeat(State(), walk, 1000)
    assert calls < 24
    assert got.end == walked(State(), walk, 1000).end


def test_a_mark_is_the_end_of_what_came_before_it() -> None:
    runs = [(fold(SAT, kept=2, rows=32, pixels=49, reads=4), 2), (fold(SAT, kept=2, rows=8, pixels=49, reads=1), 1)]
    first = repeat(State(), partial(follow_all, runs), 7)
    assert follow_all(runs, marked(first)).mark == first.end
    assert repeat(marked(first), partial(follow_all, runs), 50).mark == first.end


def test_a_feed_that_is_slower_than_the_array_sets_the_pace() -> None:
    """49 pixels of 4 reads each and 13 batches of 8 steps: 196 cycles a fold, of which the link hides 24 once, not in each."""
    long, short = fold(SAT, 2, 32, 49, 4), fold(SAT, 2, 8, 49, 1)
    assert (long.steps, long.reads, long.ahead) == (104, 196, 24)
    a, b = (repeat(State(), partial(follow_all, [(long, 2), (short, 1)]), n).end for n in (10, 11))
    assert b - a == 2 * 196 + 8 + 104 - 24

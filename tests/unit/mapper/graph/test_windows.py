"""Places that windows read, and how they are cut into equal stretches."""

from hypothesis import given
from hypothesis import strategies as st

from mapper.graph.windows import Window, places, stretches

SMALL = st.integers(1, 6)


@given(st.integers(-5, 5), SMALL, SMALL, SMALL, SMALL, st.integers(1, 30))
def test_places_are_those_of_the_definition(low: int, count: int, stride: int, taps: int, dilation: int, size: int) -> None:
    wanted = {low + i * stride + t * dilation for i in range(count) for t in range(taps)} & set(range(size))
    got = places(low, count, stride, taps, dilation, size)
    assert got == sorted(wanted)
    parts = stretches(got)
    assert [f + k * step + i for f, length, times, step in parts for k in range(times) for i in range(length)] == got


def test_regular_gaps_are_one_stretch() -> None:
    assert stretches([0, 1, 4, 5, 8, 9]) == [(0, 2, 3, 4)]
    assert stretches([3]) == [(3, 1, 1, 0)]
    assert stretches([0, 2, 3, 5]) == [(0, 1, 1, 0), (2, 2, 1, 0), (5, 1, 1, 0)]
    assert stretches([]) == []


def test_rows_behind_the_last_window_are_not_taken() -> None:
    """Four rows, windows of three, two apart: one fits, the fourth row is never read."""
    assert Window((3, 1), (2, 2), (0, 0, 0, 0), (1, 1)).taken(4, 6) == (3, 3)

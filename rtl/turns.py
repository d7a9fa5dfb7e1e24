"""Words turned by a number of steps that is known as they come: what leaves at one end comes back at the other. And one way of many."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Mux, Value


def right(value: Value, by: Value, step: int) -> Value:
    return Cat(value, value) >> (by * step) if len(by) else value


def left(value: Value, by: Value, step: int, width: int) -> Value:
    wide = (value << (by * step)) if len(by) else value
    return wide[:width] | wide[width:]


def pick(ways: Sequence[Value], by: Value) -> Value:
    """ways[by], as a tree of choices of two: synthesis makes a comparator for each way of anything else."""
    for bit in by:
        ways = [Mux(bit, *pair[::-1]) if len(pair) > 1 else pair[0] for pair in (ways[n : n + 2] for n in range(0, len(ways), 2))]
    return ways[0]

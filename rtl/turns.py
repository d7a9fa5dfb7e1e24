"""Words turned by a number of steps that is known as they come: what leaves at one end comes back at the other."""

from amaranth.hdl import Cat, Value


def right(value: Value, by: Value, step: int) -> Value:
    return Cat(value, value) >> (by * step) if len(by) else value


def left(value: Value, by: Value, step: int, width: int) -> Value:
    wide = (value << (by * step)) if len(by) else value
    return wide[:width] | wide[width:]

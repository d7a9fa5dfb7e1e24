"""Products that are too wide for one multiplier of an FPGA."""

from amaranth.hdl import Module, Signal, Value

PART_BITS = 17  # without a sign, for multipliers of 18 x 18 bits with one


def split_product(m: Module, name: str, a: Value, b: Value) -> Value:
    """a * b of the last cycle. Products of parts are in registers, so that a multiplier and its wires have a cycle to themselves; what is
    returned adds them."""
    parts, outer, middle = (_parts(a), _parts(b)), Value.cast(0), Value.cast(0)
    for i, x in enumerate(parts[0]):
        for j, y in enumerate(parts[1]):
            part = Signal((x * y).shape(), name=f"{name}_{i}_{j}", reset_less=True)
            m.d.sync += part.eq(x * y)
            if i == j:
                outer += part << (2 * i * PART_BITS)
            else:
                middle += part
    return outer + (middle << PART_BITS)


def _parts(value: Value) -> list[Value]:
    """One, or the low bits and what is above them, with the sign."""
    if len(value) <= PART_BITS + value.shape().signed:
        return [value]
    high = value[PART_BITS:]
    assert len(high) <= PART_BITS + value.shape().signed
    return [value[:PART_BITS], high.as_signed() if value.shape().signed else high]

"""The trace of a machine: its probes one behind the other, each at a byte of its own, in words of 32 bits."""

WORD_BYTES = 4


def bytes_of(bits: int) -> int:
    return -(-bits // 8)


def trace_words(probes: dict[str, int]) -> int:
    """`probes`: bits of each."""
    return -(-sum(map(bytes_of, probes.values())) // WORD_BYTES)

"""Traces of ports: packed as the gates give them, and told apart in words. Every probe begins at a byte of its own."""

from typing import Any

import numpy as np

from hwsim.engine.carried.items import Column
from rtl.trace import WORD_BYTES, bytes_of, trace_words

Array = np.ndarray[Any, Any]
# how the last part of a probe's name is said
FACTS = {
    "taken": "taking {}", "given": "giving {}", "ready": "room on {}", "valid": "an item on {}",
    "i_step": "taking a step", "i_swap": "taking new weights", "o_done": "the end of a command", "o_ended": "the end",
}  # fmt: skip
def pack(values: dict[str, Column], probes: dict[str, int]) -> tuple[Array, Array]:
    """[cycles, words] uint32, the first probe lowest; and which bits of it are known. What is not known is 0."""
    assert values.keys() == probes.keys(), f"only one side watches {sorted(values.keys() ^ probes.keys())}"
    cycles = len(next(iter(values.values())).data)
    data, known = (np.zeros((cycles, WORD_BYTES * trace_words(probes)), np.uint8) for _ in range(2))
    at = 0
    for name, bits in probes.items():
        column, size = values[name], bytes_of(bits)
        whole, sure = data[:, at : at + size], known[:, at : at + size]
        whole[:] = _octets(column.data, bits)
        if column.known is None:
            sure[:] = 0xFF
        else:
            sure[:] = (column.known if column.known.ndim == 2 else column.known[:, None]) * np.uint8(0xFF)
        at += size
    return (data & known).view(np.uint32), known.view(np.uint32)


def _octets(values: Array, bits: int) -> Array:
    """[cycles, bytes], cut to the bits that there are."""
    if values.ndim == 2:
        edge = np.full(values.shape[1], 0xFF, np.uint8)
        edge[-1:] >>= -bits % 8
        return np.asarray(values & edge)
    kept = values.astype(np.int64) & ((1 << bits) - 1 if bits < 64 else -1)
    return kept[:, None].view(np.uint8)[:, : bytes_of(bits)]


def unpack(trace: Array, probes: dict[str, int]) -> dict[str, list[int]]:
    """Each probe's values, cycle by cycle."""
    octets, at, out = np.ascontiguousarray(trace).view(np.uint8), 0, {}
    for name, bits in probes.items():
        size = bytes_of(bits)
        out[name] = [int.from_bytes(x.tobytes(), "little") for x in octets[:, at : at + size]]
        at += size
    return out


def words_of(probe: str) -> tuple[str, str]:
    """Where, and what: `array.i_batch.taken` is `array` and `taking i_batch`."""
    *where, fact = probe.split(".")
    if fact in ("taken", "given", "ready", "valid"):
        return ".".join(where[:-1]), FACTS[fact].format(where[-1])
    if fact in FACTS:
        return ".".join(where), FACTS[fact]
    if where == ["tokens"]:
        giver, taker = fact.split("_")
        return "tokens", f"tokens from {giver} for {taker}"
    if len(where) == 1 or where[-1].startswith("pe["):
        return ".".join(where), fact
    return ".".join(where[:-1]), f"{fact} of {where[-1]}"

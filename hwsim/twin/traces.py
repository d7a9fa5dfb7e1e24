"""Traces of ports: packed as the gates give them, and told apart in words."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# how the last part of a probe's name is said
FACTS = {
    "taken": "taking {}", "given": "giving {}", "ready": "room on {}", "valid": "an item on {}",
    "i_step": "taking a step", "i_swap": "taking new weights", "o_done": "the end of a command", "o_ended": "the end",
}  # fmt: skip


def pack(values: dict[str, Array], probes: dict[str, int]) -> Array:
    """[cycles, words] uint32, the first probe lowest. A value is [cycles] integers or [cycles, bits]."""
    assert values.keys() == probes.keys(), f"only one side watches {sorted(values.keys() ^ probes.keys())}"
    cycles, width = len(next(iter(values.values()))), sum(probes.values())
    bits, at = np.zeros((cycles, -(-width // 32) * 32), np.uint8), 0
    for name, wide in probes.items():
        value = values[name]
        if value.ndim == 1:
            value = value.astype(np.int64)[:, None] >> np.arange(wide) & 1
        bits[:, at : at + wide] = value
        at += wide
    return np.packbits(bits, axis=1, bitorder="little").view(np.uint32)


def unpack(trace: Array, probes: dict[str, int]) -> dict[str, list[int]]:
    """Each probe's values, cycle by cycle."""
    bits, at, out = np.unpackbits(np.ascontiguousarray(trace).view(np.uint8), axis=1, bitorder="little"), 0, {}
    for name, wide in probes.items():
        part = bits[:, at : at + wide].astype(object)
        out[name] = (part * [1 << k for k in range(wide)]).sum(axis=1).tolist()
        at += wide
    return out


def words_of(probe: str) -> tuple[str, str]:
    """Where, and what: `array.i_batch.taken` is `array` and `taking i_batch`."""
    parts = probe.split(".")
    fact = parts[-1]
    if fact in ("taken", "given", "ready", "valid"):
        return ".".join(parts[:-2]), FACTS[fact].format(parts[-2])
    if fact in FACTS:
        return ".".join(parts[:-1]), FACTS[fact]
    if parts[0] == "tokens":
        giver, taker = fact.split("_")
        return "tokens", f"tokens from {giver} for {taker}"
    return ".".join(parts[:-2]) or parts[0], f"{fact} of {parts[-2]}"

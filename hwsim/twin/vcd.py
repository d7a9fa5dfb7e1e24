"""Traces as VCD: one scope a block, the same names for gates and model, so that a viewer shows them side by side."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hwsim.twin.traces import unpack

Array = np.ndarray[Any, Any]
FIRST, LETTERS = 33, 94  # codes of the printable characters


def vcd(trace: Array, probes: dict[str, int], clock_mhz: float) -> str:
    """`trace`: [cycles, words] uint32. A cycle lasts a whole number of picoseconds, at least two; values change at its beginning."""
    period = max(2, round(1e6 / clock_mhz))
    lines = ["$timescale 1 ps $end", *_declared(probes), "$enddefinitions $end"]
    values, before = unpack(trace, probes), dict[str, int]()
    for cycle in range(len(trace)):
        lines += [f"#{cycle * period}", f"1{_code(len(probes))}"]
        for n, (name, bits) in enumerate(probes.items()):
            now = values[name][cycle]
            if before.get(name) != now:
                before[name] = now
                lines.append(f"{now}{_code(n)}" if bits == 1 else f"b{now:b} {_code(n)}")
        lines += [f"#{cycle * period + period // 2}", f"0{_code(len(probes))}"]
    return "\n".join([*lines, f"#{len(trace) * period}", ""])


def _code(n: int) -> str:
    """A short name of printable characters."""
    out = chr(FIRST + n % LETTERS)
    return out if n < LETTERS else out + _code(n // LETTERS - 1)


def _declared(probes: dict[str, int]) -> Iterator[str]:
    yield "$scope module machine $end"
    yield f"$var wire 1 {_code(len(probes))} clk $end"
    order = {name: n for n, name in enumerate(probes)}
    open_scopes: list[str] = []
    for name in sorted(probes, key=lambda n: n.split(".")):
        *scopes, signal = name.split(".")
        while open_scopes != scopes[: len(open_scopes)]:
            open_scopes.pop()
            yield "$upscope $end"
        for scope in scopes[len(open_scopes) :]:
            open_scopes.append(scope)
            yield f"$scope module {scope} $end"
        yield f"$var wire {probes[name]} {_code(order[name])} {signal} $end"
    yield from ["$upscope $end"] * (len(open_scopes) + 1)


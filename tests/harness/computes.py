"""Random compute commands with real places on chip, and what must be read of them, by index arithmetic over whole arrays."""

from typing import Any

import numpy as np

from hwsim.spec.commands import Command
from hwsim.spec.machine import AcceleratorSpec
from tests.harness.stimulus import patterns


def random_compute(rng: np.random.Generator, spec: AcceleratorSpec, waits: Any, signals: Any) -> Command:
    """All five walks of the activations, anywhere inside the levels; few enough pixels for level acc."""
    choice = patterns(spec)
    kept, block = choice[int(rng.integers(len(choice)))]
    size = spec.pe.element_bytes
    counts = {n: int(rng.integers(1, high)) for n, high in (("q", 6), ("p", 3), ("b", 3), ("s", 4), ("r", 3))}
    run = block * int(rng.integers(1, 7))
    strides = {n: size * int(rng.integers(-40, 41)) for n in counts}
    reach = [(counts[n] - 1) * strides[n] for n in counts]
    low, high = sum(min(0, r) for r in reach), sum(max(0, r) for r in reach) + run * size
    act = size * int(rng.integers(-low // size, (spec.levels.act.capacity_bytes - high) // size + 1))
    pixels = counts["q"] * counts["p"] * counts["b"]
    slots = counts["s"] * counts["r"] * run // block * kept
    cols, log2 = spec.array.cols, block.bit_length() - 1
    levels = spec.levels
    return Command.of(
        "compute", waits, signals, kept=kept, block_log2=log2, run=run, act=act,
        dataflow=int(rng.random() < 0.5), accumulate=int(rng.random() < 0.5),
        acc=int(rng.integers(spec.acc_rows - pixels + 1)),
        weight=size * int(rng.integers(levels.weight.capacity_bytes // size - slots * cols + 1)),
        meta=int(rng.integers(levels.meta.capacity_bytes - slots * -(-cols * log2 // 8) + 1)),
        **{f"count_{n}": v for n, v in counts.items()}, **{f"stride_{n}": v for n, v in strides.items()},
    )  # fmt: skip


def pixel_blocks(command: Command, spec: AcceleratorSpec) -> Any:
    """[pixels, blocks, block] act addresses, in bytes."""
    i = {n: np.arange(command[f"count_{n}"]) * command[f"stride_{n}"] for n in "qpbsr"}
    pixels = (i["b"][:, None, None] + i["p"][:, None] + i["q"]).reshape(-1, 1)
    walk = (i["r"][:, None, None] + i["s"][:, None] + np.arange(command["run"]) * spec.pe.element_bytes).reshape(-1)
    return (command["act"] + pixels + walk).reshape(pixels.size, -1, 1 << command["block_log2"])


def weight_rows(command: Command, spec: AcceleratorSpec) -> list[tuple[int, list[int]]]:
    """Of each row: its address in level weight, and the bits of level meta that hold each column's offset."""
    cols, log2, blocks = spec.array.cols, command["block_log2"], pixel_blocks(command, spec).shape[1]
    step = -(-cols * log2 // 8)
    return [
        (command["weight"] + n * cols * spec.pe.element_bytes, [8 * (command["meta"] + n * step) + c * log2 for c in range(cols)])
        for n in range(blocks * command["kept"])
    ]

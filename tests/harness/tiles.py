"""Random Programs of tiles that the gates can run: loads and fills, compute in any pattern and dataflow, a map, a store; double buffered,
tied with tokens as in tests/harness/programs.py."""

from typing import Any

import numpy as np

from hwsim.spec.commands import COMPUTE, LOAD, STORE, VECTOR, Command
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.spec.verify import verify
from tests.harness.programs import program
from tests.harness.stimulus import patterns

ACT, WEIGHT, META, ROWS, OUT = 1024, 1024, 512, 32, 512  # of one tile, on chip; OUT also in memory
SOURCE = 4096


def _load(rng: np.random.Generator, level: int, buf: int, run: int, **tokens: Any) -> Command:
    return Command.of("load", level=level, mem=int(rng.integers(SOURCE - run)), buf=buf, run=run, **tokens)


def random_tile(rng: np.random.Generator, spec: AcceleratorSpec, n: int, tiles: int) -> list[Command]:
    half, free, more, cols = n % 2, n >= 2, n + 2 < tiles, spec.array.cols
    choice = patterns(spec)
    kept, block = choice[int(rng.integers(len(choice)))]
    log2, pixels = block.bit_length() - 1, int(rng.integers(1, 3 * spec.array.rows))
    run, runs = block * int(rng.integers(1, 6)), int(rng.integers(1, 4))
    slots = runs * run // block * kept
    acts = pixels + runs * run
    pad = int(rng.integers(1, 9))
    banks, size = spec.levels.vec.banks, spec.levels.vec.bank_bytes
    out = 1024 + half * OUT if banks == 1 else half * size + 512
    os = int(rng.random() < 0.5 and "os" in spec.array.dataflows)
    lane = int(rng.choice([1, pixels]))
    row = pixels if lane == 1 else 1
    return [
        _load(rng, 0, half * ACT, acts, waits=[COMPUTE] if free else []),
        Command.of("load", level=0, fill=int(rng.integers(1, 3)), buf=half * ACT + 7, run=pad),
        _load(rng, 1, half * WEIGHT, slots * cols),
        _load(rng, 2, half * META, max(1, slots * -(-cols * log2 // 8)), signals=[COMPUTE]),
        Command.of(
            "compute", waits=[LOAD, VECTOR] if free else [LOAD], signals=[LOAD, VECTOR] if more else [VECTOR],
            dataflow=os, kept=kept, block_log2=log2, act=half * ACT, count_q=pixels, stride_q=1, run=run, count_s=runs, stride_s=run,
            weight=half * WEIGHT, meta=half * META, acc=half * ROWS,
        ),
        Command.of(
            "vector", waits=[COMPUTE, STORE] if free else [COMPUTE], signals=[COMPUTE, STORE] if more else [STORE],
            has_bias=1, has_scale=int(rng.random() < 0.7), act=int(rng.integers(2)), shift=int(rng.integers(4, 34)),
            count0=pixels, len=min(cols, spec.vector.lanes), a=half * ROWS, a_stride0=1, param=0,
            dst=out, dst_stride0=1 if lane > 1 else cols, dst_lane=lane,
        ),
        Command.of(
            "store", waits=[VECTOR], signals=[VECTOR] if more else [], mem=SOURCE + n * OUT + int(rng.integers(8)), buf=out,
            run=int(rng.integers(1, pixels * cols + 1)), count0=1 + (row == 1), mem_stride0=pixels * cols, buf_stride0=3,
        ),
    ]  # fmt: skip


def random_tiles(spec: AcceleratorSpec, seed: int, tiles: int) -> Program:
    rng = np.random.default_rng(seed)
    commands = [Command.of("load", level=3, mem=SOURCE - 64, buf=0, run=8 * spec.array.cols)]
    for n in range(tiles):
        commands += random_tile(rng, spec, n, tiles)
    image = rng.integers(0, 256, SOURCE, np.uint8)
    memory = SOURCE + (tiles + 1) * OUT
    made = program([*commands, Command.of("end")], memory, spec, image=image)
    verify(made, spec)
    return made

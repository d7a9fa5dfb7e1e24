"""Random compute commands as the array sees them: batches, weight rows, and the rows of sums that NumPy expects."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwsim.spec.machine import AcceleratorSpec


@dataclass
class Batch:
    """acts: [rows, elements] int8, as in rtl/signatures.py."""

    cmd: int
    os: int
    kept: int
    block: int
    steps: int
    pixels: int
    first: int
    last: int
    acts: Any


@dataclass
class WeightRow:
    """weights, offsets: [cols]. `may_gap`: the machine may let a cycle pass before this row."""

    cmd: int
    os: int
    kept: int
    last: int
    weights: Any
    offsets: Any
    may_gap: bool


@dataclass
class Row:
    sums: Any
    end: bool


@dataclass
class Work:
    batches: list[Batch] = field(default_factory=list)
    weights: list[WeightRow] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Layer:
    """acts: [pixels, blocks, block]; weights, offsets: [blocks, kept, cols]; dense: [blocks, block, cols]. One contiguous
    run has `run` blocks."""

    kept: int
    block: int
    run: int
    acts: Any
    weights: Any
    offsets: Any
    dense: Any


def random_layer(
    rng: np.random.Generator,
    spec: AcceleratorSpec,
    pattern: tuple[int, int],
    pixels: int,
    blocks: int,
    run: int,
) -> Layer:
    kept, block = pattern
    cols = spec.array.cols
    order = rng.permuted(np.broadcast_to(np.arange(block), (blocks, cols, block)), axis=2)
    offsets = np.sort(order[:, :, :kept], axis=2).transpose(0, 2, 1)
    weights = rng.integers(-128, 128, (blocks, kept, cols))
    weights[rng.random(weights.shape) < 0.1] = 0
    dense = np.zeros((blocks, block, cols), np.int64)
    np.put_along_axis(dense, offsets, weights, axis=1)
    acts = rng.integers(-128, 128, (pixels, blocks, block))
    return Layer(kept, block, run, acts, weights, offsets, dense)


def add_ws(work: Work, cmd: int, spec: AcceleratorSpec, x: Layer) -> None:
    """Fold after fold; in each, pixel after pixel. Blocks that a short fold lacks are 0."""
    rows, elements = spec.array.rows, spec.levels.act.width_bits // spec.pe.element_bits
    pixels, blocks = x.acts.shape[:2]
    for at in range(0, blocks, rows):
        wide = min(rows, blocks - at)
        for t in range(pixels):
            acts = np.zeros((rows, elements), np.int64)
            acts[:wide, : x.block] = x.acts[t, at : at + wide]
            done = t == pixels - 1
            end = done and at + wide == blocks
            work.batches.append(
                Batch(cmd, 0, x.kept, x.block, x.kept, 1, int(t == 0), done + end, acts)
            )
            sums = np.einsum("bk,bkc->c", x.acts[t, at : at + wide], x.dense[at : at + wide])
            work.rows.append(Row(sums, end))
        for b in range(at, at + wide):
            for n in range(x.kept):
                last = b == at + wide - 1 and n == x.kept - 1
                work.weights.append(
                    WeightRow(
                        cmd,
                        0,
                        x.kept,
                        int(last),
                        x.weights[b, n],
                        x.offsets[b, n],
                        b == at and n == 0,
                    )
                )


def add_os(work: Work, cmd: int, spec: AcceleratorSpec, x: Layer) -> None:
    """Group after group of up to R pixels; in each, chunk after chunk of one run. Pixel p stands in row R - 1 - p."""
    rows, elements = spec.array.rows, spec.levels.act.width_bits // spec.pe.element_bits
    pixels, blocks = x.acts.shape[:2]
    for first in range(0, pixels, rows):
        group, at = min(rows, pixels - first), 0
        while at < blocks:
            wide = min(x.run - at % x.run, elements // x.block)
            acts = np.zeros((rows, elements), np.int64)
            for p in range(group):
                acts[rows - 1 - p, : wide * x.block] = x.acts[first + p, at : at + wide].ravel()
            done = at + wide == blocks
            last = done + (done and first + group == pixels)
            work.batches.append(
                Batch(cmd, 1, x.kept, x.block, wide * x.kept, group, int(at == 0), last, acts)
            )
            at += wide
        for p in range(group):
            sums = np.einsum("bk,bkc->c", x.acts[first + p], x.dense)
            work.rows.append(Row(sums, first + p == pixels - 1))
        for b in range(blocks):
            for n in range(x.kept):
                work.weights.append(
                    WeightRow(cmd, 1, x.kept, 0, x.weights[b, n], x.offsets[b, n], True)
                )


def patterns(spec: AcceleratorSpec) -> list[tuple[int, int]]:
    wanted = [(1, 1), (1, 2), (2, 2), (1, 4), (2, 4), (1, 8), (2, 8), (4, 8)]
    return [(n, m) for n, m in wanted if n <= spec.pe.kept_max and m <= spec.pe.block_max]


def random_work(seed: int, spec: AcceleratorSpec, commands: int) -> Work:
    """Now and then a command has the pattern of the one before, so that they follow each other without a pause."""
    rng, work, choice = np.random.default_rng(seed), Work(), patterns(spec)
    pattern = choice[-1]
    for cmd in range(commands):
        run, runs = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        if rng.random() < 0.6:
            pattern = choice[int(rng.integers(len(choice)))]
        x = random_layer(
            rng, spec, pattern, int(rng.integers(1, 3 * spec.array.rows)), run * runs, run
        )
        (add_os if rng.random() < 0.5 and "os" in spec.array.dataflows else add_ws)(
            work, cmd, spec, x
        )
    return work

"""Random compute commands as the array sees them: batches, weight rows, and the rows of sums that NumPy expects. Numbers: words.py."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hwsim.spec.machine import AcceleratorSpec
from tests.harness.words import add, draw_elements, multiply


@dataclass
class Batch:
    """acts: [lanes, rows, elements], as in rtl/signatures.py."""

    cmd: int
    os: int
    kept: int
    block: int
    steps: int
    pixels: int
    first: int
    last: int
    blocks: int
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
    """acts: [pixels, blocks, block]; weights, offsets: [blocks, kept, cols]. One contiguous run has `run` blocks."""

    kept: int
    block: int
    run: int
    acts: Any
    weights: Any
    offsets: Any

    def sums(self, number: str, first: int, end: int) -> Any:
        """[pixels, cols] of the blocks from `first` to `end`, one product after the other."""
        total = np.zeros((len(self.acts), self.weights.shape[2]), np.int64)
        for b in range(first, end):
            for n in range(self.kept):
                total = add(number, total, multiply(number, self.weights[b, n], self.acts[:, b, self.offsets[b, n]]))
        return total


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
    weights = draw_elements(rng, (blocks, kept, cols), spec.pe.number)
    weights[rng.random(weights.shape) < 0.1] = 0
    acts = draw_elements(rng, (pixels, blocks, block), spec.pe.number)
    return Layer(kept, block, run, acts, weights, offsets)


def add_ws(work: Work, cmd: int, spec: AcceleratorSpec, x: Layer) -> None:
    """Fold after fold; in each, one batch for each L pixels. Blocks that a short fold lacks are 0."""
    rows, elements, lanes = spec.array.rows, spec.levels.act.width_bits // spec.pe.element_bits, spec.pe.adder_latency_cycles
    pixels, blocks = x.acts.shape[:2]
    for at in range(0, blocks, rows):
        wide = min(rows, blocks - at)
        sums = x.sums(spec.pe.number, at, at + wide)
        for t in range(0, pixels, lanes):
            group = min(lanes, pixels - t)
            acts = np.zeros((lanes, rows, elements), np.int64)
            acts[:group, :wide, : x.block] = x.acts[t : t + group, at : at + wide]
            done = t + group == pixels
            end = done and at + wide == blocks
            work.batches.append(Batch(cmd, 0, x.kept, x.block, x.kept * lanes, group, int(t == 0), done + end, wide, acts))
            work.rows += [Row(sums[p], end and p == pixels - 1) for p in range(t, t + group)]
        for b in range(at, at + wide):
            for n in range(x.kept):
                last = b == at + wide - 1 and n == x.kept - 1
                work.weights.append(WeightRow(cmd, 0, x.kept, int(last), x.weights[b, n], x.offsets[b, n], b == at and n == 0))


def add_os(work: Work, cmd: int, spec: AcceleratorSpec, x: Layer) -> None:
    """Group after group of up to R*L pixels; in each, chunk after chunk of one run. Pixel q*L + l stands in row R - 1 - q, lane l."""
    rows, elements, lanes = spec.array.rows, spec.levels.act.width_bits // spec.pe.element_bits, spec.pe.adder_latency_cycles
    pixels, blocks = x.acts.shape[:2]
    sums = x.sums(spec.pe.number, 0, blocks)
    for first in range(0, pixels, rows * lanes):
        group, at = min(rows * lanes, pixels - first), 0
        while at < blocks:
            wide = min(x.run - at % x.run, elements // x.block)
            acts = np.zeros((lanes, rows, elements), np.int64)
            for p in range(group):
                acts[p % lanes, rows - 1 - p // lanes, : wide * x.block] = x.acts[first + p, at : at + wide].ravel()
            done = at + wide == blocks
            last = done + (done and first + group == pixels)
            work.batches.append(Batch(cmd, 1, x.kept, x.block, wide * x.kept * lanes, group, int(at == 0), last, 0, acts))
            at += wide
        work.rows += [Row(sums[first + p], first + p == pixels - 1) for p in range(group)]
        for b in range(blocks):
            for n in range(x.kept):
                work.weights.append(WeightRow(cmd, 1, x.kept, 0, x.weights[b, n], x.offsets[b, n], True))


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
            rng, spec, pattern, int(rng.integers(1, 3 * spec.array.rows * spec.pe.adder_latency_cycles)), run * runs, run
        )
        (add_os if rng.random() < 0.5 and "os" in spec.array.dataflows else add_ws)(
            work, cmd, spec, x
        )
    return work

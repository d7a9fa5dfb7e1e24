"""Small programs for the thread machine, word by word, and runs of them."""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from hwsim.spec.load import load_thread_machine
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.spec.thread_isa import encode
from hwsim.thread import Image, Memory, ThreadRun, run_threads

BASE = 0x80000000
TINY = load_thread_machine("piuma_tiny")
# one thread on one pipeline: what happens is the program's doing alone
ALONE = TINY.with_(blocks=1, mtp__pipelines=0)
EXIT = encode("exit")


def image(words: Sequence[int], name: str = "words") -> Image:
    data = struct.pack(f"<{len(words)}I", *words)
    return Image(name, BASE, data + bytes(-len(data) % 64), BASE)


def load_value(rd: int, value: int) -> list[int]:
    """Any 64 bits into a register, by lui, addi and shifts of 12 bits."""
    value &= (1 << 64) - 1
    out = [encode("addi", rd, 0, imm=_low(value >> 52, 12))]
    for shift in (40, 28, 16, 4):
        out += [encode("slli", rd, rd, imm=12), encode("xori", rd, rd, imm=0)]
        out += _add_unsigned(rd, (value >> shift) & 0xFFF)
    return [*out, encode("slli", rd, rd, imm=4), encode("ori", rd, rd, imm=value & 15)]


def _low(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _add_unsigned(rd: int, value: int) -> list[int]:
    """Ors twelve bits in; an immediate is signed, so by halves."""
    return [encode("ori", rd, rd, imm=value & 0x7FF)] + (
        [encode("addi", rd, rd, imm=0x7FF), encode("addi", rd, rd, imm=1)] if value >> 11 else []
    )


def run(
    words: Sequence[int], spec: ThreadMachineSpec = ALONE, memory: Memory | None = None, args: Sequence[int | float] = (), **how: Any
) -> ThreadRun:
    return run_threads(spec, image([*words, EXIT]), memory, args, limit_cycles=how.pop("limit_cycles", 100_000), **how)


def results(cases: Sequence[tuple[Sequence[int], Sequence[int]]], spec: ThreadMachineSpec = ALONE) -> list[int]:
    """For each case (words, operands): x10 after the words, with the operands in x11, x12, x13. All cases in one run: operands come from
    memory,
    results go to memory, as signed numbers."""
    memory = Memory(spec)
    operands = np.zeros((len(cases), 3), np.uint64)
    for i, (_, given) in enumerate(cases):
        operands[i, : len(given)] = [g & (1 << 64) - 1 for g in given]
    a, out = memory.place(operands), memory.reserve(8 * len(cases))
    words = [encode("addi", 8, 10), encode("addi", 9, 11)]
    for given_words, _ in cases:
        words += [encode("ld", 11 + i, 8, imm=8 * i) for i in range(3)]
        words += [*given_words, encode("sd", 0, 9, 10), encode("addi", 8, 8, imm=24), encode("addi", 9, 9, imm=8)]
    done = run(words, spec, memory, (a, out), limit_cycles=2_000_000)
    return [int(v) for v in done.read(out, len(cases), np.int64)]

"""Random commands of the vector unit, every function of the machine, and their operands by index arithmetic."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec.commands import ACT, FN, Command
from hwsim.spec.machine import AcceleratorSpec

TABLED = ("gelu", "silu")


WINDOWED = ("maxpool", "avgpool", "depthwise")
REDUCING = ("softmax", "layernorm")
FLAGS = {"map": ("has_b", "has_bias", "has_scale"), "softmax": ("has_b",), "layernorm": ("has_bias", "has_scale"),
         "depthwise": ("has_b", "has_bias", "has_scale")}  # fmt: skip


def random_vector(rng: np.random.Generator, spec: AcceleratorSpec, waits: Any, signals: Any) -> Command:
    """Each operand in a bank of its own choice; results in one bank, none on another."""
    size, banks = spec.levels.vec.bank_bytes, spec.levels.vec.banks
    fn = str(rng.choice(["map", "map", *(f for f in (*WINDOWED, *REDUCING) if f in spec.vector.functions)]))
    from_vec = int(fn != "map" or rng.random() < 0.5)
    lanes = spec.vector.lanes if from_vec else min(spec.vector.lanes, spec.array.cols)
    longest = lanes if fn == "depthwise" else 3 * lanes if from_vec else spec.array.cols
    length = int(rng.integers(1, longest + 1))
    often = 0.5 if rng.random() < 0.7 else 0.0  # without any, totals are small, and halves between two results come often
    flags = {name: int(name in FLAGS.get(fn, ()) and rng.random() < often) for name in FLAGS["map"]}
    window = {f"window_{k}": int(rng.integers(1, 4)) if fn in WINDOWED else 1 for k in "hw"}
    window |= {f"window_stride_{k}": int(rng.integers(0, 20)) for k in "hw"}
    reach = sum((window[f"window_{k}"] - 1) * window[f"window_stride_{k}"] for k in "hw")
    lane = int(rng.integers(1, 20)) if rng.random() < 0.6 else 1
    counts = [int(rng.integers(1, 5)), int(rng.integers(1, 3))]
    walk: dict[str, int] = {"dst_lane": lane}
    for side, span in (("a", length + reach), ("b", length), ("dst", lane * (length - 1) + 1)):
        steps = [int(rng.integers(-30, 31)) for _ in range(2)]
        if side == "dst":
            steps = [span + int(rng.integers(9)), counts[0] * (span + 9)]
        low = sum(min(0, (n - 1) * s) for n, s in zip(counts, steps, strict=True))
        high = sum(max(0, (n - 1) * s) for n, s in zip(counts, steps, strict=True)) + span
        bank, room = int(rng.integers(banks)) * size, size
        if side == "a" and not from_vec:
            steps, low, high, bank, room = [1, counts[0]], 0, counts[0] * counts[1], 0, spec.acc_rows
        walk[side] = bank + int(rng.integers(-low, room - high + 1))
        walk |= {f"{side}_stride{k}": s for k, s in enumerate(steps)}
    imm = int(rng.integers(1 << 32)) >> int(rng.integers(32))
    imm = 1 if fn == "avgpool" and rng.random() < 0.4 else imm
    shift = drawn_shift(rng, fn, from_vec, flags, imm)
    act = int(rng.choice([0, 0, 1, 1, *(ACT.index(a) for a in TABLED if a in spec.vector.functions)]))
    act = act if fn in ("map", "maxpool", "depthwise") else 0
    block = 4 * length * (flags["has_bias"] + flags["has_scale"]) + 256 * (ACT[act] in TABLED) + 1024 * (fn == "softmax")
    block += -(-window["window_h"] * window["window_w"] * length // 4) * 4 * (fn == "depthwise")
    param = int(rng.integers(banks)) * size + 4 * int(rng.integers((size - block) // 4 + 1))
    return Command.of(
        "vector", waits, signals, fn=FN.index(fn), act=act, **window, from_vec=from_vec,
        shift=shift, imm=imm, len=length, count0=counts[0], count1=counts[1],
        param=param if block else 0, **flags, **walk,
    )  # fmt: skip


def drawn_shift(rng: np.random.Generator, fn: str, from_vec: int, flags: dict[str, int], imm: int) -> int:
    """Mostly one that leaves results between the ends of INT8; operands are words at random."""
    if rng.random() < 0.2:
        return int(rng.integers(64))
    bits = 31 if flags["has_bias"] or not from_vec else {"layernorm": 13, "depthwise": 15}.get(fn, 8)
    if fn == "layernorm" and flags["has_scale"]:
        bits = 44
    elif flags["has_scale"]:
        bits += 31
    elif fn == "avgpool":
        bits += imm.bit_length()
    return int(np.clip(bits - 7 + rng.integers(-3, 3), 0, 63))


@dataclass(frozen=True)
class Operands:
    """a: [window, rows, len]; b: [rows, len]; bias, scale: [len] or None; dst: [rows, len] addresses; table: [256] or None;
    weights: [window, len] or None."""

    a: Any
    b: Any
    bias: Any
    scale: Any
    dst: Any
    table: Any
    weights: Any


def operands(c: Command, vec: Any, acc: Any) -> Operands:
    """vec: [bytes] uint8; acc: [rows, cols]."""
    i0, i1, e = np.arange(c["count0"]), np.arange(c["count1"]), np.arange(c["len"])

    def rows(side: str) -> Any:
        return (c[side] + (i1[:, None] * c[f"{side}_stride1"] + i0 * c[f"{side}_stride0"])).reshape(-1, 1)

    signed = vec.view(np.int8)
    h, w = (np.arange(c[f"window_{k}"]) * c[f"window_stride_{k}"] for k in "hw")
    windows = (h[:, None] + w).reshape(-1, 1, 1)
    a = signed[windows + rows("a") + e] if c["from_vec"] else acc[rows("a"), e][None]
    params, at, taps, weights = {}, c["param"], c["window_h"] * c["window_w"], None
    if FN[c["fn"]] == "depthwise":
        weights = signed[at : at + taps * c["len"]].reshape(taps, -1)
        at += -(-taps * c["len"] // 4) * 4
    for name in ("bias", "scale"):
        if c[f"has_{name}"]:
            params[name] = vec[at : at + 4 * c["len"]].copy().view("<i4")
            at += 4 * c["len"]
    b = signed[rows("b") + e] if c["has_b"] else None
    table = signed[at : at + 256] if ACT[c["act"]] in TABLED else None
    table = vec[at : at + 1024].copy().view("<i4") if FN[c["fn"]] == "softmax" else table
    return Operands(a, b, params.get("bias"), params.get("scale"), rows("dst") + e * c["dst_lane"], table, weights)


def lay_table(rng: np.random.Generator, c: Command, vec: Any) -> None:
    """A table of softmax as it comes from the mapper, falling from 65535 to nothing; random words would sum to nothing positive or be
    far too large. Now and then one is negative, or all are nothing."""
    if FN[c["fn"]] != "softmax":
        return
    table = np.round(65535 * np.exp(-np.arange(256) * rng.choice([0.01, 0.1, 1.0]))).astype("<i4")
    table[rng.integers(256, size=3)] *= -1
    table *= int(rng.random() < 0.9)
    vec[c["param"] : c["param"] + 1024] = table.view(np.uint8)

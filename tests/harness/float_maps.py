"""Random vector commands of fp16 machines, what their levels hold, and their results by hwsim/spec/numerics."""

from typing import Any

import numpy as np

from hwsim.spec import numerics as nx
from hwsim.spec.commands import ACT, FN, Command
from hwsim.spec.machine import AcceleratorSpec
from tests.harness.float_words import canonical
from tests.harness.maps import REDUCING, random_vector

Array = np.ndarray[Any, Any]
IN_VEC = ("b", "b_stride0", "b_stride1", "dst", "dst_stride0", "dst_stride1", "dst_lane", "window_stride_h", "window_stride_w", "param")
WILD = (0x7E00, 0xFE00, 0x7C00, 0xFC00, 0x8000, 0x0001, 0x7BFF)  # NaN, infinities, -0, the least and the largest
SOURCE = ("a", "a_stride0", "a_stride1")


def random_float_vector(rng: np.random.Generator, spec: AcceleratorSpec, waits: Any, signals: Any) -> Command:
    """Drawn for elements of a byte and half the level, then twice as large."""
    level = spec.levels.vec
    half = spec.with_(levels__vec__capacity_bits=level.capacity_bits // 2)
    c = dict(random_vector(rng, half, waits, signals).args)
    for name in (*IN_VEC, *(SOURCE if c["from_vec"] else ())):
        c[name] *= 2
    if FN[c["fn"]] in REDUCING and rng.random() < 0.3:  # rows of sums
        rows = c["count0"] * c["count1"]
        c |= {"from_vec": 0, "len": min(c["len"], spec.array.cols), "a": int(rng.integers(spec.acc_rows - rows + 1))}
        c |= {"a_stride0": 1, "a_stride1": c["count0"]}
    if c["act"] == ACT.index("relu") and rng.random() < 0.5:
        c["act"] = ACT.index("clip")
    imm = np.float32(rng.standard_normal() * 3)
    c["imm"] = int(np.float32(np.exp2(imm) if c["fn"] == FN.index("layernorm") and rng.random() < 0.9 else imm).view(np.uint32))
    return Command.of("vector", waits, signals, **c)


def filled(rng: np.random.Generator, spec: AcceleratorSpec) -> tuple[Array, Array]:
    """Level vec in bytes and level acc in bits of FP32: mostly numbers of moderate size, some of them anything."""
    size = spec.levels.vec.capacity_bytes
    vec = (rng.standard_normal(size // 2) * 4).astype(np.float16).view(np.uint16)
    vec[::31] = rng.integers(0, 1 << 16, vec[::31].size)
    vec[::23] = rng.choice(np.array(WILD, np.uint16), vec[::23].size)
    acc = (rng.standard_normal((spec.acc_rows, spec.array.cols)) * 8).astype(np.float32)
    acc[::3] *= np.float32(2.0) ** rng.integers(-140, 120, acc[::3].shape).astype(np.float32)
    bits = acc.view(np.uint32)
    bits[1, 0], bits[2, 0], bits[3, 0], bits[4, 0] = 0x7FC00000, 0x7F800000, 0xFF800000, 0x80000000
    return vec.view(np.uint8), bits


def _rows(c: Command, side: str) -> Array:
    i0, i1 = np.arange(c["count0"]), np.arange(c["count1"])
    return (c[side] + (i1[:, None] * c[f"{side}_stride1"] + i0 * c[f"{side}_stride0"])).reshape(-1, 1)


def results(c: Command, vec: Array, acc: Array, lanes: int) -> dict[int, int]:
    """Byte address and FP16 bits of every result."""
    e, half, fn = np.arange(c["len"]), vec.view(np.float16), FN[c["fn"]]
    h, w = (np.arange(c[f"window_{k}"]) * c[f"window_stride_{k}"] for k in "hw")
    windows = ((h[:, None] + w).reshape(-1, 1, 1) + _rows(c, "a")) // 2 + e if c["from_vec"] else None
    a = acc.view(np.float32)[_rows(c, "a"), e] if windows is None else half[windows]
    params, at, taps = {}, c["param"], c["window_h"] * c["window_w"]
    if fn == "depthwise":
        weight = half[at // 2 :][: taps * c["len"]].reshape(taps, -1)
        at += (2 * weight.size + 3) // 4 * 4
    for name in ("bias", "scale"):
        if c[f"has_{name}"]:
            params[name] = vec[at : at + 4 * c["len"]].copy().view(np.float32)
            at += 4 * c["len"]
    b = half[_rows(c, "b") // 2 + e] if c["has_b"] else None
    imm = float(np.uint32(c["imm"]).view(np.float32))
    with np.errstate(all="ignore"):
        x, bias, scale = a if windows is None else a[0], params.get("bias"), params.get("scale")
        y = {
            "map": lambda: nx.map_fp16(x, bias, scale, b, c["act"], imm),
            "softmax": lambda: nx.softmax_fp16(x, b, lanes),
            "layernorm": lambda: nx.layernorm_fp16(x, scale, bias, imm, lanes),
            "maxpool": lambda: nx.maxpool_fp16(a, c["act"], imm),
            "avgpool": lambda: nx.avgpool_fp16(a, imm),
            "depthwise": lambda: nx.map_fp16(nx.depthwise_sum_fp16(a, weight), bias, scale, b, c["act"], imm),
        }[fn]()
    return dict(zip((_rows(c, "dst") + e * c["dst_lane"]).ravel().tolist(), canonical(y).ravel().tolist(), strict=True))

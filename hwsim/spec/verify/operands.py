"""What each kind of command may hold, field by field, and what it touches. Meaning: docs/isa.md."""

import numpy as np

from hwsim.spec.commands import ACT, FN, LEVELS, TAPS
from hwsim.spec.machine import DATAFLOWS, AcceleratorSpec
from hwsim.spec.verify.table import Batch, Bools, Faults, Ints
from hwsim.spec.verify.walks import Walks, meet

CLAMP = 1 << 45  # beyond any level; keeps products of extents inside 64 bits


def check_copy(
    batch: Batch, spec: AcceleratorSpec, memory_bytes: int, faults: Faults
) -> list[Walks]:
    """load and store."""
    faults.extents(batch, "run", "count0", "count1")
    load = batch.op == "load"
    if load:
        faults.field(
            batch,
            "level",
            batch["level"] >= len(LEVELS),
            f"levels are 0..{len(LEVELS) - 1}",
            f"use {', '.join(LEVELS)}",
        )
        faults.field(
            batch,
            "fill",
            batch["fill"] > 2,
            "fills are 0..2",
            "use 0 memory, 1 zeros, 2 the lowest number",
        )
    moved = batch.where(batch["fill"] == 0) if load else batch
    walks = [_copy_walk(moved, "mem", "memory", not load, memory_bytes)]
    for code, level in enumerate(LEVELS):
        if load or level == "vec":
            part = batch.where(batch["level"] == code) if load else batch
            if level in ("act", "weight"):
                element = spec.pe.element_bytes
                faults.aligned(part, element, "buf", "run", "buf_stride0", "buf_stride1")
            size = getattr(spec.levels, level).capacity_bytes
            check_amount(part, part["run"] * part["count0"] * part["count1"], level, size, faults)
            walks.append(_copy_walk(part, "buf", level, load, size))
    for w in walks:
        w.check_inside(faults)
    walks[-1].check_banks(faults, spec.levels.vec.bank_bytes, 2, "run")
    return walks


def check_amount(batch: Batch, bytes_: Ints, level: str, size: int, faults: Faults) -> None:
    """Hence no extent is larger than a level, and gates hold it in so many bits."""
    bound = f"bytes go through {level}, which holds {size}; split the command"
    faults.check(batch, bytes_ > size, lambda n: f"{batch.op}: {bytes_[n]} {bound}")


def _copy_walk(batch: Batch, side: str, level: str, write: bool, size: int) -> Walks:
    dims = tuple((batch[f"count{k}"], batch[f"{side}_stride{k}"]) for k in (0, 1))
    return Walks(batch, side, level, write, size, batch[side], dims, batch["run"])


def check_compute(batch: Batch, spec: AcceleratorSpec, faults: Faults) -> list[Walks]:
    element = spec.pe.element_bytes
    faults.extents(batch, "kept", "run", "count_q", "count_p", "count_b", "count_s", "count_r")
    faults.aligned(
        batch, element, "act", "stride_q", "stride_p", "stride_b", "stride_s", "stride_r", "weight"
    )
    _check_pattern(batch, spec, faults)
    block = 1 << batch["block_log2"]
    blocks = np.minimum(CLAMP, batch["count_r"] * batch["count_s"] * batch["run"] // block)
    rows = np.minimum(CLAMP, batch["count_q"] * batch["count_p"] * batch["count_b"])
    slots, levels = blocks * batch["kept"], spec.levels
    offset_bytes = -(-spec.array.cols * batch["block_log2"] // 8)
    dims = tuple((batch[f"count_{k}"], batch[f"stride_{k}"]) for k in "qpbsr")
    sparse = batch.where(block > 1)

    def solid(part: Batch, name: str, size: int, run: Ints, write: bool = False) -> Walks:
        return Walks(part, name, name, write, size, part[name], (), run)

    walks = [
        Walks(
            batch,
            "act",
            "act",
            False,
            levels.act.capacity_bytes,
            batch["act"],
            dims,
            batch["run"] * element,
        ),
        solid(batch, "weight", levels.weight.capacity_bytes, slots * spec.array.cols * element),
        solid(sparse, "meta", levels.meta.capacity_bytes, (slots * offset_bytes)[block > 1]),
        solid(batch, "acc", spec.acc_rows, rows, write=True),
    ]
    for w in walks:
        w.check_inside(faults)
    return walks


def _check_pattern(batch: Batch, spec: AcceleratorSpec, faults: Faults) -> None:
    block, kept = 1 << batch["block_log2"], batch["kept"]
    have = [d in spec.array.dataflows for d in DATAFLOWS]
    bad = ~np.array(have)[batch["dataflow"]]
    names = " and ".join(spec.array.dataflows)
    faults.field(
        batch, "dataflow", bad, f"the array of {spec.name} has {names} alone", f"use {names}"
    )
    bound = f"the PE holds blocks of {spec.pe.block_max} at most"
    faults.field(
        batch,
        "block_log2",
        block > spec.pe.block_max,
        bound,
        "use a smaller block or raise pe.block_max",
    )
    bound = f"the PE holds {spec.pe.kept_max} at most"
    faults.field(batch, "kept", kept > spec.pe.kept_max, bound, "keep fewer or raise pe.kept_max")
    faults.check(
        batch,
        kept > block,
        lambda n: (
            f"compute.kept is {kept[n]}, the block has {block[n]}; keep at most the whole block"
        ),
    )
    bad = batch["run"] % block != 0
    faults.check(
        batch,
        bad,
        lambda n: (
            f"compute.run is {batch['run'][n]}, not a multiple of the block {block[n]}; pad the reduced rank"
        ),
    )


WINDOWED = ("maxpool", "avgpool", "depthwise")
TAKES = {  # function: flags and acts that it has a meaning for
    "map": (("has_b", "has_bias", "has_scale"), ACT),
    "softmax": (("has_b",), ("none",)),
    "layernorm": (("has_bias", "has_scale"), ("none",)),
    "maxpool": ((), ACT),
    "avgpool": ((), ("none",)),
    "depthwise": (("has_b", "has_bias", "has_scale"), ACT),
}


def check_vector(batch: Batch, spec: AcceleratorSpec, faults: Faults) -> list[Walks]:
    faults.field(
        batch,
        "fn",
        batch["fn"] >= len(FN),
        f"functions are 0..{len(FN) - 1}",
        f"use {', '.join(FN)}",
    )
    faults.field(
        batch,
        "act",
        batch["act"] >= len(ACT),
        f"activations are 0..{len(ACT) - 1}",
        f"use {', '.join(ACT)}",
    )
    known = batch.where((batch["fn"] < len(FN)) & (batch["act"] < len(ACT)))
    faults.extents(known, "len", "count0", "count1", "window_h", "window_w")
    _check_functions(known, spec, faults)
    _check_lengths(known, spec, faults)
    return _vector_walks(known, spec, faults)


def _check_functions(batch: Batch, spec: AcceleratorSpec, faults: Faults) -> None:
    have = spec.vector.functions
    missing = f"the vector unit of {spec.name} has no"
    for code, fn in enumerate(FN):
        part = batch.where(batch["fn"] == code)
        flags, acts = TAKES[fn]
        faults.field(
            part,
            "fn",
            part.full(fn not in have) > 0,
            f"{missing} {fn}",
            "add it to vector.functions or take another machine",
        )
        for flag in ("has_b", "has_bias", "has_scale"):
            if flag not in flags:
                faults.field(part, flag, part[flag] > 0, f"{fn} does not take it", "leave it out")
        for act, name in enumerate(ACT):
            if name not in acts:
                faults.field(
                    part,
                    "act",
                    part["act"] == act,
                    f"{fn} does not take {name}",
                    "apply it in a map",
                )
        if fn not in WINDOWED:
            for side in ("window_h", "window_w"):
                faults.field(part, side, part[side] != 1, f"{fn} has no window", "leave it out")
        else:
            faults.field(
                part,
                "from_vec",
                part["from_vec"] == 0,
                f"{fn} reads level vec",
                "bring the sums to vec by a map first",
            )
    for name in ("gelu", "silu"):
        bad = batch.full(name not in have) * (batch["act"] == ACT.index(name)) > 0
        faults.field(
            batch,
            "act",
            bad,
            f"{missing} {name}",
            "add it to vector.functions or take another machine",
        )
    if spec.pe.number == "int8":
        for fn in ("softmax", "layernorm"):
            bad = (batch["fn"] == FN.index(fn)) & (batch["from_vec"] == 0)
            faults.field(batch, "from_vec", bad, f"{fn} of int8 reads level vec", "bring the sums to vec by a map first")
        faults.field(
            batch,
            "act",
            batch["act"] == ACT.index("clip"),
            "clip is for fp16",
            "use relu and the scale",
        )


def _check_lengths(batch: Batch, spec: AcceleratorSpec, faults: Faults) -> None:
    lanes, cols, element = spec.vector.lanes, spec.array.cols, spec.pe.element_bytes
    bad = (batch["from_vec"] == 0) & (batch["len"] > cols)
    faults.field(batch, "len", bad, f"a row of acc has {cols}", "split the command")
    bad = (batch["fn"] == FN.index("depthwise")) & (batch["len"] > lanes)
    faults.field(batch, "len", bad, f"depthwise takes {lanes} lanes at most", "split the command")
    taps = batch["window_h"] * batch["window_w"]
    bad = (batch["fn"] == FN.index("depthwise")) & (taps > TAPS)
    bound = f"of a window of {TAPS} elements at most"
    tall, wide = batch["window_h"], batch["window_w"]
    faults.check(batch, bad, lambda n: f"vector.window_h is {tall[n]}, window_w {wide[n]}, {bound}; split the window")
    vec = batch.where(batch["from_vec"] == 1)
    faults.aligned(
        vec, element, "a", "a_stride0", "a_stride1", "window_stride_h", "window_stride_w"
    )
    faults.aligned(batch.where(batch["has_b"] == 1), element, "b", "b_stride0", "b_stride1")
    faults.aligned(batch, element, "dst", "dst_stride0", "dst_stride1", "dst_lane")
    faults.field(
        batch,
        "dst_lane",
        batch["dst_lane"] < element,
        f"an element has {element} bytes",
        "elements must not fall on each other",
    )


def parameter_bytes(batch: Batch, spec: AcceleratorSpec) -> Ints:
    """Size of the block at `param`."""
    eight = int(spec.pe.number == "int8")
    window = batch["window_h"] * batch["window_w"] * batch["len"] * spec.pe.element_bytes
    weights = (batch["fn"] == FN.index("depthwise")) * (-(-window // 4) * 4)
    tables = (
        256 * eight * ((batch["act"] == ACT.index("gelu")) | (batch["act"] == ACT.index("silu")))
    )
    tables = tables + 1024 * eight * (batch["fn"] == FN.index("softmax"))
    out: Ints = weights + 4 * batch["len"] * (batch["has_bias"] + batch["has_scale"]) + tables
    return out


def _vector_walks(batch: Batch, spec: AcceleratorSpec, faults: Faults) -> list[Walks]:
    element, vec = spec.pe.element_bytes, spec.levels.vec
    from_vec = batch["from_vec"] == 1

    def rows(
        part: Batch, field: str, write: bool, inner: tuple[tuple[Ints, Ints], ...], run: Ints
    ) -> Walks:
        dims = tuple((part[f"count{k}"], part[f"{field}_stride{k}"]) for k in (0, 1))
        return Walks(part, field, "vec", write, vec.capacity_bytes, part[field], dims + inner, run)

    a, b, sums = batch.where(from_vec), batch.where(batch["has_b"] == 1), batch.where(~from_vec)
    window = ((a["window_h"], a["window_stride_h"]), (a["window_w"], a["window_stride_w"]))
    given = batch["len"] * batch["count0"] * batch["count1"] * element
    check_amount(batch, given, "vec", vec.capacity_bytes, faults)
    size = parameter_bytes(batch, spec)
    some = batch.where(size > 0)
    faults.aligned(some, 4, "param")
    walks = [
        rows(a, "a", False, window, a["len"] * element),
        rows(b, "b", False, (), b["len"] * element),
        rows(batch, "dst", True, ((batch["len"], batch["dst_lane"]),), batch.full(element)),
        Walks(some, "param", "vec", False, vec.capacity_bytes, some["param"], (), size[size > 0]),
    ]
    dims = tuple((sums[f"count{k}"], sums[f"a_stride{k}"]) for k in (0, 1))
    taken = Walks(sums, "a", "acc", False, spec.acc_rows, sums["a"], dims, sums.full(1))
    for w in (*walks, taken):
        w.check_inside(faults)
    for w in walks:
        w.check_banks(
            faults,
            vec.bank_bytes,
            0 if w.field == "param" else 2,
            "parameter block" if w.field == "param" else "row",
        )
    for operand in (walks[0], walks[1], walks[3]):
        _check_own(operand, walks[2], faults)
    return [*walks, taken]


def _check_own(operand: Walks, dst: Walks, faults: Faults) -> None:
    """Results are written while later beats read: they may replace their own operand, element by element, in rows that lie apart."""
    batch, name, length = operand.batch, operand.field, operand.run
    place = np.searchsorted(dst.batch.at, batch.at)
    near = (operand.low < dst.high[place]) & (dst.low[place] < operand.high)
    if name != "param":
        same = [batch[name] == batch["dst"]]
        same += [(batch[f"{name}_stride{k}"] == batch[f"dst_stride{k}"]) | (batch[f"count{k}"] == 1) for k in (0, 1)]
        alone = (batch["window_h"] * batch["window_w"] == 1) & (batch["dst_lane"] == dst.run[place])
        near &= ~(np.logical_and.reduce(same) & alone & _apart(batch, name, length))
    extents = np.minimum.reduce([batch[n] for n in ("count0", "count1", "len", "window_h", "window_w")])
    bad = np.zeros(len(batch), bool)
    for n in np.flatnonzero(near & (extents > 0)):
        bad[n] = meet(operand, int(n), dst, int(place[n]))
    text = "where it is not the operand of the same element; keep them apart"
    faults.check(batch, bad, lambda n: f"vector.dst is {batch['dst'][n]}: the result overlaps {name}, {text}")


def _apart(batch: Batch, name: str, length: Ints) -> Bools:
    """Whether the rows of an operand, `length` bytes each, share no byte: one of the two walks steps over all of the other."""
    (n0, s0), (n1, s1) = ((batch[f"count{k}"], abs(batch[f"{name}_stride{k}"])) for k in (0, 1))
    out: Bools = np.zeros(len(batch), bool)
    for inner, outer, inside, outside in ((n0, n1, s0, s1), (n1, n0, s1, s0)):
        steps = (inner == 1) | (inside >= length)
        out |= steps & ((outer == 1) | (outside >= length + (inner - 1) * inside))
    return out

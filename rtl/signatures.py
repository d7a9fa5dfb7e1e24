"""Layouts of what crosses ports; no other file of rtl/ defines one."""

from enum import IntEnum

from amaranth.hdl import Cat, Const, Shape, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec import commands
from hwsim.spec.machine import AcceleratorSpec, PESpec


def flow(payload: data.Layout) -> wiring.Signature:
    """A stream that is never refused."""
    return wiring.Signature({"payload": Out(payload), "valid": Out(1)})


def element(pe: PESpec):
    """int8, or the bits of an FP16 number."""
    return signed(pe.element_bits) if pe.number == "int8" else unsigned(pe.element_bits)


def sums(pe: PESpec):
    """int32, or the bits of an FP32 number."""
    return signed(pe.sum_bits) if pe.number == "int8" else unsigned(pe.sum_bits)


def weight(pe: PESpec) -> data.StructLayout:
    """One kept weight and its place in the block."""
    return data.StructLayout({"payload": element(pe), "offset": unsigned(pe.offset_bits)})


def block(pe: PESpec) -> data.ArrayLayout:
    return data.ArrayLayout(element(pe), pe.block_max)


def step(pe: PESpec) -> data.StructLayout:
    """What a PE is told each cycle. `lane`: which of the sums in flight; `there`: the row has a block (ws); `first`: ws first batch of a
    fold, os first product of a sum; `capture`: os last product of a sum."""
    return data.StructLayout(
        {
            "valid": 1, "slot": range(pe.kept_max), "lane": range(pe.adder_latency_cycles),
            "there": 1, "first": 1, "capture": 1,
        }
    )  # fmt: skip


def chunk_elements(spec: AcceleratorSpec) -> int:
    """Elements of one row's part of a batch: one read of level act."""
    return spec.levels.act.width_bits // spec.pe.element_bits


def batch(spec: AcceleratorSpec) -> data.StructLayout:
    """`config` holds for everything in flight. `first`, `last`: of a fold (ws) or a group (os); `end`: of its command. `acts` come
    with it."""
    elements, lanes = chunk_elements(spec), spec.pe.adder_latency_cycles
    config = data.StructLayout(
        {
            "os": 1,
            "kept": range(spec.pe.kept_max + 1),
            "block_log2": range(spec.pe.block_max.bit_length()),
        }
    )
    return data.StructLayout(
        {
            "config": config,
            "steps": range(max(elements, spec.pe.kept_max) * lanes + 1),
            "pixels": range(spec.array.rows * lanes + 1),
            "blocks": range(spec.array.rows + 1),
            "first": 1,
            "last": 1,
            "end": 1,
        }
    )


def acts(spec: AcceleratorSpec) -> data.ArrayLayout:
    """What a batch brings to row r of the PEs, a chunk for each lane, lanes = adder_latency_cycles. ws: what the row reads of pixel `lane`,
    its block first, absent blocks 0; `blocks` of the rows have one. os: lane l is the chunk of pixel (rows - 1 - r)*lanes + l, so that
    pixel 0 leaves first.
    """
    return data.ArrayLayout(data.ArrayLayout(element(spec.pe), chunk_elements(spec)), spec.pe.adder_latency_cycles)


def weight_row(spec: AcceleratorSpec) -> data.StructLayout:
    """One slot of one block for every column. `last`: of a fold (ws)."""
    return data.StructLayout(
        {
            "os": 1,
            "last": 1,
            "kept": range(spec.pe.kept_max + 1),
            "weights": data.ArrayLayout(weight(spec.pe), spec.array.cols),
        }
    )


def row(spec: AcceleratorSpec) -> data.StructLayout:
    """One sum a column; `end` marks the last row of a command."""
    return data.StructLayout({"end": 1, "sums": data.ArrayLayout(sums(spec.pe), spec.array.cols)})


def command(spec: AcceleratorSpec, op: str) -> data.StructLayout:
    """The fields of a command, each as wide as this machine can make use of; see `_shape`."""
    return data.StructLayout({f.name: _shape(spec, op, f) for f in commands.layout(op) if f.name != "op"})


def kept(spec: AcceleratorSpec, op: str, word: Value) -> Value:
    """Of a command word of 512 bits what its unit is given: the low bits of each field, the default where there is no choice."""
    members, at, parts = command(spec, op).members, 0, list[Value]()
    for f in commands.layout(op):
        if f.name in members:
            bits = Shape.cast(members[f.name]).width
            parts.append(word[at : at + bits] if _largest(spec)[op].get(f.name, 1) else Const(commands.default(f.name), bits))
        at += f.bits
    return Cat(parts)


def _shape(spec: AcceleratorSpec, op: str, f: commands.Field) -> Shape:
    """Sums of addresses and strides stay inside a level, or memory, and may leave out all higher bits; extents are bounded by what the
    levels hold (hwsim/spec/verify); a code is one of those that the machine has."""
    largest, bits = _largest(spec)[op], f.bits
    if f.name in largest:
        bits = max(1, largest[f.name].bit_length())
    elif f.name.startswith("mem"):
        bits = spec.memory.address_bits
    elif f.bits >= 24 and f.name != "imm":
        bits = level_address(spec).width
    return Shape(min(bits, f.bits), f.signed)


def _largest(spec: AcceleratorSpec) -> dict[str, dict[str, int]]:
    """The largest legal value of each extent and each code."""
    levels, functions, element, int8 = spec.levels, spec.vector.functions, spec.pe.element_bytes, spec.pe.number == "int8"
    rows = levels.weight.capacity_bytes // (spec.array.cols * element)
    copied = dict.fromkeys(("run", "count0", "count1"), level_bytes(spec))
    acts = ("none", "relu", *(() if int8 else ("clip",)), *functions)
    return {
        "load": {"level": len(commands.LEVELS) - 1, **copied},
        "store": copied,
        "compute": {
            "dataflow": int("os" in spec.array.dataflows), "kept": spec.pe.kept_max, "block_log2": spec.pe.offset_bits,
            **dict.fromkeys(("count_q", "count_p", "count_b"), spec.acc_rows), "count_s": rows, "count_r": rows,
            "run": min(levels.act.capacity_bytes // element, rows * spec.pe.block_max),
        },
        "vector": {
            "fn": max(n for n, fn in enumerate(commands.FN) if fn in functions),
            "act": max(n for n, act in enumerate(commands.ACT) if act in acts),
            **dict.fromkeys(("count0", "count1", "len"), levels.vec.capacity_bytes // element),
            **dict.fromkeys(("window_h", "window_w"), 255 * bool(WINDOWED & set(functions))),
        },
    }  # fmt: skip


def dataflow(spec: AcceleratorSpec, told: Value) -> Value:
    """What a command says of it, or the only one that the machine has."""
    return told if len(set(spec.array.dataflows)) > 1 else Const("os" in spec.array.dataflows, 1)


def word() -> data.Layout:
    return data.ArrayLayout(8, commands.WORD_BYTES)


def words(spec: AcceleratorSpec):
    """Commands of a Program: no more than memory holds."""
    return unsigned(min(32, spec.memory.address_bits - 5))


def token_side() -> wiring.Signature:
    """A unit's view of its token counters: which of them are above 0 (one bit a queue), and what it takes and gives in this cycle."""
    return wiring.Signature({"there": In(4), "take": Out(4), "give": Out(4)})


def address(spec: AcceleratorSpec):
    return unsigned(spec.memory.address_bits)


def beat(spec: AcceleratorSpec):
    return unsigned(spec.memory.width_bits)


def read_request(spec: AcceleratorSpec) -> data.StructLayout:
    """A whole beat of memory."""
    return data.StructLayout({"address": address(spec)})


def write_request(spec: AcceleratorSpec) -> data.StructLayout:
    """`mask`: one bit a byte."""
    return data.StructLayout(
        {"address": address(spec), "mask": spec.memory.beat_bytes, "data": beat(spec)}
    )


def level_bytes(spec: AcceleratorSpec) -> int:
    """Of the largest level that commands address by the byte."""
    return max(getattr(spec.levels, name).capacity_bytes for name in commands.LEVELS)


def level_address(spec: AcceleratorSpec):
    """Of a byte of a level, or of a row of acc."""
    return unsigned((max(level_bytes(spec), spec.acc_rows) - 1).bit_length())


def vec_bank(spec: AcceleratorSpec):
    return range(max(2, spec.levels.vec.banks))


def bank_of(spec: AcceleratorSpec, at: Value) -> Value:
    """The bank of level vec that holds the byte at `at`."""
    size = spec.levels.vec.bank_bytes
    if size & (size - 1) == 0:
        return at[size.bit_length() - 1 :]
    return sum((at >= k * size for k in range(1, spec.levels.vec.banks)), start=Const(0, 1))


def level_write(spec: AcceleratorSpec) -> data.StructLayout:
    """Byte j of the beat goes to `address` + j of a level (its place in commands.LEVELS), where `mask` has bit j."""
    return data.StructLayout(
        {
            "level": range(len(commands.LEVELS)),
            "bank": vec_bank(spec),
            "address": level_address(spec),
            "mask": spec.memory.beat_bytes,
            "data": beat(spec),
        }
    )


WINDOWED = {"maxpool", "avgpool", "depthwise"}
COPY = ("mem", "buf", "run", "count0", "count1", "mem_stride0", "mem_stride1", "buf_stride0", "buf_stride1")  # fmt: skip


def copy(spec: AcceleratorSpec) -> data.StructLayout:
    """What load and store have in common, and whether memory has no part in it."""
    fields = command(spec, "load").members
    return data.StructLayout({name: fields[name] for name in (*COPY, "fill")})


def read_side(spec: AcceleratorSpec) -> wiring.Signature:
    """The byte of a level from which on the next cycle's read begins, and its bank (level vec). Always asked: reading changes nothing."""
    return wiring.Signature({"address": Out(level_address(spec)), "bank": Out(vec_bank(spec))})


def pixels(spec: AcceleratorSpec):
    """Output pixels of a compute command: as many as level acc has rows, at most."""
    return range(spec.acc_rows + 1)


def most_blocks(spec: AcceleratorSpec) -> int:
    """Blocks of a compute command: as many as level weight has rows, at most."""
    return spec.levels.weight.capacity_bytes // (spec.array.cols * spec.pe.element_bytes)


def act_read(spec: AcceleratorSpec) -> data.StructLayout:
    """One read of level act. `count`: blocks that it brings. `fold`, `lane`: ws, blocks of its pixel and pixels of its batch that were read
    before; os, `fold` pixels of its group. `first`: of the fold (ws) or group (os). With it, the blocks or the pixels of the command are
    through: `blocks_end`, `pixels_end`; what the fold has of the pixel (ws) or the group (os): `part_ends`; the batch: `last`."""
    lanes = spec.pe.adder_latency_cycles
    return data.StructLayout(
        {
            "count": range(chunk_elements(spec) + 1), "fold": range(spec.array.rows * lanes + 1), "lane": range(lanes),
            "first": 1, "blocks_end": 1, "pixels_end": 1, "part_ends": 1, "last": 1,
        }
    )  # fmt: skip


def weight_walk(spec: AcceleratorSpec) -> data.StructLayout:
    """What the weight loader is told of a compute command. `pixels`: os reads the weights once for each group of R of them."""
    return data.StructLayout(
        {
            **{name: command(spec, "compute").members[name] for name in ("dataflow", "kept", "block_log2", "count_s", "count_r")},
            "run_blocks": command(spec, "compute").members["run"],
            "weight": level_address(spec),
            "meta": level_address(spec),
            "pixels": pixels(spec),
        }
    )


def acc_row(spec: AcceleratorSpec):
    return range(spec.acc_rows)


def sum_walk(spec: AcceleratorSpec) -> data.StructLayout:
    """What the accumulator is told of a compute command."""
    return data.StructLayout(
        {"accumulate": 1, "signals": 4, "acc": acc_row(spec), "pixels": pixels(spec)}
    )


def sums_row(spec: AcceleratorSpec) -> data.ArrayLayout:
    """A row of level acc."""
    return data.ArrayLayout(sums(spec.pe), spec.array.cols)


def acc_write(spec: AcceleratorSpec) -> data.StructLayout:
    return data.StructLayout({"row": acc_row(spec), "sums": sums_row(spec)})


def lanes_of(spec: AcceleratorSpec, level: str) -> int:
    """Bytes that a level can read or write in a cycle, from any byte on: its port or a beat of memory, whichever is wider."""
    widest = max(getattr(spec.levels, level).width_bits // 8, spec.memory.beat_bytes)
    return 1 << (widest - 1).bit_length()


class Stage(IntEnum):
    """What a beat of the vector unit reads. WEIGHT: of depthwise; PAUSE: nothing, in layernorm; WRITE: nothing, a further write of what the
    beats before have read."""

    A, B, BIAS, SCALE, WEIGHT, TABLE, PAUSE, WRITE = range(8)


def param_beats(spec: AcceleratorSpec) -> int:
    """Reads of a chunk's bias, or of its scale."""
    return -(-32 * spec.vector.lanes // spec.levels.vec.width_bits)


def weight_bytes(spec: AcceleratorSpec) -> int:
    """Of a depthwise command, at most."""
    return commands.TAPS * spec.vector.lanes * spec.pe.element_bytes


def table_bytes(spec: AcceleratorSpec) -> int:
    """Of the largest table that a command brings."""
    if spec.pe.number != "int8":
        return 0
    return 1024 if "softmax" in spec.vector.functions else 256 if {"gelu", "silu"} & set(spec.vector.functions) else 0


def rows_in_flight(spec: AcceleratorSpec):
    return range(max(2, spec.vector.rows_in_flight))


def vector_beat(spec: AcceleratorSpec) -> data.StructLayout:
    """One beat of the vector unit. `k`: place among the reads of its stage; `e`: first element of its chunk.

    `first`: of a window, whose weights of this tap begin at byte `weight` of the weight store. `ends`: with it the operands of a chunk
    are complete; `last`: of a row. `passed`: passes that the row has behind it, `final`: it is in the last one; `row`: place in its group.
    `writes`: gives results, elements `j`, j + 1, ... of its chunk, the first of them to byte `out`, which lies beyond the row, and perhaps
    beyond its `bank`, when none of them is left.
    """
    most = max(table_bytes(spec), weight_bytes(spec)) * 8 // spec.levels.vec.width_bits
    return data.StructLayout(
        {
            "stage": Stage, "k": range(most + param_beats(spec) + max(commands.NORM_BEATS, spec.vector.chunk_beats)), "e": 17,
            "first": 1, "weight": range(weight_bytes(spec)), "ends": 1, "last": 1, "passed": 2, "final": 1, "row": rows_in_flight(spec),
            "writes": 1, "j": range(spec.vector.lanes + 1), "out": level_address(spec), "bank": vec_bank(spec),
        }
    )  # fmt: skip


def vector_settled(spec: AcceleratorSpec) -> data.StructLayout:
    """What a command settles for all of its beats. `setup`, `reduce`, `final`: stages that are there before the rows, and in a chunk of a
    pass that reduces and of the last one, `brief`: of one read at most, one bit each; `passes`: of the first kind. `pitch`: from chunk to
    chunk of the result; `step`: log2 of the elements that a beat writes, `hop`: bytes between them; `params`: elements whose bias or scale
    a stage reads; `bias` ... `table`: where parameters stand, `weights`, `tables`: bytes of these; `padded`: of the weights, to whole
    words."""
    level = level_address(spec)
    return data.StructLayout(
        {
            "setup": len(Stage), "reduce": len(Stage), "final": len(Stage), "brief": len(Stage),
            "passes": 2, "by_row": 1, "pauses": range(max(commands.NORM_BEATS, spec.vector.chunk_beats + 1)),
            "lanes": range(spec.vector.lanes + 1), "pitch": level, "step": range(elements_of_read(spec).bit_length()),
            "hop": level, "params": range(spec.vector.lanes + 1), "bias": level, "scale": level, "table": level,
            "weights": range(weight_bytes(spec) + 1), "padded": range(weight_bytes(spec) + 4), "tables": range(table_bytes(spec) + 1),
        }
    )  # fmt: skip


def elements_of_read(spec: AcceleratorSpec) -> int:
    """Elements of one read of level vec."""
    return spec.levels.vec.width_bits // spec.pe.element_bits


def scattered(spec: AcceleratorSpec) -> int:
    """Elements that the vector unit writes in a beat, at most."""
    return min(spec.vector.lanes, elements_of_read(spec))


def vector_results(spec: AcceleratorSpec) -> data.StructLayout:
    """What a beat writes: element t, where `mask` has bit t, to byte `out` + t*dst_lane of level vec, in the `bank` of its row."""
    elements = scattered(spec)
    return data.StructLayout(
        {"out": level_address(spec), "bank": vec_bank(spec), "mask": elements, "elements": data.ArrayLayout(spec.pe.element_bits, elements)}
    )


def vec_write(spec: AcceleratorSpec) -> data.StructLayout:
    """Elements anywhere in one bank; no two of them in the same lane of bytes."""
    item = data.StructLayout({"valid": 1, "address": level_address(spec), "data": spec.pe.element_bits})
    return data.StructLayout(
        {"bank": vec_bank(spec), "elements": data.ArrayLayout(item, scattered(spec))}
    )


def memory_request(spec: AcceleratorSpec) -> data.StructLayout:
    return data.StructLayout({"write": 1, **write_request(spec).members})


def serial_byte() -> data.StructLayout:
    """`bad`: without its stop bit, or the one before it was lost."""
    return data.StructLayout({"byte": 8, "bad": 1})

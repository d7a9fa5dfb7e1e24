"""Layouts of what crosses ports; no other file of rtl/ defines one."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec, PESpec


def check_gates(spec: AcceleratorSpec) -> None:
    if spec.pe.number != "int8":
        raise SpecError(f"pe.number: {spec.pe.number} has no gates; use int8")


def flow(payload: data.Layout) -> wiring.Signature:
    """A stream that is never refused."""
    return wiring.Signature({"payload": Out(payload), "valid": Out(1)})


def element(pe: PESpec):
    return signed(pe.element_bits)


def sums(pe: PESpec):
    return signed(pe.sum_bits)


def weight(pe: PESpec) -> data.StructLayout:
    """One kept weight and its place in the block."""
    return data.StructLayout({"payload": element(pe), "offset": unsigned(pe.offset_bits)})


def block(pe: PESpec) -> data.ArrayLayout:
    return data.ArrayLayout(element(pe), pe.block_max)


def step(pe: PESpec) -> data.StructLayout:
    """What a PE is told each cycle. `first`: ws first batch of a fold, os first step of a group; `capture`: os last step of a group."""
    return data.StructLayout(
        {"valid": 1, "slot": range(pe.kept_max), "first": 1, "capture": 1, "end": 1}
    )


def chunk_elements(spec: AcceleratorSpec) -> int:
    """Elements of one row's part of a batch: one read of level act."""
    return spec.levels.act.width_bits // spec.pe.element_bits


def batch(spec: AcceleratorSpec) -> data.StructLayout:
    """`config` holds for everything in flight. `first`, `last`: of a fold (ws) or a group (os); `end`: the last of its command.

    acts, [rows, elements]: ws: what each row of PEs reads of one pixel, its block first, absent blocks 0. os: row r holds the chunk
    of pixel rows - 1 - r, so that pixel 0 leaves first.
    """
    elements = chunk_elements(spec)
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
            "steps": range(max(elements, spec.pe.kept_max) + 1),
            "pixels": range(spec.array.rows + 1),
            "first": 1,
            "last": 1,
            "end": 1,
            "acts": data.ArrayLayout(data.ArrayLayout(element(spec.pe), elements), spec.array.rows),
        }
    )


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

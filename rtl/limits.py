"""What the gates cannot run of what the machine can: Programs that hold it are refused, never run wrong."""

import math

from hwsim.spec.commands import ACT, FN, Command
from hwsim.spec.errors import ProgramError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program

FUNCTIONS = ("map", "maxpool", "avgpool")
ACTS = ("none", "relu", "gelu", "silu")


def check_program(program: Program, spec: AcceleratorSpec) -> None:
    """Raises ProgramError for the first command that has no gates."""
    for n, c in enumerate(program.commands()):
        if c.op == "vector":
            _check_vector(f"command {n}: vector", c, spec)


def _check_vector(where: str, c: Command, spec: AcceleratorSpec) -> None:
    if FN[c["fn"]] not in FUNCTIONS:
        raise ProgramError(f"{where}.fn: {FN[c['fn']]} has no gates; use {', '.join(FUNCTIONS)}")
    if ACT[c["act"]] not in ACTS:
        raise ProgramError(f"{where}.act: {ACT[c['act']]} has no gates; use {', '.join(ACTS)}")
    lanes = spec.vector.lanes if c["from_vec"] else min(spec.vector.lanes, spec.array.cols)
    width = spec.levels.vec.width_bits // spec.pe.element_bits
    by_row = c["len"] > lanes and bool(c["has_bias"] or c["has_scale"])
    reads, writes = _reads(c, spec, lanes, by_row), -(-lanes * math.gcd(c["dst_lane"], width) // width)
    if reads > 1 and writes > 1:
        raise ProgramError(
            f"{where}.dst_lane: {c['dst_lane']} takes {writes} writes after {reads} reads, counted as {max(reads, writes)} beats; "
            "give it another stride or split the command"
        )
    if by_row and c["has_b"]:
        raise ProgramError(f"{where}.has_b: parameters that are read a row take the place of b; split the command")


def _reads(c: Command, spec: AcceleratorSpec, lanes: int, by_row: bool) -> int:
    params = -(-lanes * 32 // spec.levels.vec.width_bits) * (c["has_bias"] + c["has_scale"])
    return int(c["from_vec"] * c["window_h"] * c["window_w"] + c["has_b"] + by_row * params)

"""The functional run: values of a Program without time, in program order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec.errors import ProgramError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import DTYPES, Program, Region
from hwsim.values.execute import execute, execute_order
from hwsim.values.state import clear_levels, new_values
from hwsim.values.status import check

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FunctionalRun:
    """Outputs by name, and MACs of each command: [commands, 2] int64, effectual and gated."""

    outputs: dict[str, Array]
    macs: Array


class Functional:
    """One Program on one machine, ready for any number of inputs; each run starts from the Program's image."""

    def __init__(self, spec: AcceleratorSpec, program: Program) -> None:
        program.check_machine(spec)
        check_memory(program)
        self.program = program
        self.table = program.table
        self.values = new_values(spec, program.memory_bytes)

    def run(self, inputs: Mapping[str, Array], order: Array | None = None) -> FunctionalRun:
        """`order`: [commands] int64, the commands as the engine finished them; else program order."""
        clear_levels(self.values)
        fill_memory(self.values.memory, self.program, inputs)
        macs = np.zeros((len(self.table), 2), np.int64)
        if order is None:
            state, index = execute(self.table, 0, len(self.table) - 1, self.values, macs)
        else:
            state, index = execute_order(self.table, order, self.values, macs)
        check(state, index, self.program.words)
        return FunctionalRun(read_outputs(self.values.memory, self.program), macs)


def run_functional(spec: AcceleratorSpec, program: Program, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Inputs and outputs by Region: its shape, its number (int8, int32, fp16 or fp32)."""
    return Functional(spec, program).run(inputs).outputs


def check_memory(program: Program) -> None:
    image_end = program.image_base + len(program.image)
    if image_end > program.memory_bytes:
        raise ProgramError(f"program: its image ends at {image_end}, above its {program.memory_bytes} bytes of memory; compile it again")
    for region in (*program.inputs, *program.outputs):
        if region.address + region.bytes > program.memory_bytes:
            raise ProgramError(
                f"{region.name}: ends at {region.address + region.bytes}, above the Program's {program.memory_bytes} bytes of memory; "
                "compile it again"
            )


def check_inputs(program: Program, inputs: Mapping[str, Array]) -> None:
    """Errors: an input that is missing, unknown, or of another shape or number."""
    known = {r.name: r for r in program.inputs}
    for name in inputs:
        if name not in known:
            raise ProgramError(f"{name}: the Program has no such input; it has {', '.join(known) or 'none'}")
    for name, region in known.items():
        if name not in inputs:
            raise ProgramError(f"{name}: the input is missing; give {region.number} {list(region.shape)}")
        _check_input(np.asarray(inputs[name]), region)


def _check_input(value: Array, region: Region) -> None:
    if value.shape != region.shape:
        raise ProgramError(f"{region.name}: shape {list(value.shape)} is given; the Program takes {list(region.shape)}")
    if value.dtype != DTYPES[region.number]:
        raise ProgramError(f"{region.name}: {value.dtype} is given; the Program takes {region.number}, quantise or cast it")


def fill_memory(memory: Array, program: Program, inputs: Mapping[str, Array]) -> None:
    """The image, the inputs, zeros elsewhere. Errors: those of `check_inputs`."""
    check_inputs(program, inputs)
    start, end = program.image_base, program.image_base + len(program.image)
    memory[:start], memory[start:end], memory[end:] = 0, program.image, 0
    for region in program.inputs:
        value = np.ascontiguousarray(inputs[region.name])
        memory[region.address : region.address + region.bytes] = value.reshape(-1).view(np.uint8)


def read_outputs(memory: Array, program: Program) -> dict[str, Array]:
    return {r.name: memory[r.address : r.address + r.bytes].view(DTYPES[r.number]).reshape(r.shape).copy() for r in program.outputs}

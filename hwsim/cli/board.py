"""What `hwsim host` reads, writes, and holds the board against."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from hwsim.spec.errors import ProgramError
from hwsim.spec.program import DTYPES, Program, write_whole

Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Simulated:
    outputs: Arrays
    cycles: int

    def equals(self, outputs: Arrays) -> bool:
        """Every bit of every output."""
        return self.outputs.keys() == outputs.keys() and all(
            np.array_equal(self.outputs[name].view(np.uint8), outputs[name].view(np.uint8))
            for name in outputs
        )


def simulated(program: Program, machine: str, inputs: Arrays) -> Simulated:
    from hwsim.engine import simulate
    from hwsim.spec.load import load_machine

    spec = load_machine(machine)
    program.check_machine(spec)
    result, outputs = simulate(spec, program, inputs, values=True)
    return Simulated(outputs, result.cycles)


def read_inputs(program: Program, file: Path | None, seed: int) -> Arrays:
    """From an .npz, else seeded random numbers over the whole range of int8 (normal ones for floats)."""
    if file is not None:
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except (OSError, EOFError, ValueError, BadZipFile, AttributeError) as e:
            raise ProgramError(
                f"{file}: cannot be read as .npz; write it with numpy.savez, an array for each input"
            ) from e
    rng = np.random.default_rng(seed)
    return {r.name: _random(rng, r.shape, r.number) for r in program.inputs}


def _random(rng: np.random.Generator, shape: tuple[int, ...], number: str) -> np.ndarray[Any, Any]:
    dtype = DTYPES[number]
    if dtype.kind == "i":
        return rng.integers(-128, 128, shape).astype(dtype)
    return rng.standard_normal(shape).astype(dtype)


def check_outputs(path: Path) -> None:
    from hwsim.cli.files import check_file

    if path.suffix != ".npz":
        raise ProgramError(f"{path}: does not end in .npz; outputs are written as .npz")
    check_file(path)


def write_outputs(path: Path, outputs: Arrays) -> None:
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **outputs)
    write_whole(path, data.getvalue())

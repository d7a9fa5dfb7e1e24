"""What the gates cannot run of what the machine can: Programs that hold it are refused, never run wrong."""

from hwsim.spec.commands import FN, Command
from hwsim.spec.errors import ProgramError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program

FUNCTIONS = ("map", "maxpool", "avgpool")


def check_program(program: Program, spec: AcceleratorSpec) -> None:
    """Raises ProgramError for the first command that has no gates."""
    for n, c in enumerate(program.commands()):
        if c.op == "vector" and spec.pe.number == "fp16":
            _check_vector(f"command {n}: vector", c)


def _check_vector(where: str, c: Command) -> None:
    if FN[c["fn"]] not in FUNCTIONS:
        raise ProgramError(f"{where}.fn: {FN[c['fn']]} has no gates; use {', '.join(FUNCTIONS)}")

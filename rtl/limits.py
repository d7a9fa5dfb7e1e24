"""What the gates cannot run of what the machine can: Programs that hold it are refused, never run wrong."""

from hwsim.spec.commands import FN
from hwsim.spec.errors import ProgramError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program

FUNCTIONS = {"int8": FN, "fp16": ("map", "maxpool", "avgpool")}


def check_program(program: Program, spec: AcceleratorSpec) -> None:
    """Raises ProgramError for the first command that has no gates."""
    for n, c in enumerate(program.commands()):
        known = FUNCTIONS[spec.pe.number]
        if c.op == "vector" and FN[c["fn"]] not in known:
            raise ProgramError(f"command {n}: vector.fn: {FN[c['fn']]} has no gates; use {', '.join(known)}")

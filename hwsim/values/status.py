"""What a kernel returns instead of raising, and what the user reads then."""

from hwsim.spec.commands import OPS, Command
from hwsim.spec.errors import ProgramError

OK, OPCODE, FIELD, ALIGN, MEMORY, ACT, WEIGHT, META, ACC, VEC, FUNCTION = range(11)

_WORDS = {
    OPCODE: "the opcode is unknown",
    FIELD: "a field holds a value that the command set does not know",
    ALIGN: "an address or a stride cuts an element",
    MEMORY: "an address lies outside memory",
    ACT: "an address lies outside level act",
    WEIGHT: "an address lies outside level weight",
    META: "an address lies outside level meta",
    ACC: "a row lies outside level acc",
    VEC: "an address lies outside level vec",
    FUNCTION: "the machine's number has no such function",
}


def check(status: int, index: int, commands: tuple[Command, ...] | list[Command]) -> None:
    """Raises ProgramError for every status but OK; names the command."""
    if status != OK:
        cmd = commands[index]
        fields = " ".join(f"{k}={v}" for k, v in cmd.args if v)
        raise ProgramError(
            f"command {index}: {cmd.op}: {_WORDS[status]} ({fields}); "
            f"compile the Program again, or check it with the verifier"
        )


assert len(OPS) == 5  # execute.py dispatches these

"""What a kernel returns instead of raising, and what the user reads then."""

from typing import Any

from hwsim.spec.commands import decode, default
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


def check(status: int, index: int, words: Any) -> None:
    """Raises ProgramError for every status but OK. `words`: [commands, 64] uint8, to name the command."""
    if status != OK:
        cmd = decode(words[index].tobytes(), f"command {index}")
        fields = " ".join(f"{k}={v}" for k, v in cmd.args if v != default(k))
        raise ProgramError(f"command {index}: {cmd.op}: {_WORDS[status]} ({fields}); compile the Program again")

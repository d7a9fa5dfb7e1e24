"""What a trap that nobody handles was about, in words: from the instruction and the thread as they stood."""


from hwsim.spec.thread import ThreadMachineSpec
from hwsim.spec.thread_isa import Instruction, instruction
from hwsim.thread.ops import (
    T_BREAK,
    T_ECALL,
    T_FETCH,
    T_ILLEGAL,
    T_LOAD,
    T_LOAD_ALIGN,
    T_STORE,
    T_STORE_ALIGN,
)
from hwsim.thread.state import State

PLACES = {
    T_FETCH: "no instruction there; the code ends before", T_BREAK: "a breakpoint", T_LOAD_ALIGN: "a misaligned load",
    T_LOAD: "a load where no memory is", T_STORE_ALIGN: "a misaligned store or atomic", T_STORE: "a store or atomic where no memory is",
    T_ECALL: "an environment call",
}  # fmt: skip
SCOPES = ("the run", "its block", "its block's mtp", "its block's stp")
COMPRESSED = "a compressed instruction; compile without the extension c"


def reason(spec: ThreadMachineSpec, state: State, who: int, cause: int, value: int) -> str:
    """`value`: an address, a word of code or an operand, as the cause has it."""
    unsigned = value & (1 << 64) - 1
    if cause == T_FETCH and value & 2:
        return f"a jump to {unsigned:#x}, {COMPRESSED}"
    if cause != T_ILLEGAL:
        return f"{PLACES[cause]} ({unsigned:#x})"
    word = _word(state, who)
    found = instruction(word)
    if found is None:
        return f"{word:#010x} is no instruction" if word & 3 == 3 or not word else f"{word & 0xFFFF:#06x}, {COMPRESSED}"
    return f"{found.name}: {_operand(spec, state, who, found, word, unsigned)}"


def _word(state: State, who: int) -> int:
    row = (int(state.threads["pc"][who]) - int(state.params[0]["code_base"]) >> 2) + 1
    return int(state.code["raw"][row])


def _operand(spec: ThreadMachineSpec, state: State, who: int, found: Instruction, word: int, value: int) -> str:
    if found.format in ("csr", "csri"):
        return f"control register {word >> 20:#x} is not there, or cannot be written"
    if found.name.startswith("queue."):
        there = f"queues 0 to {spec.queue.queues - 1} of blocks 0 to {spec.blocks - 1}"
        return f"queue {value & 0xFF} of block {value >> 8} is not there; the run has {there}"
    if found.name.startswith("coll."):
        return _scope(spec, who, value)
    if found.name == "dma.start":
        return f"a descriptor at {value:#x}; it must lie in the own block, at a multiple of 8"
    mode = int(state.threads["frm"][who]) if word >> 12 & 7 == 7 else word >> 12 & 7
    return f"rounding mode {mode}; only 0, to nearest even, is there"


def _scope(spec: ThreadMachineSpec, who: int, scope: int) -> str:
    if scope > 3:
        return f"scope {scope} is not there; use 0 to 3"
    kind = "mtp" if who % spec.threads < spec.mtp_threads else "stp"
    return f"scope {scope}, {SCOPES[scope]}, without this thread, which is {kind}"

"""Why a run ended: success, or an error that names block, pipeline, thread, pc."""

from typing import Any

from hwsim.spec.errors import SimulationError
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.thread.faults import reason
from hwsim.thread.image import Image
from hwsim.thread.ops import EXITED, FULL_INBOX, FULL_OUTBOX, HOST, NEVER, OVERRUN, RUNNING, TRAPPED
from hwsim.thread.state import State
from hwsim.thread_result import CAUSES

ADVICE = "mend the program, or set mtvec to handle it"
SHOWN = 8


def thread_name(spec: ThreadMachineSpec, index: int) -> str:
    """`block 0 mtp 1 thread 3`: pipelines of both kinds count on."""
    block, local = divmod(index, spec.threads)
    if local < spec.mtp_threads:
        return f"block {block} mtp {local // spec.mtp.threads} thread {local % spec.mtp.threads}"
    local -= spec.mtp_threads
    return f"block {block} stp {spec.mtp.pipelines + local // spec.stp.threads} thread {local % spec.stp.threads}"


def check_end(spec: ThreadMachineSpec, image: Image, state: State) -> None:
    """Returns when the program said that it is done, or all threads ended. Raises for everything else;
    of several reasons the first one in time, then in block, counts."""
    stopped = [b for b in range(spec.blocks) if state.blocks["status"][b] != RUNNING]
    if not stopped:
        if state.blocks["live"].sum() > 0:
            _deadlock(spec, image, state)
        return
    first = min(stopped, key=lambda b: (int(state.blocks["clock"][b]), b))
    s: Any = state.blocks[first]
    status, who, what, where = (int(s[name]) for name in ("status", "who", "what", "where"))
    if status == HOST:
        _host(image, what)
        return
    if status in (FULL_INBOX, FULL_OUTBOX):
        place = f"{image.name}: too many messages wait at block {first}"
        raise SimulationError(f"{place}; use fewer threads or blocks, or spread what they address")
    name, pc = thread_name(spec, who), int(state.threads["pc"][who])
    if status == EXITED:
        raise SimulationError(f"{image.name}: {name} left with code {what}; the kernel says that something is wrong")
    if status == OVERRUN:
        size = spec.stack_bits // 8
        what_to_do = f"raise stack_bits ({spec.stack_bits}) in a file of the machine, or keep less on the stack"
        raise SimulationError(f"{image.name}: {name} at pc {where:#x}: its stack of {size} bytes is overrun; {what_to_do}")
    assert status == TRAPPED, status
    raise SimulationError(f"{image.name}: {name} at pc {pc:#x}: {reason(spec, state, who, what, where)}; {ADVICE}")


def _host(image: Image, value: int) -> None:
    if value == 1:
        return
    if value & 1:
        raise SimulationError(f"{image.name}: test {value >> 1} failed (tohost {value}); see its source")
    raise SimulationError(f"{image.name}: asks a host for {value:#x} (tohost); only ends of runs are understood")


def _deadlock(spec: ThreadMachineSpec, image: Image, state: State) -> None:
    """Nothing is on its way and threads wait."""
    left = [i for i in range(len(state.threads)) if not state.threads["ended"][i]]
    lines = [f"{thread_name(spec, i)} at pc {int(state.threads['pc'][i]):#x} for {_what(state.threads[i])}" for i in left[:SHOWN]]
    more = f", and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
    raise SimulationError(f"{image.name}: deadlock, {len(left)} threads wait: {'; '.join(lines)}{more}; let somebody serve them")


def _what(thread: Any) -> str:
    cause, detail = CAUSES[int(thread["cause"])], int(thread["detail"])
    assert int(thread["wake"]) >= NEVER
    if cause == "queue":
        return f"queue {detail & 0xFF} of block {detail >> 8}"
    if cause == "collective":
        return f"the collective of {('all blocks', 'its block', 'the mtp of its block', 'the stp of its block')[detail]}"
    return f"its {cause} commands" if cause == "dma" else cause

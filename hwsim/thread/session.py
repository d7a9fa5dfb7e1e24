"""A run under way: its state, and the board on which the processes that share it tell what each of them found behind an epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec.errors import SimulationError
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.thread import block
from hwsim.thread.decode import decode
from hwsim.thread.image import Image
from hwsim.thread.memory_map import read_words
from hwsim.thread.ops import FENCED, NEVER, RUNNING
from hwsim.thread.state import State

LONG_EPOCH, SPANS_AT_ONCE = 1 << 22, 1 << 20
SOONEST, STOPPED = range(2)


@dataclass
class Session:
    """`board`: [epoch mod 2, process, SOONEST and STOPPED], written by each process ahead of the barrier and read behind it."""

    spec: ThreadMachineSpec
    image: Image
    state: State
    board: Any
    trace: bool
    limit_cycles: int
    cycle: int = 0
    parity: int = 0

    @property
    def epoch(self) -> int:
        """How many cycles blocks go on apart from one another."""
        if self.spec.blocks > 1:
            return self.spec.link_cycles
        most = SPANS_AT_ONCE // (2 * self.spec.pipelines) if self.trace else LONG_EPOCH
        return min(most, self.limit_cycles - self.cycle + 1)


def run_alone(session: Session) -> Any:
    """All blocks in this process, to the end of the run. Returns the spans of the trace."""
    state, spans, over = session.state, [], False
    while not over:
        session.cycle, over = block.run_alone(*state.arrays, session.cycle, session.epoch, session.limit_cycles)
        spans += _drained(session)
        if session.spec.blocks == 1 and state.blocks["status"][0] == FENCED:
            _refresh(session)
        elif not over:
            _check_limit(session)
    return _joined(session, spans)


def run_epochs(session: Session, rank: int, first: int, last: int, barrier: Callable[[], Any]) -> Any:
    """The same with blocks first..last-1: every process of a run goes through the same epochs."""
    state, spans = session.state, []
    while True:
        end = session.cycle + session.epoch
        state.params[0]["parity"] = session.parity
        block.run_epoch(*state.arrays, first, last, session.cycle, end)
        spans += _drained(session)
        post = session.board[session.parity, rank]
        post[SOONEST] = block.next_cycle(state.blocks, state.outbox, session.parity, first, last)
        post[STOPPED] = block.any_stopped(state.blocks, first, last)
        barrier()
        block.exchange(state.blocks, state.pool, state.heap, state.outbox, session.parity, first, last)
        if not _goes_on(session, end):
            return _joined(session, spans)


def _drained(session: Session) -> list[Any]:
    state = session.state
    found = [state.spans[: state.spanned[0]].copy()] if session.trace else []
    state.spanned[0] = 0
    return found


def _joined(session: Session, spans: list[Any]) -> Any:
    return np.concatenate(spans) if spans else session.state.spans[:0]


def _goes_on(session: Session, end: int) -> bool:
    """Whether there is another epoch, and from which cycle on."""
    found = session.board[session.parity]
    soonest = int(found[:, SOONEST].min())
    if found[:, STOPPED].any() or soonest >= NEVER:
        return False
    session.cycle = max(end, soonest) if session.state.params[0]["jump"] else end
    session.parity ^= 1
    _check_limit(session)
    return True


def _check_limit(session: Session) -> None:
    if session.cycle > session.limit_cycles:
        raise SimulationError(f"{session.image.name}: not over after {session.limit_cycles} cycles; raise the limit or mend the program")


def _refresh(session: Session) -> None:
    """Behind fence.i: decodes what memory holds now."""
    state, image = session.state, session.image
    data = read_words(session.spec, state.memory, image.base, len(image.data))
    state.code[:] = decode(data.view("<u4"), session.spec)
    state.blocks["status"] = RUNNING

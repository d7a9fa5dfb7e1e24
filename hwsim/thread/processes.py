"""Several processes share the blocks of a run. They meet behind every epoch, which is as long as the shortest link: what a block does in an
epoch reaches no other block before the next one, so the result does not depend on how many processes there are."""

import mmap
import multiprocessing
import threading
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from hwsim.spec.errors import SimulationError
from hwsim.thread.session import Session, run_epochs

TIMEOUT_SECONDS = 900


def shared_zeros(shape: Any, dtype: Any) -> Any:
    """An array that forked processes see as one; pages that nobody writes take no memory."""
    kind, count = np.dtype(dtype), int(np.prod(shape, dtype=np.int64))
    flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    buffer = mmap.mmap(-1, max(1, count * kind.itemsize), flags=flags)
    return np.frombuffer(buffer, kind, count).reshape(shape)


def sparse_zeros(shape: Any, dtype: Any) -> Any:
    """An array of which little is touched, here and there: in small pages. NumPy asks for large ones, and each touch clears 2 MiB."""
    kind, count = np.dtype(dtype), int(np.prod(shape, dtype=np.int64))
    if not hasattr(mmap, "MAP_PRIVATE"):
        return np.zeros(shape, dtype)
    try:
        buffer = mmap.mmap(-1, max(1, count * kind.itemsize), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as e:
        raise MemoryError(f"{count * kind.itemsize} bytes are not there") from e
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with suppress(OSError):  # a kernel without large pages
            buffer.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(buffer, kind, count).reshape(shape)


def shares(blocks: int, processes: int) -> list[tuple[int, int]]:
    """First and last + 1 block of each process."""
    cuts = [blocks * i // processes for i in range(processes + 1)]
    return list(zip(cuts, cuts[1:], strict=False))


def run_shared(session: Session, processes: int) -> Any:
    """This process takes the first share, forked ones the others."""
    if "fork" not in multiprocessing.get_all_start_methods():
        raise SimulationError(f"processes: {processes}, but this system cannot fork; use 1")
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes)
    pipes = [context.Pipe(duplex=False) for _ in range(processes - 1)]
    parts = shares(session.spec.blocks, processes)
    children = [
        context.Process(target=_child, args=(session, rank, *parts[rank], barrier, pipes[rank - 1][1]), daemon=True)
        for rank in range(1, processes)
    ]
    for child in children:
        child.start()
    try:
        spans = [_own(session, 0, *parts[0], barrier), *(p[0].recv() for p in pipes)]
    except (threading.BrokenBarrierError, EOFError) as e:
        raise SimulationError(f"{session.image.name}: one of {processes} processes ended early; see what it printed") from e
    finally:
        for child in children:
            child.join(timeout=10)
            if child.is_alive():
                child.terminate()
    return np.concatenate(spans)


def _own(session: Session, rank: int, first: int, last: int, barrier: Any) -> Any:
    """What a process changes apart from the others: parameters (the epoch's parity), its spans."""
    state = session.state
    state.params, state.spans, state.spanned = state.params.copy(), state.spans.copy(), state.spanned.copy()
    return run_epochs(session, rank, first, last, partial(barrier.wait, TIMEOUT_SECONDS))


def _child(session: Session, rank: int, first: int, last: int, barrier: Any, pipe: Any) -> None:
    try:
        pipe.send(_own(session, rank, first, last, barrier))
    except (SimulationError, threading.BrokenBarrierError):
        pipe.send(session.state.spans[:0])  # the first process raises the same
    except BaseException:
        barrier.abort()
        raise

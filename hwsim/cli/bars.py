"""Progress on stderr: one bar a stage where a person looks, gone when all is done; a line now and then in a pipe."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Stage = Callable[[str, int, int], None]
EVERY_SECONDS = 30.0  # between two lines in a pipe


@contextmanager
def bars() -> Iterator[Stage]:
    """Gives `progress(stage, done, total)`; a new stage ends the one before."""
    if not sys.stderr.isatty():
        with _lines() as progress:
            yield progress
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as rich:

        def progress(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                for task in rich.tasks:
                    rich.update(task.id, completed=task.total)
                    rich.stop_task(task.id)
                tasks[stage] = rich.add_task(stage, total=total)
            rich.update(tasks[stage], completed=done, total=total, refresh=True)

        yield progress


@contextmanager
def _lines() -> Iterator[Stage]:
    """A thread tells where the work stands, also within a long step; work that takes less than EVERY_SECONDS is silent."""
    at, over, begun = ["work"], Event(), time.monotonic()

    def progress(stage: str, done: int, total: int) -> None:
        at[0] = f"{stage}, {done:,} of {total:,}" if total > 1 else stage

    def tell() -> None:
        while not over.wait(EVERY_SECONDS):
            with suppress(OSError, ValueError):  # nobody reads
                print(f"hwsim: {at[0]} ({time.monotonic() - begun:.0f} s)", file=sys.stderr, flush=True)

    thread = Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        over.set()
        thread.join()

"""Progress on stderr, when a person looks; one bar a stage, gone when all is done."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Stage = Callable[[str, int, int], None]


@contextmanager
def bars() -> Iterator[Stage]:
    """Gives `progress(stage, done, total)`; a new stage ends the one before. Silent in a pipe."""
    if not sys.stderr.isatty():
        yield lambda stage, done, total: None
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

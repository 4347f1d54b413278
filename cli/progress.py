"""Show how far a long command is: a bar on a terminal, and nothing for cron."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress(
    doing: str, total: int | None, *, unit: str, quiet: bool = False
) -> Iterator[Callable[[int], None]]:
    """Show a bar with rate and time left on stderr, where that is a terminal.

    Args:
        doing: one word for what is done, such as pruning.
        total: how many there are; None if that is unknown.
        unit: what is counted, in the plural.
        quiet: show nothing at all.

    Yields:
        A function to call with how many more were done.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f} {unit}/s" if speed else "")

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    left = TimeElapsedColumn() if total is None else TimeRemainingColumn(compact=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), left)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(doing, total=total)

        def advance(done: int) -> None:
            if total is None:
                bar.advance(task, done)
            else:  # there may be more by now: never show 120 of 100
                most = max(total, bar.tasks[task].completed + done)
                bar.update(task, advance=done, total=most)

        yield advance

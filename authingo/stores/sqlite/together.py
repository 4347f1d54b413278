"""Writes that wait for the store's thread, and those of several callers in one transaction.

A commit takes longer than most of what is committed: SQLite waits for the disk, and the thread and
the event loop wait for each other. So once the thread is free, it commits everything that waits at
once. Each caller gets its answer after that commit, and none waits for others to come.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from authingo.errors import StoreUnavailable
from authingo.loops import call_in

Work = Callable[[sqlite3.Connection], Any]


class Write:
    """What one caller wants to write. It is made on the caller's event loop.

    Args:
        work: makes the change and returns the answer. If `together`, it may be called again after
            its first call was rolled back.
        together: whether it may share a transaction with others of which this is true.
    """

    __slots__ = ("answer", "error", "result", "together", "work")

    def __init__(self, work: Work, *, together: bool) -> None:
        self.work = work
        self.together = together
        # Cancelled once the caller waits no longer.
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.result: Any = None
        self.error: BaseException | None = None


class Writes:
    """The writes that wait, the first to come first.

    Args:
        commit: calls the work in a transaction, and commits it or raises an error.
    """

    def __init__(self, commit: Callable[[Work], None]) -> None:
        self._commit = commit
        self._waiting: deque[Write] = deque()
        self._called = False

    def add(self, write: Write) -> bool:
        """Let a write wait. Return whether `run` must be called in the store's thread."""
        self._waiting.append(write)
        if self._called:
            return False
        self._called = True
        return True

    def not_called(self, write: Write) -> None:
        """Take back a write for which `run` could not be called in the thread."""
        self._called = False
        write.answer.cancel()

    def run(self) -> None:
        """Do everything that waits, in the store's thread."""
        self._called = False  # first: whatever comes after the last one is taken needs a call
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        for together, some in groupby(waiting, key=lambda write: write.together):
            for group in [list(some)] if together else ([write] for write in some):
                self._write(group)

    def _write(self, writes: Sequence[Write]) -> None:
        group = [write for write in writes if not write.answer.cancelled()]
        error: BaseException | None = None
        try:
            if group:
                self._commit(partial(_do, group))
        except _Apart:
            for write in group:
                self._write([write])
            return
        except BaseException as raised:  # noqa: BLE001 - the callers get it
            error = raised
        for write in group:
            write.error = error
        for loop in {write.answer.get_loop() for write in group}:
            call_in(loop, partial(_answer, [one for one in group if one.answer.get_loop() is loop]))


class _Apart(Exception):
    """The writes of a group must be made one by one."""


def _do(group: Sequence[Write], connection: sqlite3.Connection) -> None:
    """Do the work of all, in a transaction.

    Raises:
        _Apart: the work of one failed, or its caller has given up. This must not harm the others.
        StoreUnavailable: the only caller has given up. It has been told that nothing was changed.
    """
    alone = len(group) == 1
    for write in group:
        try:
            write.result = write.work(connection)
        except BaseException:
            if alone:
                raise
            raise _Apart from None
    if any(write.answer.cancelled() for write in group):
        raise StoreUnavailable if alone else _Apart


def _answer(group: Sequence[Write]) -> None:
    for write in group:
        if write.answer.done():  # the caller has given up
            continue
        if write.error is None:
            write.answer.set_result(write.result)
        else:
            write.answer.set_exception(write.error)

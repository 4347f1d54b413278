"""Ctrl-C while a file is read that may be silent for ever."""

from __future__ import annotations

import contextlib
import io
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Handler = Callable[[int, FrameType | None], object]


class Waiting:
    """A wait that Ctrl-C ends at once. Anywhere else asyncio has it, and cancels the task.

    To raise wherever the signal happens to arrive would be simpler, but the exception may
    then come out of a callback in asyncpg's compiled protocol, which crashes of it.
    """

    def __init__(self, otherwise: Handler) -> None:
        self._otherwise = otherwise
        self._waits = self._pressed = False

    def __enter__(self) -> None:
        self._waits = True
        if self._pressed:  # just before, so that nothing would end this wait
            self._end()

    def __exit__(self, *_: object) -> None:
        self._waits = False

    def pressed(self, number: int, frame: FrameType | None) -> None:
        """Handle the signal."""
        self._pressed = True
        if self._waits:
            self._end()
        self._otherwise(number, frame)

    def _end(self) -> None:
        self._waits = False
        raise KeyboardInterrupt


@contextlib.contextmanager
def interruptible() -> Iterator[contextlib.AbstractContextManager[None]]:
    """Give what to wait in; call it in a coroutine, when asyncio has set up its handler."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):  # ignored, as a shell has it for what runs in its background
        yield contextlib.nullcontext()
        return
    waiting = Waiting(before)
    signal.signal(signal.SIGINT, waiting.pressed)
    try:
        yield waiting
    finally:
        signal.signal(signal.SIGINT, before)


class WaitedFor(io.FileIO):
    """A file that may keep its reader waiting, for who opens it and for every piece."""

    def __init__(self, file: str | int, waiting: contextlib.AbstractContextManager[None]) -> None:
        """Open it to be read. One that is open already is not closed with this."""
        self._waiting = waiting
        with waiting:
            super().__init__(file, closefd=isinstance(file, str))

    def readinto(self, into: WriteableBuffer, /) -> int:
        """Read what there is, at least a byte of it; 0 at the end."""
        with self._waiting:
            return super().readinto(into)

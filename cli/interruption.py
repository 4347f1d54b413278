"""Ctrl-C: between two callbacks of the event loop, and at once in a wait that may be long."""

from __future__ import annotations

import contextlib
import io
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import asyncio

    from _typeshed import WriteableBuffer

Handler = Callable[[int, FrameType | None], object]
T = TypeVar("T", bound="Between | Waiting")


class Between:
    """Ctrl-C that is left to the event loop, which comes to it between two callbacks.

    asyncio's own handler cancels the task wherever the signal happens to arrive. In a
    callback that has just seen that a future has no result yet, and gives it one, that is
    an InvalidStateError, printed with a traceback.
    """

    def __init__(self, handler: Handler, loop: asyncio.AbstractEventLoop) -> None:
        self._handler = handler
        self._loop = loop
        self._pending = False

    def pressed(self, number: int, _: FrameType | None) -> None:
        """Handle the signal. A second one ends whatever keeps the loop from the first."""
        if self._pending:
            raise KeyboardInterrupt
        self._pending = True
        self._loop.call_soon_threadsafe(self._heed, number)

    def _heed(self, number: int) -> None:
        self._pending = False
        self._handler(number, None)


@contextlib.contextmanager
def between_callbacks() -> Iterator[None]:
    """Leave Ctrl-C to the event loop; call it in a coroutine that asyncio.run() was given."""
    import asyncio

    with _handled(lambda before: Between(before, asyncio.get_running_loop())):
        yield


class Waiting:
    """A wait that Ctrl-C ends at once. Anywhere else the event loop has it.

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
    """Give what to wait in; call it where `between_callbacks` holds."""
    with _handled(Waiting) as waiting:
        yield waiting or contextlib.nullcontext()


@contextlib.contextmanager
def _handled(make: Callable[[Handler], T]) -> Iterator[T | None]:
    """Handle Ctrl-C by what is made of the handler so far.

    Yields:
        What was made; None where the signal is ignored, as a shell has it for what runs
        in its background, and stays ignored.
    """
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):
        yield None
        return
    made = make(before)
    signal.signal(signal.SIGINT, made.pressed)
    try:
        yield made
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

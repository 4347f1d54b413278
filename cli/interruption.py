"""Handle Ctrl-C between two callbacks of the event loop, and at once during long waits."""

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
    """A handler that leaves Ctrl-C to the event loop, between two callbacks.

    asyncio's own handler cancels the task wherever the signal happens to arrive. If that is
    in a callback that is about to set the result of a future, it raises an InvalidStateError,
    printed with a traceback.
    """

    def __init__(self, handler: Handler, loop: asyncio.AbstractEventLoop) -> None:
        self._handler = handler
        self._loop = loop
        self._pending = False

    def pressed(self, number: int, _: FrameType | None) -> None:
        """Handle the signal. A second one interrupts whatever keeps the loop busy."""
        if self._pending:
            raise KeyboardInterrupt
        self._pending = True
        self._loop.call_soon_threadsafe(self._heed, number)

    def _heed(self, number: int) -> None:
        self._pending = False
        self._handler(number, None)


@contextlib.contextmanager
def between_callbacks() -> Iterator[None]:
    """Leave Ctrl-C to the event loop; call this in a coroutine that asyncio.run() runs."""
    import asyncio

    with _handled(lambda before: Between(before, asyncio.get_running_loop())):
        yield


class Waiting:
    """A wait that Ctrl-C ends at once. Elsewhere the event loop handles it.

    Raising wherever the signal happens to arrive would be simpler, but the exception could
    come out of a callback in asyncpg's compiled protocol, which then crashes.
    """

    def __init__(self, otherwise: Handler) -> None:
        self._otherwise = otherwise
        self._waits = self._pressed = False

    def __enter__(self) -> None:
        self._waits = True
        if self._pressed:  # pressed just before; nothing else would end this wait
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
    """Yield a context manager to wait in; use it inside `between_callbacks`."""
    with _handled(Waiting) as waiting:
        yield waiting or contextlib.nullcontext()


@contextlib.contextmanager
def _handled(make: Callable[[Handler], T]) -> Iterator[T | None]:
    """Handle Ctrl-C with a handler made from the present one.

    Yields:
        The new handler; None if the signal is ignored, as it is for a shell's background
        jobs, and stays ignored.
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
    """A file that may block, both when it is opened and at every read."""

    def __init__(self, file: str | int, waiting: contextlib.AbstractContextManager[None]) -> None:
        """Open it for reading. A file descriptor that was passed in is not closed."""
        self._waiting = waiting
        with waiting:
            super().__init__(file, closefd=isinstance(file, str))

    def readinto(self, into: WriteableBuffer, /) -> int:
        """Read what is available, at least one byte; return 0 at the end."""
        with self._waiting:
            return super().readinto(into)

"""What holds for one turn of the event loop.

All requests that are answered in a turn had arrived before it began. So what is found
out once in it (whether the file is still the one, whether anything was revoked) is
true of a moment after each of them came, and need not be asked again for each.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable

from authingo.stores import Trust

LONGEST = 0.05  # seconds


class Turn:
    """A turn in which something was found out. False when it is over, and before.

    `trust` ends with it; who gives it, for `LONGEST`, is who found out. A loop that died in
    the middle of a turn never ended it. To ask which loop runs tells, but is a system call
    in Python 3.11, too much for every check; a deadline tells as well, if a moment later.
    """

    __slots__ = ("_lasts_in", "trust")

    def __init__(self) -> None:
        self.trust = Trust()
        self._lasts_in: AbstractEventLoop | None = None

    def __bool__(self) -> bool:
        return self._lasts_in is not None and self._lasts_in is get_running_loop()

    def begin(self, then: Callable[[], object]) -> None:
        """It was found out just now. `then` is called when the turn is over, if it ever is."""
        self._lasts_in = get_running_loop()
        self._lasts_in.call_soon(then)

    def end(self) -> None:
        """It has to be found out again."""
        self._lasts_in = None
        self.trust.until = 0.0

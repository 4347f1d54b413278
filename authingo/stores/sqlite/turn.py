"""What holds for one turn of the event loop.

All requests that are answered in a turn had arrived before it began. So what is found
out once in it (whether the file is still the one, whether anything was revoked) is
true of a moment after each of them came, and need not be asked again for each.
"""

from __future__ import annotations

import asyncio


class Turn:
    """A turn in which something was found out. False when it is over, and before."""

    def __init__(self) -> None:
        self._lasts = False

    def __bool__(self) -> bool:
        return self._lasts

    def begin(self) -> None:
        """It was found out just now."""
        self._lasts = True
        asyncio.get_running_loop().call_soon(self.end)

    def end(self) -> None:
        """It has to be found out again."""
        self._lasts = False

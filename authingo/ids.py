"""The identifiers of users, sessions and events."""

from __future__ import annotations

import re
import secrets
import threading
import time
from datetime import datetime

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"  # base32hex: sorts as its bits do
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # of ten bits each
_AFTER_PREFIX = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)  # other programs may insert rows


def new_id(prefix: str, at: datetime | None = None) -> str:
    """Make an identifier such as `usr_06fh2m…`: 48 bits of milliseconds, then 80 random ones.

    Ids sort by creation time, so that new rows go to the end of the primary key's index, and lists
    can be paged by id. Ids that one process makes within one millisecond ascend too. Ids are
    public; knowing one gives no access. `at` is the time of creation, if another system created it
    earlier; a time before 1970 counts as 1970.
    """
    if at is not None:
        return _id(prefix, max(int(at.timestamp() * 1000), 0), secrets.randbits(80))
    return _id(prefix, *_in_order.draw())


class _InOrder:
    """Draws milliseconds and 80 bits so that the next is always greater, as monotonic ULIDs do.

    Within a millisecond the bits grow by a random step. It has 64 bits, so that knowing one id
    does not help to guess the next. The first draw of a millisecond leaves the highest bit
    unset, so that 32,768 steps fit, which is more than a process can draw in that time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # the thread of a store may draw as well
        self._milliseconds = self._rest = 0

    def draw(self) -> tuple[int, int]:
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now == self._milliseconds:
                self._rest += 1 + secrets.randbits(64)
            else:
                self._milliseconds, self._rest = now, secrets.randbits(79)
            return self._milliseconds, self._rest


_in_order = _InOrder()


def first_id(prefix: str, at: datetime) -> str:
    """Return an id that sorts before every id that is made at the time `at` or later."""
    return _id(prefix, int(at.timestamp() * 1000), 0)


def _id(prefix: str, milliseconds: int, rest: int) -> str:
    bits = milliseconds << 80 | rest
    return prefix + "".join([_PAIRS[bits >> shift & 1023] for shift in range(120, -1, -10)])


def is_id(text: str, prefix: str) -> bool:
    """Return whether a text can be an identifier with this prefix, such as `usr_`."""
    return text.startswith(prefix) and bool(_AFTER_PREFIX.fullmatch(text, len(prefix)))

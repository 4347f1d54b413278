"""Whether the time that something takes grows as its input does (CWE-407, CWE-1333).

What a stranger sends must cost no more than its size: twice the text, twice the time.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable

from authingo.errors import AuthError

_DOUBLINGS = 4
_MEASUREMENTS = 3  # of which the shortest counts: whatever else runs only adds to it
_LONG = 0.02  # seconds, of which one measurement is enough
_GENEROUS = 4  # what grows with the square of the size is beyond that at the third doubling

_log = logging.getLogger(__name__)


def grows_linearly(
    work: Callable[[str], object], make: Callable[[int], str], *, smallest: int = 4096
) -> bool:
    """Tell whether the processor's time for a text grows no faster than the text.

    Args:
        work: takes a text. It may refuse it by an AuthError or a ValueError.
        make: returns a text of about as many characters.
        smallest: characters of the first text; the last has sixteen times as many.
    """
    took = list[float]()
    for doubling in range(_DOUBLINGS + 1):
        text = make(smallest << doubling)
        took.append(_time_of(work, text))
        most = took[0] * _GENEROUS * (1 << doubling)
        if took[-1] > most:  # or was that something else?
            took[-1] = min(_measure(work, text) for _ in range(_MEASUREMENTS))
        if took[-1] > most:
            _log.warning("%d characters, doubled each time, took %s seconds", smallest, took)
            return False
    return True


def _time_of(work: Callable[[str], object], text: str) -> float:
    took = _measure(work, text)
    for _ in range(_MEASUREMENTS - 1):
        if took < _LONG:
            took = min(took, _measure(work, text))
    return took


def _measure(work: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    with contextlib.suppress(AuthError, ValueError):
        work(text)
    return time.thread_time() - began


def repeated(part: str, start: str = "", end: str = "") -> Callable[[int], str]:
    """Return what makes texts of this part again and again, between a start and an end."""
    return lambda size: start + part * (size // len(part)) + end

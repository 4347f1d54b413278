"""A clock for deadlines kept in memory: it never goes back, and it goes on while a machine sleeps.

`time.monotonic` stands still on Linux while a machine is suspended, so what was
fresh when a lid was closed would still be fresh when it is opened.
"""

from __future__ import annotations

import time
from functools import partial

# Linux; macOS and BSD, where this one counts suspended time; Windows, where any does.
_ID: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))

# Returns seconds since the machine was started, suspended time included. Asked several
# times for each check of a session, so there is no function of our own around it.
now = time.monotonic if _ID is None else partial(time.clock_gettime, _ID)

"""A clock for deadlines in memory. It never goes back, and keeps running during suspend.

On Linux, `time.monotonic` stands still while the machine is suspended. A session that was
remembered before a laptop's lid was closed would still look fresh when it is opened.
"""

from __future__ import annotations

import time
from functools import partial

# CLOCK_BOOTTIME is for Linux. On macOS and BSD, CLOCK_MONOTONIC counts suspended time. Windows has
# neither; there time.monotonic counts it.
_ID: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))

# Returns seconds since the machine was started, suspended time included. It is called several times
# for each session check, so there is no wrapper function.
now = time.monotonic if _ID is None else partial(time.clock_gettime, _ID)

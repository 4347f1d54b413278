"""Which cores a process may use: a server on one, the load and the database on the others.

And that none of them sleeps. Waking a core of a virtual machine takes tens of microseconds, which
would be charged to the server whenever it sends an answer to a load that waits on another core.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator

Cores = tuple[int, ...]

_PR_SET_PDEATHSIG = 1
_SLEEP = "/dev/cpu_dma_latency"  # the kernel's "PM Quality of Service" interface


def _of_this_process() -> Cores:
    affinity = getattr(os, "sched_getaffinity", None)
    return tuple(sorted(affinity(0))) if affinity else ()


ALL = _of_this_process()
SERVER = ALL[:1]
LOAD = ALL[1:] or ALL
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def place(process: int, cores: Cores) -> None:
    """Keep a process (0: this one), and what it starts from now on, on some cores."""
    if cores:  # not every system can
        os.sched_setaffinity(process, cores)


def placed(cores: Cores) -> Callable[[], None]:
    """For `preexec_fn`: keep it there, and let it end with this program, however that ends."""

    def prepare() -> None:
        place(0, cores)
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return prepare


@contextlib.contextmanager
def kept_awake() -> Iterator[bool]:
    """Keep idle cores from sleeping until the end of the block, and say whether that was possible.

    It is on Linux, for root.
    """
    try:
        file = os.open(_SLEEP, os.O_WRONLY)
    except OSError:
        yield False
        return
    try:
        os.write(file, bytes(4))  # a core may take no microsecond to wake up
        yield True
    finally:
        os.close(file)  # the kernel forgets it

"""Which cores a process may use: a server on one, the load and the database on the others."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

Cores = tuple[int, ...]

_PR_SET_PDEATHSIG = 1


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

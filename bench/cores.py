"""Which cores a process may use: a server on one, the load and the database on the others."""

from __future__ import annotations

import os
from collections.abc import Callable

Cores = tuple[int, ...]


def _of_this_process() -> Cores:
    affinity = getattr(os, "sched_getaffinity", None)
    return tuple(sorted(affinity(0))) if affinity else ()


ALL = _of_this_process()
SERVER = ALL[:1]
LOAD = ALL[1:] or ALL


def place(process: int, cores: Cores) -> None:
    """Keep a process (0: this one), and what it starts from now on, on some cores."""
    if cores:  # not every system can
        os.sched_setaffinity(process, cores)


def placed(cores: Cores) -> Callable[[], None]:
    """For `preexec_fn`: nothing that this program starts has threads by then."""
    return lambda: place(0, cores)

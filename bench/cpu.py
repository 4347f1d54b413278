"""CPU seconds that processes have used so far, from /proc. Linux only; elsewhere 0."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def of_process(pid: int) -> float:
    """Return what one process has used itself."""
    fields = _fields(pid)
    return sum(map(int, fields[11:13])) / _ticks() if fields else 0.0  # user, system


def of_family(pid: int) -> float:
    """Return what a process and its children have used, those that have ended included.

    PostgreSQL is such a family: one child for each connection, and some that work on their own.
    """
    fields = _fields(pid)
    used = sum(map(int, fields[11:15])) if fields else 0  # 13 and 14: of children that have ended
    for other in _PROC.glob("[0-9]*"):
        if (of_other := _fields(int(other.name))) and of_other[1] == str(pid):
            used += sum(map(int, of_other[11:13]))
    return used / _ticks()


def _ticks() -> int:
    return os.sysconf("SC_CLK_TCK")


def _fields(pid: int) -> list[str]:
    """Return the fields of `stat` from the state on, or none if there is no such process."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []

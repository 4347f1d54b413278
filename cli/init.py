"""`authingo init`."""

from __future__ import annotations

from .running import command


@command
def init() -> None:
    """Write what a new project needs."""

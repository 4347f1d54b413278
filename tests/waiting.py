"""Waiting for what nothing tells of."""

from __future__ import annotations

import time
from collections.abc import Callable

from authingo import clock

PATIENCE = 20.0  # seconds for what must happen, on a busy machine


def until(holds: Callable[[], object], what: str) -> None:
    """Look again and again until it holds; fail with `what` if it never does."""
    deadline = clock.now() + PATIENCE
    while not holds():
        assert clock.now() < deadline, what
        time.sleep(0.002)

"""Tests that measure have the machine to themselves, whatever other processes run the rest."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _turn(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Run beside others, or alone where a test is marked so.

    Whoever waits to be alone holds the door: nobody new comes in meanwhile.
    """
    alone = request.node.get_closest_marker("alone") is not None
    shared = tmp_path_factory.getbasetemp().parent  # of all processes of this run
    how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    with (shared / "room.lock").open("w") as room:
        with (shared / "door.lock").open("w") as door:
            fcntl.flock(door, how)
            fcntl.flock(room, how)
        yield

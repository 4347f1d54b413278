"""Tests that measure have the machine to themselves, whatever other processes run the rest."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _turn(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Run while other tests run, or by itself if the test is marked `alone`.

    A test that waits for the others to end holds the door, so that no new one starts.
    """
    alone = request.node.get_closest_marker("alone") is not None
    shared = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # the directory above is that of the whole run;
        shared = shared.parent  # without workers it is that of all runs of this user
    how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    with (shared / "room.lock").open("w") as room:
        with (shared / "door.lock").open("w") as door:
            fcntl.flock(door, how)
            fcntl.flock(room, how)
        yield

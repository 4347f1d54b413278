"""Tests that measure have the machine to themselves, whatever other processes run the rest."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

_NEXT = pytest.StashKey[pytest.Item | None]()
_still_alone: list[IO[str]] = []  # the lock that one test left to the next, which is alone too


def together(items: list[pytest.Item]) -> None:
    """Give tests that are alone to one process, so that the others wait for them once."""
    for item in filter(_is_alone, items):
        item.add_marker(pytest.mark.xdist_group("alone"))


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    item.stash[_NEXT] = nextitem


@pytest.fixture(autouse=True)
def _turn(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Run while other tests run, or by itself if the test is marked `alone`."""
    item: pytest.Item = request.node
    shared = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # the directory above is that of the whole run;
        shared = shared.parent  # without workers it is that of all runs of this user
    lock = _still_alone.pop() if _still_alone else _enter(shared, alone=_is_alone(item))
    yield
    following = item.stash[_NEXT]
    if _is_alone(item) and following is not None and _is_alone(following):
        _still_alone.append(lock)
    else:
        lock.close()


def _enter(shared: Path, *, alone: bool) -> IO[str]:
    """Wait for the lock; one that waits for others to end holds the door, so that no new starts."""
    how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    room = (shared / "room.lock").open("w")
    with (shared / "door.lock").open("w") as door:
        fcntl.flock(door, how)
        fcntl.flock(room, how)
    return room


def _is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None

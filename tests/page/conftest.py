"""Servers with the page, and browsers at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.command import Runner, Served
from tests.page.watched import SHORT, Watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start `authingo serve`, with any variables."""
    running: list[Served] = []

    def started(port: int = 0, **variables: str) -> Served:
        server = Served(Runner(tmp_path, **variables), port=port)
        running.append(server)
        return server

    yield started
    for server in running:
        if server.process.poll() is None:
            server.end()


@pytest.fixture
def open_browser(chromium: Browser) -> Iterator[Callable[..., Watched]]:
    """Open a profile of its own for a server; several if asked several times."""
    opened: list[Watched] = []

    def one(server: Served, **options: Any) -> Watched:
        opened.append(Watched(chromium.new_context(**options), server))
        return opened[-1]

    yield one
    for watched in opened:
        watched.context.close()
    assert [rule for watched in opened for rule in watched.broken] == []


@pytest.fixture
def browser(start: Callable[..., Served], open_browser: Callable[..., Watched]) -> Watched:
    """A browser at a server with the default lifetimes."""
    return open_browser(start())


@pytest.fixture
def short(start: Callable[..., Served], open_browser: Callable[..., Watched]) -> Watched:
    """A browser at a server whose session tokens live for seconds."""
    return open_browser(start(**SHORT))

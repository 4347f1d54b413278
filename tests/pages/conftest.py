"""Servers with the pages, and browsers at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from authingo.config import Settings, settings_from
from tests.mail.inbox import mail_settings
from tests.mail.server import SMTPServer
from tests.pages.visitor import Visitor
from tests.server import LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def start(sqlite_url: str, mails: SMTPServer) -> Iterator[Callable[..., LiveServer]]:
    """Start a server with the pages and with mail, and any other settings.

    The pages ask the routes for everything, and those are tested with both stores.
    """
    running: list[LiveServer] = []

    def started(mail: dict[str, object] | None = None, **values: object) -> LiveServer:
        def settings(url: str) -> Settings:
            own = {
                "database_url": sqlite_url,
                "passwords": {"bcrypt_cost": 4},
                "public_url": url,
                "pages": {"enabled": True, "name": "Example"},
                "mail": mail_settings(mails, **(mail or {})),
            }
            return settings_from({**own, **values})

        running.append(LiveServer(settings))
        return running[-1]

    yield started
    for server in running:
        server.stop()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Open a browser profile at a server; several if asked several times."""
    opened: list[Visitor] = []

    def one(server: LiveServer, **options: Any) -> Visitor:
        opened.append(Visitor(chromium.new_context(**options), server))
        return opened[-1]

    yield one
    for visitor in opened:
        visitor.context.close()
    assert [rule for visitor in opened for rule in visitor.broken] == []


@pytest.fixture
def own_file(tmp_path: Path) -> Callable[[str, str], str]:
    """Write a file that a setting names, and return its path."""

    def write(name: str, content: str) -> str:
        (tmp_path / name).write_text(content, "utf-8")
        return str(tmp_path / name)

    return write

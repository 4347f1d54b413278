"""Servers of programs with hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from authingo import Auth
from authingo.config import Settings
from authingo.hooks import durable
from tests.server import LiveServer


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for what others did, and call again, without the pauses of a real server."""
    monkeypatch.setattr(durable, "_LOOK", 0.02)
    monkeypatch.setattr(durable, "_FIRST_PAUSE", 0.02)


@pytest.fixture
def start(make_settings: Callable[..., Settings]) -> Any:
    """Start a server whose hooks are added before, as a program does."""
    running: list[LiveServer] = []

    def begin(add: Callable[[Auth], object], **settings: object) -> LiveServer:
        def application(auth: Auth) -> Any:
            from fastapi import FastAPI  # noqa: PLC0415

            add(auth)
            app = FastAPI(lifespan=auth.lifespan)
            auth.install(app)
            return app

        server = LiveServer(lambda url: make_settings(public_url=url, **settings), application)
        running.append(server)
        return server

    yield begin
    for server in running:
        server.stop()

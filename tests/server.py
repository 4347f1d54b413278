"""A live server: uvicorn on a real socket in a thread, and a browser-like client for it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from authingo import Auth
from authingo.config import Settings
from tests.database import age_sessions
from tests.tls import Certificate
from tests.waiting import until

ADA: dict[str, Any] = {
    "email": "ada@example.com",
    "password": "correct horse battery",
    "name": "Ada",
}
CLIENT = MappingProxyType({"X-Authingo-Client": "true"})  # a TestClient would add to it


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])

    @property
    def code_or_ok(self) -> str:
        return "ok" if self.status == 200 else self.code

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def tokens(self) -> dict[str, str]:
        """The cookies it sets, by name."""
        jar: SimpleCookie = SimpleCookie()
        for header in self.all("set-cookie"):
            jar.load(header)
        return {name: morsel.value for name, morsel in jar.items()}


@dataclass
class Browser:
    """Sends what a page of the server itself would send, and keeps cookies by name.

    Paths are left aside on purpose: tests say which cookies go along.
    """

    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        cookies: dict[str, str] | None = None,
        base: str = "/api/auth",
    ) -> Answer:
        """Send one request on a connection of its own."""
        sent = {**CLIENT, **(headers or {})}
        kept = self.cookies if cookies is None else cookies
        if kept:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        raw = body if isinstance(body, bytes) else None
        if body is not None and raw is None:
            raw = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            connection.request(method, base + path, raw, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()
        if cookies is None:
            self.cookies.update(answer.tokens)
            self.cookies = {name: value for name, value in self.cookies.items() if value}
        return answer

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> Answer:
        return self.request("POST", path, body, **options)

    def sign_up(self, **changes: Any) -> Answer:
        """Sign Ada up, or whoever the changes make of her."""
        answer = self.post("/sign-up", {**ADA, **changes})
        assert answer.status == 200, answer.body
        return answer

    def sign_in(self, **changes: str) -> Answer:
        ada = {"email": ADA["email"], "password": ADA["password"]}
        return self.post("/sign-in", {**ada, **changes})


class LiveServer:
    """uvicorn as `authingo serve` runs it, but in a thread, with `app` at hand."""

    def __init__(
        self,
        settings_for: Callable[[str], Settings],
        application: Callable[[Auth], Any] | None = None,
        *,
        root_path: str = "",
        tls: Certificate | None = None,
    ) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        try:
            self.auth = Auth(settings_for(self.url))
            self.app = (application or _application)(self.auth)
        except BaseException:
            listener.close()
            raise
        config = uvicorn.Config(
            self.app,
            http="httptools",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            root_path=root_path,
            ssl_keyfile=tls.key if tls else None,
            ssl_certfile=tls.certificate if tls else None,
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listener,))
        self._thread.start()
        assert self._started.wait(30), "the server did not start"

    @property
    def database_url(self) -> str:
        return self.auth.settings.database_url

    def browser(self) -> Browser:
        return Browser(self.url)

    def age_sessions(self, seconds: float) -> None:
        """Let time pass for every session, and wait until this server has heard of it.

        SQLite is asked with each check; PostgreSQL sends a notice, which takes a moment.
        """
        age_sessions(self.database_url, seconds)
        if not self.auth.store.embedded:
            remembered = self.auth._core.cache._known
            until(lambda: not remembered, "the server did not hear that sessions changed")

    def stop(self) -> None:
        self._server.stop()
        self._thread.join()

    def _run(self, listener: socket.socket) -> None:
        self._server.when_started = self._started.set
        self._server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn's, but for its pauses of a tenth of a second: a few hundred tests stop one each."""

    when_started: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)
        self.when_started()

    def stop(self) -> None:
        """End it, from any thread."""
        self.should_exit = True
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        state = self.server_state
        for server in self.servers:
            server.close()
        for connection in list(state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while state.connections or state.tasks:
                    await asyncio.sleep(0.001)
        for task in state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


def _application(auth: Auth) -> FastAPI:
    app = FastAPI()
    auth.install(app)
    return app

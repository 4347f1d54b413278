"""Two servers on one database: what ends a session on one is known to the other.

AUTHINGO_TEST_ROUNDS=200 with `-s` measures: for each way to end a session, how long
the other server went on letting it in. Without it a few rounds show that it works.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

import asyncpg
import pytest
from fastapi import Depends, FastAPI, WebSocket
from starlette.responses import PlainTextResponse
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from authingo import Auth, User, clock
from authingo.config import Settings
from authingo.fastapi import CurrentUser, RequireRole, websockets
from authingo.models import UserAndSession
from tests.database import sqlite_path
from tests.revoking import BOUND, SESSION, Asking, Memory, user_id_of
from tests.server import ADA, Browser, LiveServer
from tests.waiting import until

ROUNDS = int(os.environ.get("AUTHINGO_TEST_ROUNDS", "2"))


def application(auth: Auth) -> FastAPI:
    app = FastAPI()
    auth.install(app)

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.email

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, user: CurrentUser) -> None:
        await websocket.accept()
        with contextlib.suppress(Exception):
            while True:
                await websocket.receive_text()

    @app.get("/admin")
    async def admin(user: Annotated[User, Depends(RequireRole("admin"))]) -> str:
        return user.email

    async def files(scope: Any, receive: Any, send: Any) -> None:
        admitted: UserAndSession = scope["authingo"]
        await PlainTextResponse(admitted.user.email)(scope, receive, send)

    app.mount("/files", auth.require(files))
    return app


class Hand:
    """Somebody at the database's own console, who is connected already."""

    def __init__(self, url: str) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._loop = asyncio.new_event_loop()
        self._url = url
        self._connection: Any = self._thread.submit(self._connect).result()

    def _connect(self) -> Any:
        if self._url.startswith("sqlite:"):
            connection = sqlite3.connect(sqlite_path(self._url), isolation_level=None)
            connection.execute("PRAGMA foreign_keys=ON")
            return connection
        return self._loop.run_until_complete(asyncpg.connect(self._url))

    def __call__(self, statement: str) -> None:
        self._thread.submit(self._execute, statement).result()

    def _execute(self, statement: str) -> None:
        done = self._connection.execute(statement)
        if not isinstance(done, sqlite3.Cursor):
            self._loop.run_until_complete(done)

    def leave(self) -> None:
        def close() -> None:
            closed = self._connection.close()
            if closed is not None:
                self._loop.run_until_complete(closed)
            self._loop.close()

        self._thread.submit(close).result()
        self._thread.shutdown()


class Program:
    """A program of somebody's, in a process of its own, that does what a command will."""

    _SOURCE = """\
import asyncio, sys
from authingo import Auth

async def main():
    auth = Auth.from_config()
    await auth.open()
    print("ready", flush=True)
    for line in sys.stdin:
        verb, user_id = line.split()
        if verb == "set_password":
            await auth.store.users.set_password(user_id, "x")
        elif verb == "delete":
            await auth.store.users.delete(user_id)
        elif verb == "take_role":
            await auth.change_roles(user_id, remove={"admin"})
        elif verb == "revoke":
            await auth.revoke(user_id)
        else:
            await auth.disable_user(user_id)
        print("done", flush=True)
    await auth.close()

asyncio.run(main())
"""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._SOURCE],
            env={"PATH": os.environ["PATH"], "AUTHINGO_DATABASE_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._expect("ready")

    def __call__(self, verb: str, user_id: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{verb} {user_id}\n")
        self._process.stdin.flush()
        self._expect("done")

    def _expect(self, what: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == what

    def leave(self) -> None:
        self._process.communicate()


@dataclass
class Two:
    """Two servers, and those who go past them."""

    here: LiveServer
    there: LiveServer
    hand: Hand
    url: str
    memories: dict[str, Memory] = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        self.memories = {server.url: Memory(server) for server in (self.here, self.there)}

    @cached_property
    def program(self) -> Program:
        """Started where it is needed."""
        return Program(self.url)

    def leave(self) -> None:
        self.hand.leave()
        if "program" in self.__dict__:
            self.program.leave()

    def signed_in(self) -> Browser:
        """Somebody new, whom both servers remember."""
        self._count += 1
        browser = self.here.browser()
        browser.sign_up(email=f"user{self._count}@example.com")
        for memory in self.memories.values():
            memory.warm(browser)
        return browser


@pytest.fixture
def two(database_url: str, make_settings: Callable[..., Settings]) -> Iterator[Two]:
    with contextlib.ExitStack() as stack:
        here, there = [
            LiveServer(lambda url: make_settings(public_url=url), application) for _ in range(2)
        ]
        stack.callback(here.stop)
        stack.callback(there.stop)
        two = Two(here, there, Hand(database_url), database_url)
        stack.callback(two.leave)
        yield two


# A way ends the session of a browser whose user has this id. Those of the first kind are
# requests to the one server, which itself refuses as soon as it has answered.

Way = Callable[[Two, Browser, str], object]


def _sign_out(two: Two, browser: Browser, user_id: str) -> None:
    assert browser.post("/sign-out", cookies=browser.cookies).status == 200


def _revoke(two: Two, browser: Browser, user_id: str) -> None:
    session_id = browser.get("/session").json["session"]["id"]
    answer = browser.request("DELETE", f"/sessions/{session_id}", cookies=browser.cookies)
    assert answer.json == {"revoked": 1}


def _change_password(two: Two, browser: Browser, user_id: str) -> None:
    body = {"current_password": ADA["password"], "new_password": "a whole new sentence"}
    assert browser.post("/change-password", body, cookies=browser.cookies).status == 200


def _reuse(two: Two, browser: Browser, user_id: str) -> None:
    refresh = browser.cookies["authingo_refresh"]
    forged = {"authingo_refresh": refresh[:22] + "A" * 42}
    assert browser.post("/refresh", cookies=forged).code == "refresh_reused"


def _sign_in_again(two: Two, browser: Browser, user_id: str) -> None:
    email = browser.get("/session").json["user"]["email"]
    body = {"email": email, "password": ADA["password"]}
    assert browser.post("/sign-in", body, cookies=browser.cookies).status == 200


def _reauthenticate(two: Two, browser: Browser, user_id: str) -> None:
    body = {"password": ADA["password"]}
    assert browser.post("/reauthenticate", body, cookies=browser.cookies).status == 200


REQUESTS: dict[str, Way] = {
    "sign-out": _sign_out,
    "DELETE /sessions/{id}": _revoke,
    "change of password": _change_password,
    "reuse of a refresh token": _reuse,
    "another sign-in": _sign_in_again,
    "reauthentication, of the token before": _reauthenticate,
}
ELSEWHERE: dict[str, Way] = {
    "revoked by a program": lambda two, _, user_id: two.program("revoke", user_id),
    "disabled by a program": lambda two, _, user_id: two.program("disable", user_id),
    "password set by a program": lambda two, _, user_id: two.program("set_password", user_id),
    "deleted by a program": lambda two, _, user_id: two.program("delete", user_id),
    "DELETE by hand": lambda two, _, user_id: two.hand(
        f"DELETE FROM authingo_sessions WHERE user_id = '{user_id}'"
    ),
    "cascade by hand": lambda two, _, user_id: two.hand(
        f"DELETE FROM authingo_users WHERE id = '{user_id}'"
    ),
    "disabled by hand": lambda two, _, user_id: two.hand(
        f"UPDATE authingo_users SET disabled_at = created_at WHERE id = '{user_id}'"
    ),
    "expired by hand": lambda two, _, user_id: two.hand(
        f"UPDATE authingo_sessions SET expires_at = created_at WHERE user_id = '{user_id}'"
    ),
    "everything deleted by hand": lambda two, _, user_id: two.hand("DELETE FROM authingo_sessions"),
}
ROLES: dict[str, Way] = {  # these end no session, but what a guard lets in
    "role taken by a program": lambda two, _, user_id: two.program("take_role", user_id),
    "role taken by hand": lambda two, _, user_id: two.hand(
        f"UPDATE authingo_users SET roles = 'reader' WHERE id = '{user_id}'"
    ),
}
WAYS = {**REQUESTS, **ELSEWHERE, **ROLES}


def measure(two: Two, way: Way) -> float:
    """Hold the other server to the bound, and return how long it was until it refused, in seconds.

    That is counted from before the statement or request, of which most of the time goes by
    before anything is committed, and which may start a program: the true figure is smaller.
    """
    browser = two.signed_in()
    user_id = user_id_of(browser)
    by_role = way in ROLES.values()
    if by_role:
        two.hand(f"UPDATE authingo_users SET roles = 'admin' WHERE id = '{user_id}'")
        there = Browser(two.there.url, browser.cookies)
        until(lambda: there.get("/admin", base="").status == 200, "the role was never known")
    with Asking(two.there.url, browser, "/admin" if by_role else SESSION) as asking:
        began_at = clock.now()
        way(two, browser, user_id)
        ended_at = clock.now()
        if way in REQUESTS.values():
            assert browser.get("/session").status == 401, "where it was ended, at once"
        asking.await_refusal()
    asking.let_in_for(ended_at)
    return asking.refused_after(began_at)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_ends_on_one_server_is_refused_by_the_other(
    two: Two, way: Way, request: pytest.FixtureRequest
) -> None:
    measure(two, way)
    took = [measure(two, way) * 1000 for _ in range(ROUNDS)]
    name = request.node.callspec.id
    sys.stdout.write(
        f"\n{name:40} median {statistics.median(took):6.1f} ms, worst {max(took):6.1f} ms"
        f" of {len(took)}\n"
    )


@pytest.mark.parametrize("path", [SESSION, "/me", "/files/x"])
def test_every_guard_refuses(two: Two, path: str) -> None:
    """The route itself, a dependency of FastAPI, and the wrapper for any application."""
    browser = two.signed_in()
    user_id = user_id_of(browser)
    with Asking(two.here.url, browser, path) as here, Asking(two.there.url, browser, path) as there:
        two.hand(f"DELETE FROM authingo_sessions WHERE user_id = '{user_id}'")
        ended_at = clock.now()
        for asking in (here, there):
            asking.await_refusal()
    for asking in (here, there):
        asking.let_in_for(ended_at)


@pytest.mark.anyio
async def test_an_open_socket_is_closed(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is next looked at, which is one interval later at most."""
    monkeypatch.setattr(websockets, "INTERVAL", 0.05)
    browser = await asyncio.to_thread(two.signed_in)
    user_id = await asyncio.to_thread(user_id_of, browser)
    cookie = {"Cookie": f"authingo_session={browser.cookies['authingo_session']}"}
    url = f"ws://127.0.0.1:{two.there.port}/socket"
    async with connect(
        url, proxy=None, additional_headers=cookie, origin=Origin(two.there.url)
    ) as socket:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.5)
        await asyncio.to_thread(
            two.hand, f"DELETE FROM authingo_sessions WHERE user_id = '{user_id}'"
        )
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), BOUND + websockets.INTERVAL + 5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_what_changes_is_seen_by_both(two: Two) -> None:
    """Not only endings: another name is there as soon as it is committed."""
    browser = two.signed_in()
    two.hand(f"UPDATE authingo_users SET name = 'Eve' WHERE id = '{user_id_of(browser)}'")
    changed_at = clock.now()
    for server in (two.here, two.there):
        asked_at, name = changed_at, ""
        while name != "Eve":
            assert asked_at - changed_at <= BOUND
            asked_at = clock.now()
            name = Browser(server.url, browser.cookies).get("/session").json["user"]["name"]

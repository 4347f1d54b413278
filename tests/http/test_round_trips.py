"""How often PostgreSQL is asked: what makes a sign-in quick, and a session check nearly free."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from authingo import HookConnection, User
from authingo.config import Settings
from authingo.mail.inbox import Inbox
from authingo.mail.settings import sends_mail, with_inbox
from authingo.stores.postgres import PostgresStore, connections
from authingo.stores.postgres.connecting import connect
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.lookups import Lookups
from tests.database import execute
from tests.server import ADA, Answer, LiveServer


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the database was asked for, as it is asked."""
    trips: list[str] = []
    lend, ask = Connections.connection, Lookups._ask

    @contextlib.asynccontextmanager
    async def counting_lend(self: PostgresStore, **options: Any) -> AsyncIterator[Any]:
        trips.append("transaction")
        async with lend(self, **options) as connection:
            yield connection

    async def counting_ask(self: Lookups, *arguments: Any) -> Any:
        trips.append("lookup")
        return await ask(self, *arguments)

    monkeypatch.setattr(Connections, "connection", counting_lend)
    monkeypatch.setattr(Lookups, "_ask", counting_ask)
    return trips


def trips(asked: list[str], answer: Callable[[], Answer], status: int = 200) -> list[str]:
    asked.clear()
    assert answer().status == status
    return list(asked)


@pytest.fixture(params=["without mail", "with mail"])
def counted(
    request: pytest.FixtureRequest, make_settings: Callable[..., Settings]
) -> Iterator[LiveServer]:
    """A server whose requests alone ask the database: no mail is delivered meanwhile."""

    def settings(url: str) -> Settings:
        made = make_settings(public_url=url, sessions={"cache": "0"}, trusted_proxies=["127.0.0.1"])
        with_mail = request.param == "with mail"
        return with_inbox(made, Inbox(), by_itself=False) if with_mail else made

    server = LiveServer(settings)
    yield server
    server.stop()


def test_each_route_asks_no_more_than_it_has_to(counted: LiveServer, asked: list[str]) -> None:
    """Each is one transaction; what is read before a password is hashed is another.

    With mail on, a sign-up queues one in its own transaction.
    """
    server = counted
    browser = server.browser()
    far = {"X-Forwarded-For": "192.0.2.7"}  # an address that is counted
    sign_in = {"email": ADA["email"], "password": ADA["password"]}
    wrong = {**sign_in, "password": "something else"}
    nobody = {**wrong, "email": "nobody@example.com"}
    once, twice = ["transaction"], ["transaction"] * 2
    browser.post("/sign-in", nobody)  # asks as well, once a minute, what the slowest hash costs

    assert trips(asked, lambda: browser.post("/sign-up", ADA, headers=far)) == twice
    assert trips(asked, lambda: browser.post("/sign-up", ADA, headers=far), 409) == once
    assert trips(asked, lambda: browser.post("/sign-in", sign_in, headers=far)) == twice
    assert trips(asked, lambda: browser.post("/sign-in", wrong, headers=far), 401) == twice
    assert trips(asked, lambda: browser.post("/sign-in", nobody, headers=far), 401) == twice
    assert trips(asked, lambda: browser.post("/refresh")) == once
    assert trips(asked, lambda: browser.get("/session")) == ["lookup"]
    again, not_again = {"password": ADA["password"]}, {"password": "something else"}
    checked = ["lookup", *twice]
    assert trips(asked, lambda: browser.post("/reauthenticate", again, headers=far)) == checked
    assert (
        trips(asked, lambda: browser.post("/reauthenticate", not_again, headers=far), 403)
        == checked
    )
    changed = {"current_password": ADA["password"], "new_password": "a whole new sentence"}
    assert trips(asked, lambda: browser.post("/change-password", changed, headers=far)) == [
        *checked,
        "transaction",
    ]
    assert trips(asked, lambda: browser.get("/health")) == once
    queued = execute(server.database_url, "SELECT kind FROM authingo_mails ORDER BY id")
    with_mail = sends_mail(server.auth.settings)
    assert [kind for (kind,) in queued] == ["verify_email", "password_changed"] * with_mail


def test_a_sign_up_with_a_hook_takes_four_round_trips(
    serve: Callable[..., LiveServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Besides the statements of the hook: count, BEGIN, INSERT, COMMIT."""
    sent, hooked = list[str](), list[str]()

    async def connect_and_log(*arguments: Any, **options: Any) -> Any:
        connection = await connect(*arguments, **options)
        connection.add_query_logger(lambda record: sent.append(record.query.split(maxsplit=1)[0]))
        return connection

    monkeypatch.setattr(connections, "connect", connect_and_log)
    server = serve(sessions={"cache": "0"})
    server.browser().sign_up(email="grace@example.com")  # connects, and prepares the statements
    sent.clear()
    server.browser().sign_up()
    without = list(sent)
    sent.clear()

    @server.auth.within("user_created")
    async def hook(user: User, _: HookConnection) -> None:
        hooked.append(user.email)

    server.browser().sign_up(email="eve@example.com")
    assert hooked == ["eve@example.com"]
    assert without == ["SELECT", "WITH"]
    assert sent == ["SELECT", "BEGIN;", "WITH", "COMMIT;"]


def test_a_sign_in_that_ends_another_session_asks_no_more(
    serve: Callable[..., LiveServer], asked: list[str]
) -> None:
    """Of a user who has as many as there may be: the event that one ended included."""
    server = serve(sessions={"max_per_user": 1})
    server.browser().sign_up()
    sign_in = {"email": ADA["email"], "password": ADA["password"]}
    server.browser().post("/sign-in", sign_in)  # asks as well what the slowest hash costs
    assert trips(asked, lambda: server.browser().post("/sign-in", sign_in)) == ["transaction"] * 2
    names = execute(server.database_url, "SELECT name FROM authingo_events ORDER BY id")
    assert [name for (name,) in names] == ["sign_up", *["sign_in", "session_evicted"] * 2]


def test_a_check_of_a_session_in_memory_asks_nothing(server: LiveServer, asked: list[str]) -> None:
    browser = server.browser()
    browser.sign_up()
    token = browser.cookies["authingo_session"]
    deadline = time.monotonic() + 30
    while server.auth.recall(token.encode()) is None:  # the first heartbeat has to come back
        assert browser.get("/session").status == 200
        assert time.monotonic() < deadline
    asked.clear()
    for _ in range(20):
        assert browser.get("/session").status == 200
    assert "lookup" not in asked

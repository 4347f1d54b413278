"""Commands rest beside others who use the database, and work at full speed otherwise."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from authingo import Auth, clock
from authingo.config import settings_from
from tests.command import Runner, Served
from tests.database import age_sessions, execute
from tests.postgres import PostgresServer

pacing = importlib.import_module("authingo.cli.pacing")

USERS = "".join(json.dumps({"email": f"u{n}@example.com"}) + "\n" for n in range(200))


@pytest.fixture(autouse=True)
def _later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second pass with each look at the clock, so that each step looks who is connected."""
    seconds = iter(range(1_000_000_000))
    monkeypatch.setattr(clock, "now", lambda: float(next(seconds)))


def with_auth(url: str, work: Callable[[Auth], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        auth = Auth(settings_from({"database_url": url}))
        try:
            await auth.open()
            return await work(auth)
        finally:
            await auth.close()

    return asyncio.run(run())


def import_users(authingo: Runner, *options: str) -> list[str]:
    """Import 200 users, who exist the second time; return for whom it rested."""
    ran = authingo("users", "import", "-", "--json", *options, stdin=USERS)
    assert ran.code == 0, ran.err
    rested_for: list[str] = ran.json["rested_for"]
    return rested_for


def test_commands_rest_only_beside_others_or_if_asked(authingo: Runner) -> None:
    assert import_users(authingo) == []
    server = Served(authingo)
    try:
        found = import_users(authingo)
        assert found == ["authingo"] or found == [f"process {server.process.pid}"]
        assert import_users(authingo, "--pace", "full") == []
        assert authingo("sessions", "prune", "--json", "--pace", "full").json["rested_for"] == []
    finally:
        server.end()


def test_lists_and_exports_are_the_same_at_each_pace(authingo: Runner) -> None:
    assert import_users(authingo) == []
    for command in (("list", "--csv"), ("list", "--json"), ("export",), ("export", "--csv")):
        shown = authingo("users", *command).out
        for pace in ("full", "gentle"):
            assert authingo("users", *command, "--pace", pace).out == shown
        assert all(re.search(rf"\bu{n}@example\.com", shown) for n in range(200))


def test_a_server_that_starts_or_ends_meanwhile_is_noticed(authingo: Runner) -> None:
    async def work(auth: Auth) -> None:
        alone = pacing.Alone(auth, None)
        assert await alone()
        server = Served(authingo)
        try:
            assert not await alone()
        finally:
            server.end()
        assert alone.rested_for in (["authingo"], [f"process {server.process.pid}"])
        while not await alone():
            await asyncio.sleep(0.01)

    with_auth(authingo.env["AUTHINGO_DATABASE_URL"], work)


def test_prune_begins_to_rest_when_a_server_starts(
    authingo: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, rests, servers = authingo.env["AUTHINGO_DATABASE_URL"], list[bool](), list[Served]()
    sleep = asyncio.sleep

    def note_rest(seconds: float) -> Awaitable[None]:
        rests.append(seconds > 0)
        return sleep(0)

    def start_at_the_third(_: int) -> None:
        if len(rests) == 3:
            monkeypatch.setattr(asyncio, "sleep", sleep)
            servers.append(Served(authingo))
            monkeypatch.setattr(asyncio, "sleep", note_rest)

    async def work(auth: Auth) -> None:
        (user,) = await auth.list_users(limit=1)
        for _ in range(9):
            await auth.begin_session(user)
        age_sessions(url, timedelta(days=99).total_seconds())
        monkeypatch.setattr(asyncio, "sleep", note_rest)
        alone = pacing.Alone(auth, None)
        assert await auth.prune(batch_size=1, is_alone=alone, done=start_at_the_third) == 9
        monkeypatch.setattr(asyncio, "sleep", sleep)

    import_users(authingo)
    try:
        with_auth(url, work)
    finally:
        for server in servers:
            server.end()
    assert rests[:3] == [False] * 3
    assert all(rests[3:])
    assert len(rests) >= 9


def test_who_is_connected_shows_without_any_right_to_see_it(
    postgres: PostgresServer, postgres_url: str
) -> None:
    """An application's own database role cannot see what other roles do."""
    execute(postgres_url, "CREATE ROLE stranger LOGIN")
    theirs = postgres_url.replace("//authingo@", "//stranger@")
    try:

        async def work(auth: Auth) -> None:
            assert await auth.store.maintenance.others() == []
            await auth.ping()
            owner = Auth(settings_from({"database_url": f"{postgres_url}&application_name=shop"}))
            await owner.ping()
            assert await auth.store.maintenance.others() == ["shop"]
            await owner.close()

        execute(postgres_url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO stranger")
        with_auth(theirs, work)
    finally:
        execute(postgres_url, "DROP OWNED BY stranger")
        execute(postgres_url, "DROP ROLE stranger")


def test_they_rest_where_nobody_knows_who_is_connected(
    authingo: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(auth: Auth) -> None:
        if auth.store.embedded:
            monkeypatch.setattr(sys, "platform", "aix")
        else:
            await auth.close()
        alone = pacing.Alone(auth, None)
        assert not await alone()
        assert alone.rested_for == ["unknown"]

    with_auth(authingo.env["AUTHINGO_DATABASE_URL"], work)

"""Hooks inside a transaction, through HTTP: what the browser gets, and what the database has."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from authingo import Auth, HookConnection, Refused, User
from tests.database import execute
from tests.server import ADA, LiveServer

_MEMBERS = """
CREATE TABLE members (
    user_id text PRIMARY KEY REFERENCES authingo_users (id), email text NOT NULL UNIQUE
)"""
_JOIN = "INSERT INTO members VALUES ($1, $2)"


@pytest.fixture
def server(serve: Callable[..., LiveServer]) -> LiveServer:
    """A server of an application that keeps a table of its own."""
    server = serve()
    execute(server.database_url, _MEMBERS)
    return server


@pytest.fixture
def members(server: LiveServer) -> Callable[[], list[str]]:
    """What the table has."""
    return lambda: [email for (email,) in execute(server.database_url, "SELECT email FROM members")]


def users(server: LiveServer) -> int:
    return len(execute(server.database_url, "SELECT id FROM authingo_users"))


async def join(user: User, connection: HookConnection) -> None:
    await connection.execute(_JOIN, user.id, user.email)


def test_a_row_of_your_own_comes_and_goes_with_the_user(
    server: LiveServer, members: Callable[[], list[str]]
) -> None:
    @server.auth.within("user_deleted")
    async def leave(user: User, connection: HookConnection) -> None:
        await connection.execute("DELETE FROM members WHERE user_id = $1", user.id)

    server.auth.within("user_created")(join)
    server.browser().sign_up()
    assert members() == [ADA["email"]]

    async def delete() -> None:
        await server.auth.delete_user(await server.auth.find_user(ADA["email"]))

    asyncio.run_coroutine_threadsafe(delete(), server._server._loop).result(30)
    assert (users(server), members()) == (0, [])


def test_what_a_hook_raises_is_the_answer_and_nothing_happened(
    server: LiveServer, members: Callable[[], list[str]]
) -> None:
    errors: list[Exception] = []

    @server.auth.within("user_created")
    async def hook(user: User, connection: HookConnection) -> None:
        await join(user, connection)
        if errors:
            raise errors.pop()

    browser = server.browser()
    errors.append(Refused("no_room", "There is no room.", 409))
    refused = browser.post("/sign-up", ADA)
    assert (refused.status, refused.json) == (
        409,
        {"code": "no_room", "message": "There is no room."},
    )
    assert not refused.tokens
    errors.append(LookupError("a mistake"))
    assert browser.post("/sign-up", ADA).status == 500
    assert (users(server), members()) == (0, [])
    browser.sign_up()
    assert members() == [ADA["email"]]


def test_your_own_constraint_is_a_mistake_of_yours(
    server: LiveServer, members: Callable[[], list[str]]
) -> None:
    """It is no failure of the database, so it is a 500 with a traceback, no 503."""
    server.auth.within("user_created")(join)
    server.browser().sign_up()
    execute(server.database_url, "UPDATE members SET email = 'grace@example.com'")
    answer = server.browser().post("/sign-up", {**ADA, "email": "grace@example.com"})
    assert answer.status == 500
    assert users(server) == 1
    assert members() == ["grace@example.com"]


def test_a_hook_that_hangs_changes_nothing(serve: Callable[..., LiveServer]) -> None:
    """On SQLite, nothing else is written until then."""
    server = serve(store={"timeout": "400ms"})
    hanging = [True]

    @server.auth.within("user_created")
    async def hook(_: User, __: HookConnection) -> None:
        if hanging:
            await asyncio.sleep(60)

    answer = server.browser().post("/sign-up", ADA)
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert users(server) == 0
    hanging.clear()
    server.browser().sign_up()


def test_nothing_happened_if_the_server_is_killed_inside(
    make_settings: Callable[..., Any], tmp_path: Path
) -> None:
    url = make_settings().database_url
    execute(url, _MEMBERS)
    program = f"""
import asyncio, os, signal
from authingo import Auth, HookConnection, User
from authingo.config import settings_from

auth = Auth(settings_from({{"database_url": {url!r}, "passwords": {{"bcrypt_cost": 4}}}}))

@auth.within("user_created")
async def hook(user: User, connection: HookConnection) -> None:
    await connection.execute({_JOIN!r}, user.id, user.email)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(auth.sign_up(email="ada@example.com", password="correct horse battery", name="Ada"))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    assert execute(url, "SELECT id FROM authingo_users") == []
    assert execute(url, "SELECT user_id FROM members") == []


def test_an_eviction_clears_the_rows_of_the_one_before(
    server: LiveServer, members: Callable[[], list[str]]
) -> None:
    @server.auth.within("user_evicted")
    async def clear(user: User, connection: HookConnection) -> None:
        await connection.execute("DELETE FROM members WHERE user_id = $1", user.id)

    server.auth.within("user_created")(join)
    server.browser().sign_up()

    async def evict() -> None:
        await server.auth.verify_email(await server.auth.find_user(ADA["email"]), evict=True)

    asyncio.run_coroutine_threadsafe(evict(), server._server._loop).result(30)
    assert (users(server), members()) == (1, [])


def test_calling_authingo_inside_fails_at_once(server: LiveServer) -> None:
    """Otherwise it would wait for its own transaction, or miss what that has written."""
    said: list[str] = []

    @server.auth.within("user_created")
    async def hook(user: User, _: HookConnection) -> None:
        try:
            await server.auth.find_user(user)
        except RuntimeError as error:
            said.append(str(error))
            raise

    assert server.browser().post("/sign-up", ADA).status == 500
    assert "cannot be called inside a `within` hook" in said[0]


def test_only_coroutine_functions_are_hooks(make_settings: Callable[..., Any]) -> None:
    wrong: Any = print
    with pytest.raises(TypeError, match="async def"):
        Auth(make_settings()).within("user_created")(wrong)

"""Hooks that get events: after the commit, off the request; and those that miss none."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from authingo import Auth, Event
from authingo.attempts import Outcome
from authingo.config import Settings
from authingo.hooks import durable, listeners
from authingo.stores import open_store
from tests.command import Runner
from tests.database import execute
from tests.server import ADA, LiveServer
from tests.waiting import until

Serving = Callable[..., LiveServer]


def test_a_hook_gets_the_event_after_the_answer(start: Any) -> None:
    """fastapi-users calls on_after_register in the request, and a failure there is a 500."""
    goes_on, seen = threading.Event(), list[tuple[Event, str]]()

    def add(auth: Auth) -> None:
        @auth.on("sign_up", "user_created")
        async def welcome(event: Event) -> None:
            await asyncio.to_thread(goes_on.wait)
            user = await auth.find_user(event.user_id or "")
            seen.append((event, user.email))

    server = start(add)
    answer = server.browser().sign_up()
    assert not seen
    goes_on.set()
    until(lambda: seen, "the hook was not called")
    event, email = seen[0]
    assert (event.name, event.user_id, email) == (
        "sign_up",
        answer.json["user"]["id"],
        ADA["email"],
    )


def test_a_hook_that_fails_or_hangs_harms_nobody(
    start: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listeners, "LONGEST", 0.05)
    seen: list[str] = []

    def add(auth: Auth) -> None:
        @auth.on("sign_up")
        async def fails(_: Event) -> None:
            raise LookupError("a mistake")

        @auth.on("sign_up")
        async def hangs(_: Event) -> None:
            await asyncio.sleep(60)

        @auth.on("sign_up")
        async def works(event: Event) -> None:
            seen.append(event.name)

    with caplog.at_level(logging.ERROR, "authingo"):
        start(add).browser().sign_up()
        until(lambda: seen, "the third hook was not called")
        until(lambda: "TimeoutError" in caplog.text, "the second hook still runs")
    assert "a hook for sign_up failed" in caplog.text
    assert "a mistake" in caplog.text


def test_too_many_calls_are_dropped(
    start: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """A hook that hangs must not fill the memory."""
    monkeypatch.setattr(listeners, "_MOST", 2)
    goes_on, seen = threading.Event(), list[str]()

    def add(auth: Auth) -> None:
        @auth.on("sign_out")
        async def slow(event: Event) -> None:
            seen.append(event.id)
            await asyncio.to_thread(goes_on.wait)

    browser = start(add).browser()
    for _ in range(3):
        assert browser.post("/sign-up", {**ADA, "email": f"a{_}@example.com"}).status == 200
        assert browser.post("/sign-out").status == 200
    goes_on.set()
    assert len(seen) == 2
    assert "are too slow" in caplog.text


@pytest.mark.usefixtures("quick")
def test_a_durable_hook_gets_what_the_command_line_did(start: Any, tmp_path: Path) -> None:
    seen: list[str | None] = []

    def add(auth: Auth) -> None:
        @auth.on("user_created", "sign_up", durable="welcome")
        async def welcome(event: Event) -> None:
            seen.append(event.user_id)

    server = start(add)
    server.browser().sign_up()
    run = Runner(tmp_path, AUTHINGO_DATABASE_URL=server.database_url)
    assert run("users", "create", "grace@example.com", "--generate-password").code == 0
    until(lambda: len(seen) == 2, f"{seen}")
    (grace,) = execute(
        server.database_url, "SELECT id FROM authingo_users WHERE email = 'grace@example.com'"
    )
    assert seen[1] == grace[0]


@pytest.mark.usefixtures("quick")
def test_a_durable_hook_that_fails_is_called_again_and_the_others_wait(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    calls, failures = list[str | None](), [LookupError("one"), LookupError("two")]

    def add(auth: Auth) -> None:
        @auth.on("sign_up", durable="welcome")
        async def welcome(event: Event) -> None:
            calls.append(event.user_id)
            if failures:
                raise failures.pop()

    server = start(add)
    ids = [
        server.browser().sign_up(email=f"user-{number}@example.com").json["user"]["id"]
        for number in range(2)
    ]
    until(lambda: len(calls) == 4, f"{calls}")
    assert calls == [ids[0]] * 3 + [ids[1]]
    assert "the hook welcome failed, and is called again" in caplog.text


@pytest.mark.usefixtures("quick")
def test_of_several_workers_one_handles_an_event(start: Any) -> None:
    """And when it stops, another one goes on."""
    seen: list[tuple[int, str | None]] = []

    def adding(worker: int) -> Callable[[Auth], None]:
        def add(auth: Auth) -> None:
            @auth.on("sign_up", durable="welcome")
            async def welcome(event: Event) -> None:
                seen.append((worker, event.user_id))

        return add

    servers = [start(adding(number)) for number in range(2)]
    ids = [
        servers[number % 2].browser().sign_up(email=f"user-{number}@example.com").json["user"]["id"]
        for number in range(6)
    ]
    until(lambda: len(seen) == 6, f"{seen}")
    assert [user for _, user in seen] == ids
    assert {worker for worker, _ in seen} == {0}
    servers[0].stop()
    ids.append(servers[1].browser().sign_up().json["user"]["id"])
    until(lambda: len(seen) == 7, f"{seen}")
    assert seen[-1] == (1, ids[-1])


_PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path

from authingo import Auth, Event, HookConnection, Refused, User
from authingo.config import settings_from

auth = Auth(settings_from({{"database_url": {url!r}, "passwords": {{"bcrypt_cost": 4}}}}))
done = asyncio.Event()


@auth.on("user_created", durable="welcome")
async def welcome(event: Event) -> None:
    with Path("calls").open("a") as file:
        file.write(f"{{event.user_id}}\\n")
    if sys.argv[1] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    done.set()


async def main() -> None:
    async with auth.lifespan():
        if sys.argv[1] == "dies":
            await auth.create_user(email="ada@example.com")
        await asyncio.wait_for(done.wait(), 30)


asyncio.run(main())
"""


def test_an_event_survives_kill_9(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    """Another process handles it when the lease of the one that was killed is over."""
    url = make_settings().database_url
    command = [sys.executable, "-c", _PROGRAM.format(url=url)]
    died = subprocess.run([*command, "dies"], cwd=tmp_path, check=False)
    assert died.returncode == -signal.SIGKILL
    past = "0" if url.startswith("sqlite") else "now()"
    execute(url, f"UPDATE authingo_cursors SET leased_until = {past}")
    subprocess.run([*command, "lives"], cwd=tmp_path, check=True)
    (user,) = execute(url, "SELECT id FROM authingo_users")
    assert (tmp_path / "calls").read_text().split() == [user[0]] * 2


def test_doctor_names_a_hook_that_stands_still(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    url = make_settings().database_url
    hours = {"welcome": 5, "other": 0}

    async def make() -> None:
        auth = Auth(make_settings())
        await auth.open()
        for name in hours:
            await auth.store.cursors.take(name, lease=durable.LEASE)
        await auth.close()

    asyncio.run(make())
    doctor = Runner(tmp_path, AUTHINGO_DATABASE_URL=url)
    found = {one["name"]: one for one in doctor("doctor", "--json").json["checks"]}
    assert found["hooks"]["message"] == "2 durable hooks read on"
    ago = "- 18000000000" if url.startswith("sqlite") else "- interval '5 hours'"
    execute(url, f"UPDATE authingo_cursors SET moved_at = moved_at {ago} WHERE name = 'welcome'")
    found = {one["name"]: one for one in doctor("doctor", "--json").json["checks"]}
    assert found["hooks"]["status"] == "warn"
    assert found["hooks"]["message"] == "durable hooks stand still: welcome for 5 hours"


def test_after_a_restore_into_another_server_the_unread_events_are_read(postgres_url: str) -> None:
    """Its transactions have smaller numbers than those of the events that came along."""

    async def run() -> None:
        store = open_store(Settings(database_url=postgres_url))
        await store.open(create=False)
        lease = await store.cursors.take("welcome", lease=durable.LEASE)
        assert lease is not None
        read, unread, new = (Event(at=datetime.now(UTC), name="sign_up") for _ in range(3))
        for event in (read, unread):
            await store.events.record(Outcome(events=(event,)))
        await store.cursors.move(lease, read)
        await store.cursors.release(lease)
        for table in ("events", "cursors"):
            far = f"UPDATE authingo_{table} SET xid = (xid::text::bigint + 1000000000)::text::xid8"
            await asyncio.to_thread(execute, postgres_url, far)
        await asyncio.to_thread(
            execute,
            postgres_url,
            f"UPDATE authingo_events SET at = now() - interval '1 hour' WHERE id = '{read.id}'",
        )
        await store.events.record(Outcome(events=(new,)))
        lease = await store.cursors.take("welcome", lease=durable.LEASE)
        assert lease is not None
        found = []
        while unseen := await store.cursors.read(lease, ["sign_up"], renew=durable.LEASE):
            found.append(unseen.id)
            await store.cursors.move(lease, unseen)
        assert found == [unread.id, new.id]
        await store.close()

    asyncio.run(run())


def test_only_events_that_exist_can_be_asked_for(make_settings: Callable[..., Settings]) -> None:
    async def hook(_: Event) -> None:
        raise AssertionError("never")

    auth = Auth(make_settings())
    auth.on("sign_up", durable="welcome")(hook)
    for names, options in (
        (["sign_upp"], {}),
        ([], {}),
        (["sign_up"], {"durable": "welcome"}),
        (["sign_up"], {"durable": "No name"}),
    ):
        with pytest.raises(ValueError, match="on: "):
            auth.on(*names, **options)(hook)
    wrong: Any = print
    with pytest.raises(TypeError, match="async def"):
        auth.on("sign_up")(wrong)

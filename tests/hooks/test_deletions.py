"""Where a server has a hook for "user_deleted", only a server deletes users."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from authingo import Auth, HookConnection, Refused, User
from authingo.config import Settings
from tests.command import Runner
from tests.database import execute
from tests.mail.inbox import mail_settings, wait_for
from tests.mail.server import SMTPServer
from tests.server import ADA, LiveServer
from tests.waiting import until


def without_hooks(settings: Settings, work: Callable[[Auth], Awaitable[object]]) -> None:
    """Do what the command line does."""

    async def run() -> None:
        auth = Auth(settings)
        await auth.open()
        await work(auth)
        await auth.close()

    asyncio.run(run())


def let_the_time_pass(url: str) -> None:
    past = "1" if url.startswith("sqlite") else "now() - interval '1 day'"
    execute(url, f"UPDATE authingo_users SET delete_at = {past} WHERE delete_at IS NOT NULL")


def emails(url: str) -> list[str]:
    return [one for (one,) in execute(url, "SELECT email FROM authingo_users ORDER BY id")]


def takes_part(auth: Auth) -> None:
    @auth.within("user_deleted")
    async def strike(_: User, __: HookConnection) -> None:
        pass


@pytest.mark.usefixtures("quick")
def test_a_server_deletes_whom_the_command_line_wants_to_delete(start: Any, tmp_path: Path) -> None:
    """Because the command line has no hooks, and rows of the application would stay."""
    asked = list[str]()

    def add(auth: Auth) -> None:
        @auth.within("user_deleted")
        async def strike(user: User, connection: HookConnection) -> None:
            asked.append(user.email)
            if user.email == "eve@example.com":
                raise Refused("not_eve", "She stays.")

    server = start(add)
    run = Runner(tmp_path, AUTHINGO_DATABASE_URL=server.database_url)
    for email in ("eve@example.com", ADA["email"]):
        server.browser().sign_up(email=email)
        deleted = run("users", "delete", email, "--yes")
        assert deleted.code == 0
        assert f"disabled {email}" in " ".join((deleted.out + deleted.err).split())
    statement = "SELECT email FROM authingo_users WHERE disabled_at IS NOT NULL"
    until(lambda: len(asked) == 2, f"{asked}")
    until(
        lambda: execute(server.database_url, statement) == [("eve@example.com",)],
        "the user was not deleted",
    )
    assert asked == ["eve@example.com", ADA["email"]]


@pytest.mark.usefixtures("quick")
def test_pruning_leaves_the_deletions_that_are_due_to_a_server(start: Any, tmp_path: Path) -> None:
    asked = list[str]()

    def add(auth: Auth) -> None:
        @auth.within("user_deleted")
        async def strike(user: User, _: HookConnection) -> None:
            asked.append(user.email)

    server = start(add)
    server.browser().sign_up()
    past = "1" if server.database_url.startswith("sqlite") else "now() - interval '1 minute'"
    execute(server.database_url, f"UPDATE authingo_users SET delete_at = {past}")
    run = Runner(tmp_path, AUTHINGO_DATABASE_URL=server.database_url)
    assert run("sessions", "prune").code == 0
    until(
        lambda: not execute(server.database_url, "SELECT id FROM authingo_users"),
        "the user was not deleted",
    )
    assert asked == [ADA["email"]]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "ways", ["prune keep disable", "delete keep", "delete enable disable", "delete keep enable"]
)
def test_whom_an_operator_keeps_is_not_deleted(
    make_settings: Callable[..., Settings], start: Any, ways: str
) -> None:
    """Whatever happens to the user until a server runs that can delete."""
    settings = make_settings()
    start(takes_part).stop()  # so that the others know of the hook

    async def work(auth: Auth) -> None:
        ada = await auth.create_user(email=ADA["email"])
        if ways.startswith("prune"):
            past = "1" if settings.database_url.startswith("sqlite") else "now()"
            statement = f"UPDATE authingo_users SET delete_at = {past}"
            await asyncio.to_thread(execute, settings.database_url, statement)
        steps: dict[str, Callable[[], Awaitable[object]]] = {
            "prune": auth.prune,
            "delete": lambda: auth.delete_user(ada),
            "keep": lambda: auth.cancel_deletion(ada),
            "enable": lambda: auth.enable_user(ada),
            "disable": lambda: auth.disable_user(ada),
        }
        for way in ways.split():
            await steps[way]()
        assert (await auth.find_user(ada)).delete_at is None
        await auth.delete_user(await auth.create_user(email="last@example.com"))

    without_hooks(settings, work)
    start(takes_part)
    until(lambda: "last@example.com" not in emails(settings.database_url), "no server deletes")
    assert emails(settings.database_url) == [ADA["email"]]


@pytest.mark.usefixtures("quick")
def test_a_mail_tells_the_user_whom_a_server_deletes(start: Any) -> None:
    """But not one whom an operator deletes."""
    with SMTPServer() as mails:
        server: LiveServer = start(
            takes_part, mail=mail_settings(mails), users={"deletion_grace": "7d"}
        )
        url = server.database_url
        for email in ("spam@example.com", ADA["email"]):
            browser = server.browser()
            browser.sign_up(email=email)
            if email == ADA["email"]:
                browser.request("DELETE", "/user", cookies=browser.cookies)
        wait_for(mails, 1)

        async def delete(auth: Auth) -> None:
            assert not await auth.delete_user(await auth.find_user("spam@example.com"))

        without_hooks(server.auth.settings, delete)
        until(lambda: emails(url) == [ADA["email"]], "no server deletes")
        let_the_time_pass(url)
        without_hooks(server.auth.settings, lambda auth: auth.prune())
        until(lambda: not emails(url), "no server deletes")
        last = wait_for(mails, 2)[-1]
        assert last.message["Subject"] == "Your account at Example was deleted"
        assert [one.recipients for one in mails.received] == [[ADA["email"]]] * 2


@pytest.mark.parametrize("fails", ["hangs", "raises"])
def test_a_hook_that_fails_for_one_user_does_not_stop_the_others(
    make_settings: Callable[..., Settings],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fails: str,
) -> None:
    """That user is tried again later, the log says it once, and doctor names them."""
    settings, asked = make_settings(store={"timeout": "500ms"}), list[str]()

    async def work() -> None:
        auth = Auth(settings)

        @auth.within("user_deleted")
        async def strike(user: User, _: HookConnection) -> None:
            asked.append(user.email)
            if user.email == ADA["email"]:
                await asyncio.sleep(60 if fails == "hangs" else 0)
                raise ValueError("a mistake")

        async with auth.lifespan():
            for email in (ADA["email"], "bob@example.com"):
                await auth.create_user(email=email)
            statement = "UPDATE authingo_users SET delete_at = created_at"
            await asyncio.to_thread(execute, settings.database_url, statement)
            await auth.prune()
            await auth.prune()

    asyncio.run(work())
    assert emails(settings.database_url) == [ADA["email"]]
    assert asked == [ADA["email"], "bob@example.com"]
    assert caplog.text.count("was not deleted") == 1
    doctor = Runner(tmp_path, AUTHINGO_DATABASE_URL=settings.database_url)
    assert "deletions" not in {one["name"] for one in doctor("doctor", "--json").json["checks"]}
    let_the_time_pass(settings.database_url)
    found = {one["name"]: one for one in doctor("doctor", "--json").json["checks"]}
    assert found["deletions"]["status"] == "warn"
    assert "usr_" in found["deletions"]["message"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("fails", ["hangs", "raises"])
def test_what_the_command_line_leaves_to_a_server_does_not_wait_either(
    make_settings: Callable[..., Settings], start: Any, fails: str
) -> None:
    asked = list[str]()

    def add(auth: Auth) -> None:
        @auth.within("user_deleted")
        async def strike(user: User, _: HookConnection) -> None:
            asked.append(user.email)
            if user.email == ADA["email"]:
                await asyncio.sleep(60 if fails == "hangs" else 0)
                raise ValueError("a mistake")

    server: LiveServer = start(add, store={"timeout": "500ms"})

    async def work(auth: Auth) -> None:
        for email in (ADA["email"], "bob@example.com"):
            await auth.delete_user(await auth.create_user(email=email))

    without_hooks(make_settings(), work)
    until(lambda: emails(server.database_url) == [ADA["email"]], f"{asked}")
    assert asked == [ADA["email"], "bob@example.com"]

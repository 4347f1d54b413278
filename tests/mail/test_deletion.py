"""Users delete their own accounts, at once or after a while, and can change their mind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from authingo import Auth
from authingo.testing import login_as
from tests.command import Runner
from tests.database import execute, run_script
from tests.documents import blocks, read
from tests.mail.inbox import link_in, mail_settings, text_of, token_in, wait_for
from tests.mail.server import SMTPServer
from tests.server import ADA, Answer, Browser, LiveServer

GRACE = {"deletion_grace": "7d"}
CREDENTIALS = {"email": ADA["email"], "password": ADA["password"]}
Serve = Callable[..., LiveServer]


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def server(mails: SMTPServer, serve: Serve) -> LiveServer:
    return serve(mail=mail_settings(mails), users=GRACE)


def delete(browser: Browser) -> Answer:
    return browser.request("DELETE", "/user", cookies=browser.cookies)


def undo(browser: Browser, token: str, email: str = ADA["email"]) -> Answer:
    return browser.post("/user/undo-deletion", {"token": token, "email": email})


def users(server: LiveServer) -> int:
    return int(execute(server.database_url, "SELECT count(*) FROM authingo_users")[0][0])


def events(server: LiveServer) -> set[str]:
    return {name for (name,) in execute(server.database_url, "SELECT name FROM authingo_events")}


def prune(server: LiveServer, *, when_due: bool = True) -> None:
    """Let the time pass, and do what cron does."""
    if when_due:
        execute(
            server.database_url,
            "UPDATE authingo_users SET delete_at = created_at WHERE delete_at IS NOT NULL",
        )

    async def work() -> None:
        auth = Auth(server.auth.settings)
        await auth.open()
        await auth.prune()
        await auth.close()

    asyncio.run(work())


def test_an_account_is_deleted_at_once(mails: SMTPServer, serve: Serve) -> None:
    """With every session, and a mail that says so; the address is free again."""
    server = serve(mail=mail_settings(mails))
    browser, phone = server.browser(), server.browser()
    browser.sign_up()
    phone.sign_in()
    answer = delete(browser)
    assert (answer.status, answer.json) == (200, {"deleted": True, "delete_at": None})
    assert set(answer.tokens.values()) == {""}, "the cookies are cleared"
    assert phone.get("/session").code == "no_session"
    assert users(server) == 0
    (mail,) = wait_for(mails, 1)
    assert mail.message["Subject"] == "Your account at Example was deleted"
    assert (mail.recipients, "#token" in text_of(mail)) == ([ADA["email"]], False)
    assert delete(browser).code == "no_session", "where the answer was lost"
    assert server.browser().sign_up(name="Eve").json["user"]["name"] == "Eve"
    assert "user_deleted" in events(server)


def test_it_needs_a_recent_authentication(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    server.age_sessions(11 * 60)
    assert delete(browser).code == "reauthentication_required"
    assert users(server) == 1
    assert browser.get("/session").status == 200
    browser.post("/reauthenticate", {"password": ADA["password"]})
    assert delete(browser).status == 200


def test_it_can_be_switched_off(serve: Serve) -> None:
    server = serve(users={"deletion": False})
    browser = server.browser()
    browser.sign_up()
    assert delete(browser).code == "method_not_allowed"
    assert "delete" not in browser.get("/openapi.json", base="").json["paths"]["/api/auth/user"]
    assert undo(browser, "x").code == "not_found"


def test_within_the_grace_it_is_undone_with_the_mail(server: LiveServer, mails: SMTPServer) -> None:
    """Until then, signing in answers as for a disabled account."""
    browser, phone = server.browser(), server.browser()
    browser.sign_up()
    phone.sign_in()
    answer = delete(browser)
    assert (answer.json["deleted"], answer.json["delete_at"] > "2026") == (False, True)
    assert phone.get("/session").code == "no_session"
    assert browser.post("/sign-in", CREDENTIALS).code == "invalid_credentials"
    (mail,) = wait_for(mails, 1)
    assert link_in(mail).startswith(f"{server.url}/undo-deletion#token=")
    token = token_in(mail)
    prune(server, when_due=False)
    assert undo(phone, token, "eve@example.com").json["fields"].keys() == {"email"}
    assert undo(phone, "x" * 43).code == "invalid_token"
    assert undo(phone, token).json == {"success": True}
    assert undo(phone, token).code == "invalid_token"
    assert phone.sign_in().status == 200
    prune(server)
    assert users(server) == 1
    assert {"deletion_scheduled", "deletion_undone"} <= events(server)


def test_prune_carries_it_out(server: LiveServer, mails: SMTPServer) -> None:
    browser = server.browser()
    browser.sign_up()
    delete(browser)
    token = token_in(wait_for(mails, 1)[0])
    prune(server)
    assert users(server) == 0
    assert undo(browser, token).code == "invalid_token"
    assert wait_for(mails, 2)[1].message["Subject"] == "Your account at Example was deleted"


def test_a_user_whom_a_table_refers_to_stays(serve: Serve) -> None:
    """The answer says so, and names no table; a due deletion does not stop the others."""
    server = serve()
    ada, eve = server.browser(), server.browser()
    user_id = ada.sign_up().json["user"]["id"]
    eve.sign_up(email="eve@example.com")
    run_script(
        server.database_url,
        "CREATE TABLE secret_invoices (user_id text REFERENCES authingo_users (id));"
        f" INSERT INTO secret_invoices VALUES ('{user_id}')",
    )
    refused = delete(ada)
    assert (refused.status, refused.code) == (409, "user_referenced")
    assert b"invoices" not in refused.body
    assert ada.get("/session").status == 200, "nothing has changed"
    execute(server.database_url, "UPDATE authingo_users SET delete_at = created_at")
    prune(server)
    assert execute(server.database_url, "SELECT id FROM authingo_users") == [(user_id,)]
    assert ada.post("/sign-in", CREDENTIALS).code == "invalid_credentials"


def test_deletion_waits_while_a_change_of_address_can_be_undone(
    mails: SMTPServer, serve: Serve
) -> None:
    """Somebody who changed the address cannot leave its owner nothing to take back."""
    server = serve(mail=mail_settings(mails))
    thief, owner = server.browser(), server.browser()
    thief.sign_up()
    execute(server.database_url, "UPDATE authingo_users SET email_verified = NOT email_verified")
    thief.post("/change-email/request", {"new_email": "thief@example.com"})
    thief.post("/change-email", {"token": token_in(wait_for(mails, 1)[0])})
    wait_for(mails, 3)
    answer = delete(thief)
    assert answer.json["deleted"] is False
    prune(server, when_due=False)
    undoing = next(one for one in mails.received if one.recipients == [ADA["email"]])
    body = {"token": token_in(undoing), "email": ADA["email"]}
    assert owner.post("/change-email/undo", body).status == 200
    kept = execute(server.database_url, "SELECT email, delete_at FROM authingo_users")
    assert kept == [(ADA["email"], None)]


@pytest.mark.parametrize("verified", [False, True])
def test_the_owner_of_the_address_takes_it_from_who_signed_up_with_it(
    server: LiveServer, mails: SMTPServer, verified: bool
) -> None:
    """And from nobody else: the user of a verified address gets no mail but the one that undoes."""
    squatter, owner = server.browser(), server.browser()
    squatter.sign_up()
    if verified:
        execute(
            server.database_url, "UPDATE authingo_users SET email_verified = NOT email_verified"
        )
    delete(squatter)
    token_of_squatter = token_in(wait_for(mails, 1)[0])
    assert owner.post("/reset-password/request", {"email": ADA["email"]}).status == 200
    if verified:
        assert undo(owner, token_of_squatter).status == 200
        owner.post("/reset-password/request", {"email": ADA["email"]})
        assert "reset-password" in link_in(wait_for(mails, 2)[1]), "the first one was for nothing"
        return
    reset = {"token": token_in(wait_for(mails, 2)[1]), "new_password": "a third sentence"}
    assert owner.post("/reset-password", reset).status == 200
    assert undo(squatter, token_of_squatter).code == "invalid_token"
    assert owner.sign_in(password="a third sentence").status == 200


def test_an_operator_keeps_the_account(authingo: Runner, database_url: str) -> None:
    create = ("users", "create", ADA["email"], "--password-stdin", "--json")
    authingo(*create, stdin=f"{ADA['password']}\n")
    assert "nothing was changed" in authingo("users", "keep", ADA["email"]).err
    execute(database_url, "UPDATE authingo_users SET delete_at = created_at")
    assert "will be deleted after" in authingo("users", "show", ADA["email"]).out
    assert authingo("users", "list", "--json").json[0]["delete_at"]
    exported = authingo("users", "export").out
    assert authingo("users", "keep", ADA["email"], "--json").json["delete_at"] is None
    authingo("users", "delete", ADA["email"], "--yes")
    authingo("users", "import", "-", stdin=exported)
    assert authingo("users", "list", "--json").json[0]["delete_at"], "it is not forgotten"


def test_the_program_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "authingo.db"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTHINGO_DATABASE_URL", f"sqlite:///{file}")
    monkeypatch.setenv("NOTES", str(file))
    namespace: dict[str, Any] = {}
    exec(compile(blocks(read("docs/deletion.md"), "python")[0], "deletion.md", "exec"), namespace)
    with TestClient(namespace["app"], base_url="https://testserver") as client:
        for email in ("ada@example.com", "eve@example.com"):
            login_as(client, email)
            assert client.post("/notes", params={"text": email}).status_code == 200
        assert client.delete("/api/auth/user").json()["deleted"]
    url = f"sqlite:///{file}"
    assert execute(url, "SELECT text FROM notes") == [("ada@example.com",)]

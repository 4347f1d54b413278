"""Forgot your password? A link comes by mail, and its reader chooses a new password."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authingo import Auth
from tests.database import execute
from tests.mail.inbox import link_in, mail_settings, text_of, token_in, wait_for
from tests.mail.server import SMTPServer
from tests.server import ADA, Answer, Browser, LiveServer
from tests.waiting import until

NEW = "a whole new sentence"


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def server(mails: SMTPServer, serve: Callable[..., LiveServer]) -> LiveServer:
    return serve(mail=mail_settings(mails))


def ask(browser: Browser, email: str = ADA["email"]) -> Answer:
    return browser.post("/reset-password/request", {"email": email})


def reset(browser: Browser, token: str, new_password: str = NEW) -> Answer:
    return browser.post("/reset-password", {"token": token, "new_password": new_password})


def disable(server: LiveServer, user_id: str) -> None:
    execute(
        server.database_url,
        "UPDATE authingo_users SET disabled_at = created_at,"
        f" password_version = password_version + 1 WHERE id = '{user_id}'",
    )


def queued(server: LiveServer) -> int:
    return int(execute(server.database_url, "SELECT count(*) FROM authingo_mails")[0][0])


def event_names(server: LiveServer) -> list[str]:
    return [one for (one,) in execute(server.database_url, "SELECT name FROM authingo_events")]


def test_a_forgotten_password_is_reset(server: LiveServer, mails: SMTPServer) -> None:
    ada, phone, stranger = server.browser(), server.browser(), server.browser()
    ada.sign_up()
    assert phone.sign_in().status == 200
    asked = ask(stranger)
    assert (asked.status, asked.json, asked.tokens) == (200, {"sent": True}, {})
    (mail,) = wait_for(mails, 1)
    assert mail.recipients == [ADA["email"]]
    assert link_in(mail).startswith(f"{server.url}/reset-password#token=")
    answer = reset(stranger, token_in(mail))
    assert (answer.status, answer.json, answer.tokens) == (200, {"success": True}, {})
    assert [one.get("/session").code for one in (ada, phone, stranger)] == ["no_session"] * 3
    assert stranger.sign_in().code == "invalid_credentials"
    signed_in = stranger.sign_in(password=NEW)
    assert signed_in.json["user"]["email_verified"] is True
    notice = wait_for(mails, 2)[1]
    assert notice.recipients == [ADA["email"]]
    assert "127.0.0.1" in text_of(notice)
    assert "#token=" not in text_of(notice)
    assert "password_reset" in event_names(server)
    until(lambda: queued(server) == 0, "what was delivered is still queued")


def test_a_link_works_once_and_a_password_that_is_refused_spends_nothing(
    server: LiveServer, mails: SMTPServer
) -> None:
    browser = server.browser()
    browser.sign_up()
    ask(browser)
    token = token_in(wait_for(mails, 1)[0])
    for weak in ("short", "password1234", ADA["email"]):
        refused = reset(browser, token, weak)
        assert (refused.status, list(refused.json["fields"])) == (422, ["new_password"])
    assert reset(browser, token).status == 200
    again = reset(browser, token, "yet another sentence")
    assert (again.status, again.code) == (400, "invalid_token")
    assert browser.sign_in(password=NEW).status == 200


@pytest.mark.parametrize("change", ["password", "email", "disabled", "reset"])
def test_whatever_changes_the_account_ends_the_links_before(
    server: LiveServer, mails: SMTPServer, change: str
) -> None:
    browser = server.browser()
    user_id = browser.sign_up().json["user"]["id"]
    ask(browser)
    ask(browser)
    tokens = [token_in(one) for one in wait_for(mails, 2)]
    if change == "password":
        changed = {"current_password": ADA["password"], "new_password": "another sentence"}
        assert browser.post("/change-password", changed).status == 200
    elif change == "email":
        execute(
            server.database_url,
            "UPDATE authingo_users SET email = 'new@example.com',"
            f" password_version = password_version + 1 WHERE id = '{user_id}'",
        )
    elif change == "disabled":
        disable(server, user_id)
    else:
        assert reset(browser, tokens.pop()).status == 200
    for token in tokens:
        assert reset(browser, token, "a third sentence").code == "invalid_token"


def test_nothing_tells_whether_there_is_such_an_account(
    server: LiveServer, mails: SMTPServer
) -> None:
    """Not the answer, and not whether too many were asked for, or the account is disabled."""
    browser = server.browser()
    browser.sign_up()
    disabled = browser.sign_up(email="disabled@example.com").json["user"]["id"]
    disable(server, disabled)
    answers = [
        ask(server.browser(), email)
        for email in (
            *[ADA["email"]] * 5,
            "ADA@example.com",
            "ada+tag@example.com",
            "disabled@example.com",
            "unknown@example.com",
            "not an email",
        )
    ]
    assert {one.status for one in answers} == {200}
    assert {one.body for one in answers} == {b'{"sent":true}'}
    assert len({tuple(sorted(name for name, _ in one.headers)) for one in answers}) == 1
    until(lambda: queued(server) == 0, "the queue is not empty")
    assert [one.recipients for one in mails.received] == [[ADA["email"]]] * 3


def test_whoever_changes_a_password_is_told_to_its_owner(
    server: LiveServer, mails: SMTPServer
) -> None:
    """In a mail: the user's own change and that of an operator, but not an attempt that failed."""
    browser = server.browser()
    user_id = browser.sign_up().json["user"]["id"]
    wrong = {"current_password": "not the password", "new_password": NEW}
    assert browser.post("/change-password", wrong).code == "wrong_password"
    right = {"current_password": ADA["password"], "new_password": NEW}
    assert browser.post("/change-password", right).status == 200
    (own,) = wait_for(mails, 1)
    assert own.message["Subject"] == "Your password for Example was changed"
    assert "127.0.0.1" in text_of(own)

    async def set_password() -> None:
        auth = Auth(server.auth.settings)
        await auth.open()
        await auth.set_password(user_id, "another whole sentence")
        await auth.close()

    asyncio.run(set_password())
    assert "an operator" in text_of(wait_for(mails, 2)[1])


@pytest.mark.parametrize("signed_up", [False, True])
def test_who_asks_for_other_tags_of_an_address_keeps_nobody_from_resetting(
    server: LiveServer, mails: SMTPServer, signed_up: bool
) -> None:
    """Neither with a tag that has no account, nor with accounts that the attacker has made."""
    attacker = server.browser()
    server.browser().sign_up()
    for number in range(4):
        email = f"ada+{number}@example.com"
        if signed_up:
            attacker.sign_up(email=email)
        for _ in range(4):
            ask(attacker, email)
    ask(server.browser())
    until(lambda: queued(server) == 0, "the queue is not empty")
    recipients = [one.recipients[0] for one in mails.received]
    assert recipients.count(ADA["email"]) == 1
    assert len(recipients) == (4 if signed_up else 1)  # however many tags there are


def test_who_signed_up_with_the_address_of_another_is_evicted(
    server: LiveServer, mails: SMTPServer
) -> None:
    squatter, owner = server.browser(), server.browser()
    squatter.sign_up(name="Mallory")
    ask(owner)
    assert reset(owner, token_in(wait_for(mails, 1)[0])).status == 200
    assert squatter.get("/session").code == "no_session"
    assert squatter.sign_in().code == "invalid_credentials"
    user = owner.sign_in(password=NEW).json["user"]
    assert (user["name"], user["email_verified"]) == ("ada", True)
    assert "user_evicted" in event_names(server)


def test_nothing_in_the_database_opens_anything(server: LiveServer, mails: SMTPServer) -> None:
    browser = server.browser()
    browser.sign_up()
    ask(browser)
    token = token_in(wait_for(mails, 1)[0])
    for table in ("authingo_mails", "authingo_secrets", "authingo_events", "authingo_attempts"):
        assert token not in repr(execute(server.database_url, f"SELECT * FROM {table}"))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": ""},
        {"email": 1},
        {"email": "x" * 5000},
        {"email": "ada@example.com", "next": "/x"},
    ],
)
def test_a_bad_request_is_refused(server: LiveServer, body: dict[str, Any]) -> None:
    assert server.browser().post("/reset-password/request", body).status == 422


def test_without_mail_there_are_no_such_routes(serve: Callable[..., LiveServer]) -> None:
    browser = serve().browser()
    assert [ask(browser).code, reset(browser, "x").code] == ["not_found", "not_found"]
    paths = browser.get("/openapi.json", base="").json["paths"]
    assert [one for one in paths if "reset" in one] == []
